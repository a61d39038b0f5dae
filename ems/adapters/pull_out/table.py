"""The form of a list: what separates its cells, which row is its heading, which column holds what."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ems.domain.pull_out import ListFinding

SEPARATORS = ";\t,|"
LOOKED_AT = 10
"""Rows in which the heading is looked for; exports begin with titles."""

MAX_ROWS = 10_000


class Column(Enum):
    """What a column says, and the words by which its heading is known."""

    VEHICLE = frozenset({
        "vehicle", "vehicle id", "vehicle name", "bus", "bus no", "bus number", "truck", "fahrzeug", "fahrzeug id",
        "fahrzeugnummer", "fahrzeug nr", "fahrzeugnr", "wagen", "wagennummer", "wagen nr", "wagennr", "kurs fahrzeug",
        "lkw", "kennzeichen", "busnummer", "bus nr",
    })  # fmt: skip
    DEPARTURE = frozenset({
        "departure", "departure time", "departs", "departs at", "leaves", "leave by", "leaves at", "pull out",
        "pull out time", "pullout", "ready by", "abfahrt", "abfahrtszeit", "abfahrtzeit", "ausfahrt", "ausfahrtszeit",
        "ausfahrtzeit", "ausrücken", "ausrückzeit", "abfahrt um", "bereit bis", "fertig bis", "time", "uhrzeit", "zeit",
    })  # fmt: skip
    DATE = frozenset({
        "date", "day", "departure date", "operating day", "datum", "tag", "betriebstag", "abfahrtsdatum",
        "abfahrtdatum", "ausfahrtsdatum", "ausfahrtdatum", "verkehrstag",
    })  # fmt: skip
    SOC = frozenset({
        "soc", "target soc", "soc target", "target", "soc percent", "target soc percent", "min soc", "ziel soc",
        "zielsoc", "soll soc", "sollsoc", "mindest soc", "ladeziel", "ziel", "ladestand",
        "soll ladestand", "ziel ladestand",
    })  # fmt: skip
    KWH = frozenset({
        "kwh", "energy", "energy kwh", "need", "need kwh", "energy need", "energie", "energie kwh", "energiebedarf",
        "bedarf", "bedarf kwh", "energiebedarf kwh", "lademenge",
    })  # fmt: skip
    BAY = frozenset({
        "bay", "evse", "charger", "station", "charging point", "connector", "parking", "stellplatz", "platz",
        "ladeplatz", "ladepunkt", "ladestation", "ladesäule", "stand", "standplatz", "spur",
    })  # fmt: skip
    PRIORITY = frozenset({"priority", "prio", "class", "service class", "priorität", "klasse", "vorrang"})


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row and the line on which it ends."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of data, and in which column what stands."""

    rows: tuple[Row, ...]
    columns: Mapping[Column, int]

    def cell(self, row: Row, column: Column) -> str:
        """The text of a cell; empty where there is no such column, or the row is too short."""
        place = self.columns.get(column)
        return "" if place is None or place >= len(row.cells) else row.cells[place].strip()


def table_of(text: str) -> tuple[Table | None, tuple[ListFinding, ...]]:
    """Find out the form of a text; None, with findings, when it is no such list."""
    text = text.removeprefix("\ufeff")
    first: Row | None = None
    for separator in SEPARATORS:
        rows, trouble = _rows(text, separator)
        for i, row in enumerate(rows[:LOOKED_AT]):
            first = first or row
            columns = dict(_columns(row.cells))
            if Column.VEHICLE in columns and Column.DEPARTURE in columns:
                return Table(tuple(rows[i + 1 :]), columns), (*trouble, *_left_out(row, columns))
    if first is None:
        return None, (ListFinding(1, "there is nothing in it", "write rows with a vehicle and its departure"),)
    known = ", ".join(f"'{shown(cell.strip())}'" for cell in first.cells[:8])
    message = f"no heading names a column for the vehicle and one for its departure: found {known}"
    return None, (ListFinding(first.line, message, "write a first row such as: vehicle;departure;target_soc"),)


def shown(text: str) -> str:
    """A text from the list, short and without control characters."""
    return "".join(c if c.isprintable() else "�" for c in text[:40])


def _rows(text: str, separator: str) -> tuple[list[Row], tuple[ListFinding, ...]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows: list[Row] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
                rows.append(Row(reader.line_num, tuple(cells)))
            if len(rows) > MAX_ROWS:
                remedy = "split it by date"
                return rows, (ListFinding(reader.line_num, f"the list has more than {MAX_ROWS} rows", remedy),)
    except csv.Error as problem:
        message = f"the rows from here on cannot be read: {problem}"
        return rows, (ListFinding(reader.line_num, message, "save it as plain CSV"),)
    return rows, ()


def _columns(cells: Sequence[str]) -> Iterator[tuple[Column, int]]:
    """The first column of each meaning."""
    found: set[Column] = set()
    for place, cell in enumerate(cells):
        column = _meaning(cell)
        if column is not None and column not in found:
            found.add(column)
            yield column, place


def _meaning(heading: str) -> Column | None:
    """What a heading such as 'Ziel-SoC [%]' or 'energy_kwh' means; None when nothing here."""
    name = " ".join(re.findall(r"[^\W_]+", re.sub(r"\(.*?\)|\[.*?\]", " ", heading.casefold())))
    return next((column for column in Column if name in column.value), None)


def _left_out(heading: Row, columns: Mapping[Column, int]) -> Iterator[ListFinding]:
    places = set(columns.values())
    twice = [c for i, c in enumerate(heading.cells) if i not in places and _meaning(c) is not None]
    for cell in twice:
        message = f"another column says the same as '{shown(cell.strip())}'"
        yield ListFinding(heading.line, message, "remove the one that is not meant")
    others = [c for i, c in enumerate(heading.cells) if i not in places and c.strip() and c not in twice]
    if others:
        names = ", ".join(f"'{shown(cell.strip())}'" for cell in others[:8])
        remedy = (
            "nothing, unless one of them is meant; known are vehicle, departure, date, target_soc, kwh, evse, priority"
        )
        yield ListFinding(heading.line, f"these columns mean nothing here: {names}", remedy, is_refusal=False)
