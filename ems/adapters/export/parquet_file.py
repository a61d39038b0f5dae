"""A table as a Parquet file; needs the extra `ems[parquet]`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from ems.domain.record.data_table import Cell, DataTable, Kind

ROWS = 20_000
"""So many are one row group, and as much as is in memory."""

MONEY_DIGITS, MONEY_PLACES = 18, 4


class NoParquetError(Exception):
    """The package that writes Parquet is not installed; the text says the remedy."""


class _Pipe(io.RawIOBase):
    """Where the writer puts its bytes until they are taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """How much was written in all."""
        return self._written

    def write(self, data: Any) -> int:
        """Take a copy."""
        piece = bytes(data)
        self._pieces.append(piece)
        self._written += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        """What came since the last time."""
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


def as_parquet(table: DataTable) -> Iterator[bytes]:
    """Pieces of the file. Raises NoParquetError before the first one."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and a large one
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise NoParquetError(
            "Parquet needs the package pyarrow: pip install 'ems[parquet]', or take csv or json"
        ) from None
    kinds = {
        Kind.TEXT: pa.string(),
        Kind.TEXTS: pa.list_(pa.string()),
        Kind.WHOLE: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.FLAG: pa.bool_(),
        Kind.MOMENT: pa.timestamp("ms", tz="UTC"),
        Kind.MONEY: pa.decimal128(MONEY_DIGITS, MONEY_PLACES),
    }
    schema = pa.schema([(column.name, kinds[column.kind]) for column in table.columns])
    pipe, rows = _Pipe(), iter(table.rows)
    with parquet.ParquetWriter(pipe, schema, compression="zstd") as writer:
        while some := list(islice(rows, ROWS)):
            columns = [_values(table.columns[k].kind, [row[k] for row in some]) for k in range(len(table.columns))]
            arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield pipe.taken()
    yield pipe.taken()


def _values(kind: Kind, cells: Sequence[Cell]) -> list[Any]:
    if kind is Kind.TEXT:
        return [None if cell is None else str(cell).encode("utf-8", "replace").decode("utf-8") for cell in cells]
    return list(cells)
