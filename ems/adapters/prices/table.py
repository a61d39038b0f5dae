"""The form of a table: what separates its cells, which row is its heading, which column holds what."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ems.adapters.prices.finding import PriceFinding, refused, shown
from ems.adapters.prices.moment import wall_or_instant
from ems.adapters.prices.quantity import PRICE, Quantity
from ems.adapters.prices.unit import number_in, unit_of
from ems.domain.foreign_text import no_text

SEPARATORS = ";\t|,"
LOOKED_AT = 25
"""Rows in which the heading is looked for; exports begin with titles and remarks."""

DATES = frozenset({"date", "datum", "day", "tag", "delivery date", "delivery day", "lieferdatum", "liefertag"})
CLOCKS = frozenset({"time", "zeit", "hour", "uhrzeit", "von", "from", "start", "begin", "start time", "beginn"})
BEGINS = CLOCKS | frozenset({
    "datetime", "date time", "timestamp", "time stamp", "zeitstempel", "zeitpunkt", "datum von", "datum zeit",
    "datum uhrzeit", "start date", "startdate", "start datetime", "start timestamp", "timestart", "time start",
    "starttime", "valid from", "interval start", "interval begin", "delivery start", "delivery period", "mtu", "period",
    "periode", "hour beginning", "utc", "time utc", "datetime utc", "datetime local", "begins", "startzeit", "tijd",
    "tijdstip", "horodate", "heure",
})  # fmt: skip
ENDS = frozenset({
    "end", "to", "until", "bis", "datum bis", "end date", "enddate", "end time", "endtime", "time end", "timeend",
    "valid to", "valid until", "interval end", "delivery end", "end timestamp", "end datetime", "ende", "endzeit",
})  # fmt: skip


class Row(NamedTuple):
    """The cells of a row and the line on which it ends."""

    line: int
    cells: tuple[str, ...]

    def cell(self, column: int | None) -> str:
        """The text of a column, empty where the row is too short."""
        return self.cells[column].strip() if column is not None and column < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of data, and which column holds what. `headings` are as written, empty when the file has none.

    With a `clock` column the begin is the text of `begin` and that of `clock` together.
    """

    rows: tuple[Row, ...]
    begin: int
    price: int
    end: int | None = None
    clock: int | None = None
    unit: int | None = None
    headings: tuple[str, ...] = ()
    title: str = ""

    def heading(self, column: int) -> str:
        """The heading of a column, empty without one."""
        return self.headings[column] if column < len(self.headings) else ""

    def is_too_long(self, row: Row) -> bool:
        """Whether a row has cells for which there is no column."""
        columns = len(self.headings) or 2
        return any(cell.strip() for cell in row.cells[columns:])

    def begin_text(self, row: Row) -> str:
        """When the price of a row begins, as written."""
        return " ".join(part for part in (row.cell(self.begin), row.cell(self.clock)) if part)


def table_of(text: str, of: Quantity = PRICE) -> tuple[Table | None, tuple[PriceFinding, ...]]:
    """Find out the form of a text; None, with findings, when it is no table `of` such values."""
    foreign = no_text(text)
    if foreign is not None:
        return None, (refused(1, *foreign),)
    rows, findings = _rows(text)
    if not rows:
        return None, (*findings, refused(1, "there is nothing in it", f"write rows with a time and the {of.noun}"))
    for i, row in enumerate(rows[:LOOKED_AT]):
        table = _headed(row, rows[i + 1 :], " ".join(cell for above in rows[:i] for cell in above.cells), of)
        if table is not None:
            return table, (*findings, *_other_values(table, row, of))
    first = rows[0]
    if len(first.cells) == 2 and wall_or_instant(first.cell(0)) is not None and _is_number(first.cell(1)):
        return Table(tuple(rows), 0, 1), findings
    known = ", ".join(f"'{shown(cell.strip())}'" for cell in first.cells[:8])
    message = f"no heading names a column for the time and one for the {of.noun}: found {known}"
    return None, (*findings, refused(first.line, message, f"write a first row such as: {of.heading}"))


def _rows(text: str) -> tuple[list[Row], tuple[PriceFinding, ...]]:
    lines = [line for line in text.splitlines()[: 2 * LOOKED_AT] if line.strip() and not line.startswith("#")]
    separator = max(
        SEPARATORS, key=lambda mark: (_commonest([line.count(mark) for line in lines]), -SEPARATORS.index(mark))
    )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[Row] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
                rows.append(Row(reader.line_num, tuple(cells)))
    except csv.Error as problem:
        return rows, (
            refused(reader.line_num, f"the rows from here on cannot be read: {problem}", "save it as plain CSV"),
        )
    return rows, ()


def _commonest(counts: Sequence[int]) -> bool:
    """Whether most of the lines have such a mark."""
    return 2 * sum(1 for count in counts if count) > len(counts)


def _headed(row: Row, below: Sequence[Row], title: str, of: Quantity) -> Table | None:
    names = [_plain(cell) for cell in row.cells]
    prices = list(_value_columns(row.cells, names, of))
    date = next((i for i, name in enumerate(names) if name in DATES), None)
    clock = next((i for i, name in enumerate(names) if name in CLOCKS), None)
    begin = next((i for i, name in enumerate(names) if name in BEGINS), None)
    if date is not None and clock is None and begin is None:
        begin = date
    if begin is None or not prices:
        return None
    is_split = date is not None and clock is not None
    return Table(
        rows=tuple(below),
        begin=date if is_split and date is not None else begin,
        price=prices[0],
        end=None if is_split else next((i for i, name in enumerate(names) if name in ENDS), None),
        clock=clock if is_split else None,
        unit=next((i for i, name in enumerate(names) if name in {"unit", "einheit", "units"}), None),
        headings=row.cells,
        title=title,
    )


def _value_columns(cells: Sequence[str], names: Sequence[str], of: Quantity) -> Iterator[int]:
    for i, (cell, name) in enumerate(zip(cells, names, strict=True)):
        taken = name in BEGINS or name in ENDS or name in DATES
        if not taken and (unit_of(cell) is not None or any(word in name for word in of.words)):
            yield i


def _other_values(table: Table, heading: Row, of: Quantity) -> Iterator[PriceFinding]:
    names = [_plain(cell) for cell in heading.cells]
    others = [i for i in _value_columns(heading.cells, names, of) if i != table.price]
    if others:
        used, left = (shown(heading.cells[i].strip()) for i in (table.price, others[0]))
        message = f"several columns hold {of.plural}: '{used}' is taken, not '{left}'"
        yield PriceFinding(heading.line, message, "remove the columns that are not meant")


def _plain(cell: str) -> str:
    """A heading without what stands in brackets, in small letters, words apart by one blank."""
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"\(.*?\)|\[.*?\]", " ", cell.casefold())))


def _is_number(text: str) -> bool:
    return number_in(text, decimal_comma=False) is not None or number_in(text, decimal_comma=True) is not None
