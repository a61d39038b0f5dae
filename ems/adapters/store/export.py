"""Data for others: lines of CSV or JSON, produced as they are read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from ems.adapters.store.reading import Reader

Cell = str | int | float | None
FORMATS = ("csv", "json")

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run a text that begins so."""


def _energy(reader: Reader, since: datetime, until: datetime) -> Iterator[Mapping[str, Any]]:
    for row in reader.intervals(since, until):
        yield {
            "starts": row.starts,
            "kind": row.kind,
            "name": row.name,
            "energy_wh": row.energy_wh,
            "mean_w": row.mean_w,
            "max_w": row.max_w,
            **{f"mean_l{phase}_a": value for phase, value in enumerate(row.mean_a, start=1)},
            **{f"max_l{phase}_a": value for phase, value in enumerate(row.max_a, start=1)},
            "covered_s": row.covered_s,
        }


_SOURCES: dict[str, Callable[[Reader, datetime, datetime], Iterable[Mapping[str, Any]]]] = {
    "sessions": lambda reader, since, until: (row._asdict() for row in reader.sessions(since, until)),
    "energy": _energy,
    "transactions": lambda reader, since, until: (row._asdict() for row in reader.transactions(since, until)),
    "alarms": lambda reader, since, until: (row._asdict() for row in reader.alarms(since, until)),
}

EXPORTS = tuple(_SOURCES)
"""What can be exported."""

_COLUMNS = {
    "sessions": ("id", "evse", "plugged", "unplugged", "energy_wh", "need_wh", "departure", "soc_percent",
                 "service_class", "transactions", "id_tags", "vehicle"),
    "energy": ("starts", "kind", "name", "energy_wh", "mean_w", "max_w", "mean_l1_a", "mean_l2_a", "mean_l3_a",
               "max_l1_a", "max_l2_a", "max_l3_a", "covered_s"),
    "transactions": ("id", "evse", "id_tag", "started", "ended", "meter_start_wh", "meter_stop_wh", "energy_wh",
                     "reason", "inferred"),
    "alarms": ("key", "scope", "level", "text", "began", "ended"),
}  # fmt: skip


def export(reader: Reader, what: str, since: datetime, until: datetime, form: str) -> Iterator[str]:
    """Lines with their ends: a CSV with a header, or one JSON array. Times are UTC; empty means unknown.

    Raises ValueError for an unknown `what` or `form`, NotReadableError when the database cannot be read.
    """
    if what not in _SOURCES:
        raise ValueError(f"cannot export {what!r}: one of {', '.join(EXPORTS)}")
    if form not in FORMATS:
        raise ValueError(f"unknown format {form!r}: one of {', '.join(FORMATS)}")
    rows = _SOURCES[what](reader, since, until)
    return _csv(rows, _COLUMNS[what]) if form == "csv" else _json(rows)


def _csv(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...]) -> Iterator[str]:
    line = io.StringIO(newline="")
    writer = csv.writer(line)
    writer.writerow(columns)
    for row in rows:
        yield _taken(line)
        writer.writerow([cell(row[column]) for column in columns])
    yield _taken(line)


def _json(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + json.dumps({name: _plain(value) for name, value in row.items()})
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def cell(value: Any) -> Cell:
    """A value as a CSV cell; text that a spreadsheet would take for a formula gets an apostrophe before it."""
    plain = _plain(value)
    text = " ".join(map(str, plain)) if isinstance(plain, list) else plain
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA_STARTS) else text


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.name
    return list(value) if isinstance(value, tuple) else value


def _taken(line: io.StringIO) -> str:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text
