"""A report on paper: key figures, then each sheet with its chart and its table."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    LongTable,
    PageTemplate,
    Paragraph,
    Table,
)

from ems.adapters.pdf.drawing import bars
from ems.adapters.pdf.letters import Letters, letters, printable
from ems.statistics.period import Every, Period
from ems.statistics.report import Report
from ems.statistics.sheet import Column, Kind, Sheet, Value, in_words

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
FIGURES_IN_A_ROW = 5

Form = tuple[str, tuple[int, int], tuple[int, int], Any]
"""What holds from one cell of a table to another."""


class _Styles:
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


def pdf_of(report: Report) -> bytes:
    """The report as an A4 document; the same report gives the same bytes."""
    styles = _Styles(letters())
    written = io.BytesIO()
    title = f"{printable(report.site)}: {report.period}"
    document = BaseDocTemplate(
        written, pagesize=A4, title=title, author="ems", creator="ems", invariant=1, pageCompression=1
    )
    frame = Frame(MARGIN, MARGIN, WIDTH, A4[1] - 2 * MARGIN, 0, 0, 0, 0)
    foot = f"{title}, made {report.made.astimezone(report.period.zone):%Y-%m-%d %H:%M} {report.period.zone.key}"
    document.addPageTemplates(PageTemplate("page", [frame], onPage=_Foot(foot, styles.letters)))
    document.build(list(_story(report, styles)))
    return written.getvalue()


class _Foot:
    """What stands below each page."""

    def __init__(self, words: str, set_in: Letters) -> None:
        self._words, self._font = words, set_in.plain

    def __call__(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        canvas.setFont(self._font, SMALL)
        canvas.setFillColor(MUTED)
        canvas.drawString(MARGIN, MARGIN - 14, self._words[:140])
        canvas.drawRightString(A4[0] - MARGIN, MARGIN - 14, str(document.page))


def _story(report: Report, styles: _Styles) -> Iterator[Flowable]:
    period = report.period
    yield styles.text(report.site, styles.title)
    yield styles.text(f"Report of {_days(period)}", styles.heading)
    for sheet in report.sheets:
        if sheet.name == "figures":
            yield from _figures(sheet, report, styles)
            for note in report.notes:
                yield styles.text(f"• {note}", styles.note)
        else:
            yield from _sheet(sheet, report, styles)


def _days(period: Period) -> str:
    if period == Period.around(period.first, Every.MONTH, period.zone):
        return f"{period.first:%B %Y}"
    first = f"{period.first:%d %B %Y}"
    return first if period.days == 1 else f"{first} to {period.last:%d %B %Y}"


def _figures(sheet: Sheet, report: Report, styles: _Styles) -> Iterator[Flowable]:
    value = sheet.columns[sheet.column("value")]
    cells: list[list[Paragraph]] = []
    for row in sheet.records():
        words = in_words(row["value"], value, report.period.zone)
        unit = f" {row['unit']}" if row["unit"] and row["value"] is not None else ""
        cells.append([styles.text(str(row["figure"]), styles.head), styles.text(f"{words}{unit}", styles.figure)])
    cells += [[] for _ in range(-len(cells) % FIGURES_IN_A_ROW)]
    rows = [cells[i : i + FIGURES_IN_A_ROW] for i in range(0, len(cells), FIGURES_IN_A_ROW)]
    table = Table(rows, [WIDTH / FIGURES_IN_A_ROW] * FIGURES_IN_A_ROW, hAlign="LEFT")
    table.setStyle([("LEFTPADDING", (0, 0), (-1, -1), 0), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    yield table


def _sheet(sheet: Sheet, report: Report, styles: _Styles) -> Iterator[Flowable]:
    drawn = _chart(sheet, report, styles)
    yield CondPageBreak(70 if drawn is None else 190)
    yield styles.text(sheet.title, styles.heading)
    yield styles.text(sheet.about, styles.note)
    if not sheet.rows:
        yield styles.text(sheet.empty, styles.cell)
        return
    if drawn is not None:
        yield drawn
    yield _table(sheet, report, styles)
    if len(sheet.rows) > MOST_ROWS:
        yield styles.text(f"{len(sheet.rows) - MOST_ROWS} more rows are in the CSV.", styles.note)


def _chart(sheet: Sheet, report: Report, styles: _Styles) -> Drawing | None:
    chart = sheet.chart
    if chart is None or chart.form != "bars" or not sheet.rows:
        return None
    x, ys = sheet.column(chart.x), [sheet.column(name) for name in chart.ys]
    labels = [_short(row[x], sheet.columns[x], report) for row in sheet.rows]
    columns = [[_number(row[k]) for row in sheet.rows] for k in ys]
    names = [sheet.columns[k].label for k in ys]
    return bars(labels, columns, names, WIDTH, styles.letters)


def _short(value: Value, column: Column, report: Report) -> str:
    if column.kind is Kind.DAY and isinstance(value, date):
        return f"{value:%m-%d}"
    words = printable(in_words(value, column, report.period.zone))
    words = words[5:] if column.kind is Kind.TIME else words
    return words if len(words) <= 12 else f"{words[:11]}…"


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _table(sheet: Sheet, report: Report, styles: _Styles) -> Table:
    zone, rows = report.period.zone, sheet.rows[:MOST_ROWS]
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
