"""A table in the form that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from ems.adapters.export.csv_file import Dialect, as_csv, dialect_of
from ems.adapters.export.json_file import as_json
from ems.adapters.export.parquet_file import as_parquet
from ems.domain.record.data_table import DataTable
from ems.domain.record.export_request import Form


def written(table: DataTable, form: Form, language: str, zone: ZoneInfo) -> Iterator[bytes]:
    """Pieces of the file. Raises NoParquetError, or what the rows of the table raise."""
    match form:
        case Form.CSV:
            return as_csv(table, dialect_of(language, zone) if language else Dialect())
        case Form.JSON:
            return as_json(table)
        case Form.PARQUET:
            return as_parquet(table)
