"""A table as one JSON array of objects, a line each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from ems.domain.record.data_table import Cell, DataTable

ROWS = 500
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False).encode


def as_json(table: DataTable) -> Iterator[bytes]:
    """Pieces of the file; what is unknown is null, times are UTC, amounts of money are exact, so they are texts."""
    names = [column.name for column in table.columns]
    before, lines = "[\n", []
    for row in table.rows:
        cells = [_json(cell) for cell in row]
        lines.append(before + _encode(dict(zip(names, cells, strict=True))))
        before = ",\n"
        if len(lines) == ROWS:
            yield "".join(lines).encode("ascii")
            lines.clear()
    lines.append("[]\n" if before == "[\n" else "\n]\n")
    yield "".join(lines).encode("ascii")


def _json(cell: Cell) -> object:
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return list(cell) if isinstance(cell, tuple) else cell
