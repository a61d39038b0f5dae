"""A table as CSV, for programs or for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from ems.domain.record.data_table import Cell, Column, DataTable, Kind

BYTE_ORDER_MARK = "\ufeff"
ROWS = 500
"""So many become one piece."""

OFFSET = "utc_offset"
SECONDS = len("2026-03-29 03:15:00")

FORMULA = re.compile(r"^(?=[\t\r\n])|(?:^|[;,|\t\r\n])\s*(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet would begin to run a text: at its begin, or behind what it may take for a separator."""


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
    of_first = next((k for k, column in enumerate(table.columns) if column.kind is Kind.MOMENT), None)
    offset = of_first if dialect.zone is not None else None
    writer.writerow([column.name for column in table.columns] + ([] if offset is None else [OFFSET]))
    written = [_writing(column, dialect) for column in table.columns]
    for number, row in enumerate(table.rows, start=1):
        cells: list[object] = [None if cell is None else write(cell) for cell, write in zip(row, written, strict=True)]
        if offset is not None:
            cells.append(_offset(row[offset], dialect))
        writer.writerow(cells)
        if number % ROWS == 0:
            yield _taken(text)
    yield _taken(text)


@lru_cache(maxsize=10_000)
def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula; harmless ones stay as they are. Cached, because they repeat."""
    return FORMULA.sub(r"\g<0>'", text)


def _writing(column: Column, dialect: Dialect) -> Callable[[Cell], object]:
    """How the cells of a column are written."""
    match column.kind:
        case Kind.TEXT:
            return lambda cell: inert(str(cell))
        case Kind.TEXTS:
            return lambda cell: inert(" ".join(cell)) if isinstance(cell, tuple) else cell
        case Kind.MOMENT:
            zone = dialect.zone
            return _utc if zone is None else lambda cell: _local(cell, zone)
        case Kind.NUMBER | Kind.MONEY if dialect.point != ".":
            return lambda cell: _plain(cell).replace(".", dialect.point)
        case Kind.NUMBER | Kind.MONEY:
            return _plain
        case Kind.FLAG:
            return lambda cell: "true" if cell else "false"
        case _:
            return lambda cell: cell


def _plain(cell: Cell) -> str:
    return f"{cell:f}" if isinstance(cell, Decimal) else repr(cell)


def _utc(cell: Cell) -> str:
    assert isinstance(cell, datetime)
    return f"{cell.astimezone(UTC).isoformat()[:SECONDS]}Z"


def _local(cell: Cell, zone: tzinfo) -> str:
    assert isinstance(cell, datetime)
    return cell.astimezone(zone).isoformat(" ")[:SECONDS]


def _offset(cell: Cell, dialect: Dialect) -> str:
    if not isinstance(cell, datetime) or dialect.zone is None:
        return ""
    told = f"{cell.astimezone(dialect.zone):%z}"
    # Without the letters a spreadsheet would take it for a number or a formula.
    return f"UTC{told[:3]}:{told[3:]}"


def _taken(text: io.StringIO) -> bytes:
    found = text.getvalue()
    text.seek(0)
    text.truncate()
    return found.encode("utf-8", "replace")
