"""A table as CSV, for programs or for a spreadsheet. It is written a column of some rows at a time: a year has millions
of cells, and whatever is asked of each of them costs seconds.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from ems.domain.record.data_table import Cell, Column, DataTable, Kind

BYTE_ORDER_MARK = "\ufeff"
ROWS = 500
"""So many become one piece."""

OFFSET = "utc_offset"
MINUTES = tuple(f"{hour:02d}:{minute:02d}:" for hour in range(24) for minute in range(60))
SECONDS = tuple(f"{second:02d}" for second in range(60))

FORMULA = re.compile(r"^(?=[\t\r\n])|(?:^|[;,|\t\r\n])\s*(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet would begin to run a text: at its begin, or behind what it may take for a separator."""

PLAIN = re.compile(r"[^\s=+\-@\uff1d\uff0b\uff0d\uff20;,|][^;,|\t\r\n]*")
"""A text in which there is no such place, as nearly all are: told in a tenth of the time."""


class Dialect(NamedTuple):
    """How a CSV is written; `zone` None: for programs."""

    separator: str = ","
    point: str = "."
    zone: tzinfo | None = None


def dialect_of(language: str, zone: tzinfo) -> Dialect:
    """For a spreadsheet in a language: English ones take a point, those of the continent a comma."""
    return Dialect(",", ".", zone) if language == "en" else Dialect(";", ",", zone)


def as_csv(table: DataTable, dialect: Dialect) -> Iterator[bytes]:
    """Pieces of the file: a line of names, then a line per row."""
    text = io.StringIO(newline="")
    if dialect.zone is not None:
        text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text, delimiter=dialect.separator)
    zone = dialect.zone
    moments = {} if zone is None else {k: one.name for k, one in enumerate(table.columns) if one.kind is Kind.MOMENT}
    written = [_writing(column, dialect) for column in table.columns]
    writer.writerow([*(column.name for column in table.columns), *([OFFSET] if moments else ())])
    rows = iter(table.rows)
    while some := list(islice(rows, ROWS)):
        cells = list(zip(*some, strict=True))
        columns = [write(column) for write, column in zip(written, cells, strict=True)]
        if zone is not None and moments:
            columns.append(_offsets({name: cells[k] for k, name in moments.items()}, zone))
        writer.writerows(zip(*columns, strict=True))
        yield _taken(text)
    if text.tell():
        yield _taken(text)


@lru_cache(maxsize=10_000)
def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula; harmless ones stay as they are. Cached, because they repeat."""
    return text if PLAIN.fullmatch(text) else FORMULA.sub(r"\g<0>'", text)


_Writing = Callable[[Sequence[Cell]], Iterable[object]]


def _writing(column: Column, dialect: Dialect) -> _Writing:
    """How some cells of a column are written; what is unknown stays None."""
    match column.kind:
        case Kind.TEXT:
            return lambda cells: [None if cell is None else inert(str(cell)) for cell in cells]
        case Kind.TEXTS:
            return lambda cells: [inert(" ".join(cell)) if isinstance(cell, tuple) else cell for cell in cells]
        case Kind.MOMENT:
            return _moments_in(UTC, "T", "Z") if dialect.zone is None else _moments_in(dialect.zone, " ", "")
        case Kind.NUMBER | Kind.MONEY if dialect.point != ".":
            point = dialect.point
            return lambda cells: [None if cell is None else _plain(cell).replace(".", point) for cell in cells]
        case Kind.NUMBER | Kind.MONEY:
            return lambda cells: [None if cell is None else _plain(cell) for cell in cells]
        case Kind.FLAG:
            return lambda cells: [None if cell is None else "true" if cell else "false" for cell in cells]
        case _:
            return lambda cells: cells


def _plain(cell: Cell) -> str:
    return f"{cell:f}" if isinstance(cell, Decimal) else repr(cell)


def _moments_in(zone: tzinfo, between: str, behind: str) -> _Writing:
    """Moments on a clock, to the second. Their parts are looked up: formatting is what takes the time."""
    seconds = [f"{second}{behind}" for second in SECONDS]

    @lru_cache(maxsize=1_000)
    def day(number: int) -> str:
        return f"{date.fromordinal(number).isoformat()}{between}"

    def written(cell: Cell) -> str | None:
        if cell is None:
            return None
        assert isinstance(cell, datetime)
        at = cell.astimezone(zone)
        return f"{day(at.toordinal())}{MINUTES[60 * at.hour + at.minute]}{seconds[at.second]}"

    return lambda cells: map(written, cells)


def _offsets(moments: Mapping[str, Sequence[Cell]], zone: tzinfo) -> list[str]:
    """How far a clock was from UTC at the first moment of each row, and at which others it was another."""
    names, first, *others = tuple(moments), *(_offsets_at(cells, zone) for cells in moments.values())
    if all(first == each for each in others):
        return first
    return [_in_words(names, row) for row in zip(first, *others, strict=True)]


def _offsets_at(cells: Sequence[Cell], zone: tzinfo) -> list[str]:
    """How far a clock was from UTC at moments; nothing for those that are unknown."""
    return [_offset(cell.astimezone(zone).utcoffset()) if isinstance(cell, datetime) else "" for cell in cells]


@lru_cache(maxsize=1_000)
def _in_words(names: tuple[str, ...], offsets: tuple[str, ...]) -> str:
    """'UTC+01:00', or where the clocks changed meanwhile 'UTC+01:00 (unplugged, ended UTC+02:00)'."""
    known = {offset: None for offset in offsets if offset}
    main, *later = known or ("",)
    other = (f"{', '.join(n for n, o in zip(names, offsets, strict=True) if o == one)} {one}" for one in later)
    return f"{main} ({'; '.join(other)})" if later else main


@lru_cache(maxsize=100)
def _offset(ahead: timedelta | None) -> str:
    told = f"{datetime.min.replace(tzinfo=timezone(ahead or timedelta())):%z}"
    # Without the letters a spreadsheet would take it for a number or a formula.
    return f"UTC{told[:3]}:{told[3:]}"


def _taken(text: io.StringIO) -> bytes:
    found = text.getvalue()
    text.seek(0)
    text.truncate()
    return found.encode("utf-8", "replace")
