"""A report on paper: key figures, then each sheet with its chart and its table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from reportlab.graphics.shapes import Drawing
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, Table

from ems.adapters.pdf.drawing import bars
from ems.adapters.pdf.letters import letters, printable
from ems.adapters.pdf.paper import MOST_ROWS, WIDTH, Styles, set_on_paper, table_of
from ems.statistics.period import Every, Period
from ems.statistics.report import Report
from ems.statistics.sheet import Column, Kind, Sheet, Value, in_words

FIGURES_IN_A_ROW = 5


def pdf_of(report: Report) -> bytes:
    """The report as an A4 document; the same report gives the same bytes."""
    styles = Styles(letters())
    title = f"{printable(report.site)}: {report.period}"
    foot = f"{title}, made {report.made.astimezone(report.period.zone):%Y-%m-%d %H:%M} {report.period.zone.key}"
    return set_on_paper(title, foot, _story(report, styles), styles)


def _story(report: Report, styles: Styles) -> Iterator[Flowable]:
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


def _figures(sheet: Sheet, report: Report, styles: Styles) -> Iterator[Flowable]:
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


def _sheet(sheet: Sheet, report: Report, styles: Styles) -> Iterator[Flowable]:
    drawn = _chart(sheet, report, styles)
    yield CondPageBreak(100 if drawn is None else 190)  # what it is about, the head of its table and a row
    yield styles.text(sheet.title, styles.heading)
    yield styles.text(sheet.about, styles.note)
    if not sheet.rows:
        yield styles.text(sheet.empty, styles.cell)
        return
    if drawn is not None:
        yield drawn
    yield table_of(sheet, report.period.zone, styles)
    if len(sheet.rows) > MOST_ROWS:
        yield styles.text(f"{len(sheet.rows) - MOST_ROWS} more rows are in the CSV.", styles.note)


def _chart(sheet: Sheet, report: Report, styles: Styles) -> Drawing | None:
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
