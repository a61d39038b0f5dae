"""How anything is set on paper: letters, tables, what stands below each page."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from reportlab import rl_config
from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, LongTable, PageTemplate, Paragraph, Table

from ems.adapters.pdf.letters import Letters, printable
from ems.statistics.sheet import Column, Sheet, in_words

MARGIN = 14 * mm
WIDTH = A4[0] - 2 * MARGIN
INK, MUTED, LINE = HexColor("#16202b"), HexColor("#4f5d6b"), HexColor("#c3ccd6")
HEAT = (HexColor("#0b63a8"), 0.6)
SIZE, SMALL = 7.0, 6.0
PAD = 5.0
MOST_ROWS = 150
"""Rows of a sheet; who needs more reads the CSV."""

WIDEST = 150.0
LONG = 26
AIR = 24.0
MOST_WORDS = 400
rl_config.useA85 = 0  # Its streams as letters are for wires of seven bits: a quarter larger, and slower.

Form = tuple[str, tuple[int, int], tuple[int, int], Any]
"""What holds from one cell of a table to another."""


class Styles:
    """The letters in which everything is set."""

    def __init__(self, set_in: Letters) -> None:
        self.letters = set_in
        plain, bold = set_in
        self.title = ParagraphStyle("title", fontName=bold, fontSize=16, leading=20, textColor=INK)
        self.heading = ParagraphStyle("heading", fontName=bold, fontSize=11, leading=14, spaceBefore=10, textColor=INK)
        self.note = ParagraphStyle("note", fontName=plain, fontSize=SIZE, leading=9, spaceAfter=4, textColor=MUTED)
        self.cell = ParagraphStyle("cell", fontName=plain, fontSize=SIZE, leading=8.5, textColor=INK)
        self.head = ParagraphStyle("head", fontName=plain, fontSize=SMALL, leading=7.2, textColor=MUTED)
        self.head_right = ParagraphStyle("head_right", parent=self.head, alignment=TA_RIGHT)
        self.figure = ParagraphStyle("figure", fontName=bold, fontSize=10, leading=12, textColor=INK)

    def text(self, words: str, style: ParagraphStyle) -> Paragraph:
        """Anybody's words, which are no markup."""
        return Paragraph(escape(printable(words)), style)


def set_on_paper(title: str, foot: str, story: Iterable[Flowable], styles: Styles) -> bytes:
    """An A4 document; the same story gives the same bytes. `foot` stands below each page."""
    written = io.BytesIO()
    document = BaseDocTemplate(
        written, pagesize=A4, title=title, author="ems", creator="ems", invariant=1, pageCompression=1
    )
    frame = Frame(MARGIN, MARGIN, WIDTH, A4[1] - 2 * MARGIN, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate("page", [frame], onPage=_Foot(foot, styles.letters)))
    document.build(list(story))
    return written.getvalue()


def table_of(sheet: Sheet, zone: ZoneInfo, styles: Styles) -> Table:
    """The rows of a sheet, as many as fit a document."""
    rows = sheet.rows[:MOST_ROWS]
    words = [
        [_cut(printable(in_words(value, column, zone))) for value, column in zip(row, sheet.columns, strict=True)]
        for row in rows
    ]
    widths = _widths(sheet.columns, words, styles.letters)
    head = [
        styles.text(column.label, styles.head_right if column.is_number else styles.head) for column in sheet.columns
    ]
    body = [
        [
            styles.text(one, styles.cell) if not column.is_number and len(one) > LONG else one
            for one, column in zip(row, sheet.columns, strict=True)
        ]
        for row in words
    ]
    table = LongTable([head, *body], widths, repeatRows=1, hAlign="LEFT")
    form: list[Form] = [
        ("FONTNAME", (0, 1), (-1, -1), styles.letters.plain),
        ("FONTSIZE", (0, 1), (-1, -1), SIZE),
        ("LEADING", (0, 1), (-1, -1), 8.5),
        ("TEXTCOLOR", (0, 1), (-1, -1), INK),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), PAD),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        *(("ALIGN", (k, 1), (k, -1), "RIGHT") for k, column in enumerate(sheet.columns) if column.is_number),
        *_heat(sheet),
    ]
    table.setStyle(form)
    table.setStyle([("LINEBELOW", (0, 0), (-1, -1), 0.3, LINE)])
    return table


class _Foot:
    """What stands below each page."""

    def __init__(self, words: str, set_in: Letters) -> None:
        self._words, self._font = words, set_in.plain

    def __call__(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        canvas.setFont(self._font, SMALL)
        canvas.setFillColor(MUTED)
        canvas.drawString(MARGIN, MARGIN - 14, self._words[:140])
        canvas.drawRightString(A4[0] - MARGIN, MARGIN - 14, str(document.page))


def _cut(words: str) -> str:
    """No cell is higher than a page."""
    return words if len(words) <= MOST_WORDS else f"{words[:MOST_WORDS]}…"


def _widths(columns: Sequence[Column], words: Sequence[Sequence[str]], set_in: Letters) -> list[float]:
    """As wide as their content, less where that does not fit; long words of text are broken."""
    found = []
    for k, column in enumerate(columns):
        longest = max((row[k] for row in words), key=len, default="")
        label = max(column.label.split(), key=len)
        need = max(stringWidth(longest, set_in.plain, SIZE), stringWidth(label, set_in.plain, SMALL)) + PAD + 1
        found.append(min(need, WIDEST))
    whole = sum(found)
    if whole > WIDTH:
        fixed = sum(width for width, column in zip(found, columns, strict=True) if column.is_number)
        share = max(0.2, (WIDTH - fixed) / max(1.0, whole - fixed))
        found = [w if column.is_number else w * share for w, column in zip(found, columns, strict=True)]
        return [width * min(1.0, WIDTH / sum(found)) for width in found]
    last = next((k for k in reversed(range(len(columns))) if not columns[k].is_number), None)
    if last:  # text behind numbers takes what is left
        found[last] += WIDTH - whole
        return found
    return [width + min(AIR, (WIDTH - whole) / len(found)) for width in found]


def _heat(sheet: Sheet) -> Iterator[Form]:
    if sheet.chart is None or sheet.chart.form != "heat":
        return
    most = max((value for row in sheet.rows for value in row if isinstance(value, float)), default=0.0)
    for i, row in enumerate(sheet.rows, start=1):
        for k, value in enumerate(row):
            if most and isinstance(value, float):
                yield "BACKGROUND", (k, i), (k, i), _mixed(value / most)


def _mixed(share: float) -> Color:
    colour, most = HEAT
    return Color(*(a + (b - a) * share * most for a, b in zip(white.rgb(), colour.rgb(), strict=True)))
