"""The form of a list: what separates its cells, which row is its heading, which column holds what."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from ems.domain.foreign_text import no_text
from ems.domain.list_finding import ListFinding

C = TypeVar("C", bound=Enum)

SEPARATORS = ";\t,|"
LOOKED_AT = 10
"""Rows in which the heading is looked for; exports begin with titles."""

MAX_ROWS = 10_000
BOM = "\ufeff"
"""Without it spreadsheets take UTF-8 for something else."""


class RefusedError(Exception):
    """A row cannot be taken: why, and what to do about it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


@dataclass(frozen=True, slots=True)
class Form(Generic[C]):
    """A kind of list: its columns by the words of their headings, and those without which it is none, `sought` in a
    sentence. Rows that begin with `remark` say nothing.
    """

    columns: Mapping[str, C]
    needed: tuple[C, ...]
    sought: str
    remark: str = ""

    def meaning(self, heading: str) -> C | None:
        """What a heading such as 'Ziel-SoC [%]' or 'energy_kwh' means; None when nothing here."""
        return self.columns.get(_plain(re.sub(r"\(.*?\)|\[.*?\]", " ", heading)))

    @property
    def names(self) -> tuple[str, ...]:
        """How the columns are written."""
        return tuple(column.value[0] for column in dict.fromkeys(self.columns.values()))


def words_of(columns: type[C]) -> Mapping[str, C]:
    """The columns by the words that are their values."""
    return {_plain(word): column for column in columns for word in column.value}


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row and the line on which it ends."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table(Generic[C]):
    """The rows of data, and in which column what stands."""

    rows: tuple[Row, ...]
    columns: Mapping[C, int]

    def cell(self, row: Row, column: C) -> str:
        """The text of a cell; empty where there is no such column, or the row is too short."""
        place = self.columns.get(column)
        return "" if place is None or place >= len(row.cells) else row.cells[place].strip()


def table_of(text: str, form: Form[C]) -> tuple[Table[C] | None, tuple[ListFinding, ...]]:
    """Find out the form of a text; None, with findings, when it is no such list."""
    text = text.removeprefix(BOM)
    foreign = no_text(text)
    if foreign is not None:
        return None, (ListFinding(1, *foreign),)
    first: Row | None = None
    for separator in SEPARATORS:
        rows, trouble = _rows(text, separator, form.remark)
        for i, row in enumerate(rows[:LOOKED_AT]):
            first = first or row
            columns = dict(_columns(row.cells, form))
            if all(column in columns for column in form.needed):
                told = (*trouble, *_left_out(row, columns, form))
                fitting, odd = _as_wide_as(row, rows[i + 1 :], separator)
                return Table(fitting, columns), (*told, *odd)
    remedy = f"write a first row such as: {';'.join(form.names[:3])}"
    if first is None:
        return None, (ListFinding(1, "there is nothing in it, no heading and no rows", remedy),)
    known = ", ".join(f"'{shown(cell.strip())}'" for cell in first.cells[:8])
    return None, (ListFinding(first.line, f"no heading names a column for {form.sought}: found {known}", remedy),)


def shown(text: str) -> str:
    """A text from the list, short and without control characters."""
    return "".join(c if c.isprintable() else "�" for c in text[:40])


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def _rows(text: str, separator: str, remark: str) -> tuple[list[Row], tuple[ListFinding, ...]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows: list[Row] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not (remark and cells[0].startswith(remark)):
                rows.append(Row(reader.line_num, tuple(cells)))
            if len(rows) > MAX_ROWS:
                return rows, (ListFinding(reader.line_num, f"the list has more than {MAX_ROWS} rows", "split it"),)
    except csv.Error as problem:
        message = f"the rows from here on cannot be read: {problem}"
        return rows, (ListFinding(reader.line_num, message, "save it as plain CSV"),)
    return rows, ()


def _columns(cells: Sequence[str], form: Form[C]) -> Iterator[tuple[C, int]]:
    """The first column of each meaning."""
    found: set[C] = set()
    for place, cell in enumerate(cells):
        column = form.meaning(cell)
        if column is not None and column not in found:
            found.add(column)
            yield column, place


def _as_wide_as(heading: Row, rows: Sequence[Row], separator: str) -> tuple[tuple[Row, ...], tuple[ListFinding, ...]]:
    """The rows that say nothing beyond the last column, and a finding for each other one: of `12,5` between commas
    the 12 would be taken.
    """
    width = len(heading.cells)
    wide = {row.line for row in rows if any(cell.strip() for cell in row.cells[width:])}
    remedy = f"put what holds a '{separator}' into quotes, or give each column a heading"
    odd = (
        ListFinding(row.line, f"it has {len(row.cells)} cells, the heading has {width}", remedy)
        for row in rows
        if row.line in wide
    )
    return tuple(row for row in rows if row.line not in wide), tuple(odd)


def _left_out(heading: Row, columns: Mapping[C, int], form: Form[C]) -> Iterator[ListFinding]:
    places = set(columns.values())
    twice = [c for i, c in enumerate(heading.cells) if i not in places and form.meaning(c) is not None]
    for cell in twice:
        message = f"another column says the same as '{shown(cell.strip())}'"
        yield ListFinding(heading.line, message, "remove the one that is not meant")
    others = [c for i, c in enumerate(heading.cells) if i not in places and c.strip() and c not in twice]
    if others:
        names = ", ".join(f"'{shown(cell.strip())}'" for cell in others[:8])
        remedy = f"nothing, unless one of them is meant; known are {', '.join(form.names)}"
        yield ListFinding(heading.line, f"these columns mean nothing here: {names}", remedy, is_refusal=False)
