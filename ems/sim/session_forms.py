"""The forms in which session records come: recognised, and read into records and rejected rows.

To add a table: write its function in a file of its own, and its columns into `TABLES`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ems.sim import acn_data, acn_sim_queue, boulder_data
from ems.sim.session_record import SessionRecord

Read = Callable[[Mapping[str, Any]], SessionRecord]
Found = list[tuple[str, SessionRecord | str]]
"""Where each entry stands ('line 7', 'item 3'), and the session, or why it is none."""

DELIMITERS = (",", ";", "\t", "|")


class Table(NamedTuple):
    """A form of table: recognised by the column `mark`, and whole with all of `columns`."""

    name: str
    mark: str
    columns: tuple[str, ...]
    others: tuple[str, ...]
    read: Read


TABLES = (
    Table(
        "ACN-Data CSV",
        "delivered_energy (kWh)",
        ("station_id", "arrival", "departure", "delivered_energy (kWh)"),
        ("session_id", "requested_energy (kWh)", "estimated_departure", "claimed"),
        acn_data.session_of_row,
    ),
    Table(
        "ACN-Data CSV of its API",
        "kWhDelivered",
        ("connectionTime", "disconnectTime", "kWhDelivered"),
        ("spaceID", "stationID", "sessionID", "_id", "userID", "userInputs"),
        acn_data.session_of_item,
    ),
    Table(
        "Boulder CSV",
        boulder_data.LASTED,
        ("Station_Name", boulder_data.START, boulder_data.END, boulder_data.LASTED, "Energy__kWh_"),
        ("ObjectId",),
        boulder_data.session_of_row,
    ),
)


def read_form(text: str, name: str) -> tuple[str, Found]:
    """Recognise the form of `text` and read it. Raises ValueError that says which forms there are."""
    if not text.strip():
        raise ValueError(f"{name}: the file is empty")
    if text.lstrip()[:1] in {"{", "["} or text.lstrip()[:2] == '"{':
        return _json_form(text, name)
    for delimiter in DELIMITERS:
        header = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
        present = {column.strip().casefold() for column in header}
        for table in TABLES:
            if table.mark.casefold() in present:
                missing = [column for column in table.columns if column.casefold() not in present]
                if missing:
                    raise ValueError(f"{name}:1: columns of {table.name} are missing: {', '.join(missing)}")
                return table.name, _rows(text, delimiter, table, name)
    known = "; ".join(f"{table.name} ({', '.join(table.columns)})" for table in TABLES)
    raise ValueError(f"{name}:1: no known form of sessions; needed is JSON, or a table with the columns of {known}")


def _rows(text: str, delimiter: str, table: Table, name: str) -> Found:
    """Columns may come in any order, and be written in any case."""
    called = {column.casefold(): column for column in (*table.columns, *table.others)}
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    found: Found = []
    try:
        header = [called.get(column.strip().casefold(), column) for column in next(reader)]
        for cells in reader:
            where = f"line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                found.append((where, f"{len(header)} columns expected, found {len(cells)}"))
            else:
                found.append((where, _attempt(dict(zip(header, cells, strict=True)), table.read)))
    except csv.Error as broken:
        raise ValueError(f"{name}:{reader.line_num}: not a table ({broken}); is a quote left open?") from None
    return found


def _json_form(text: str, name: str) -> tuple[str, Found]:
    try:
        content = json.loads(text)
        if isinstance(content, str):
            content = json.loads(content)
    except json.JSONDecodeError as wrong:
        raise ValueError(f"{name}:{wrong.lineno}: not JSON ({wrong.msg})") from None
    except RecursionError:
        raise ValueError(f"{name}: JSON that is nested too deeply to be sessions") from None
    if isinstance(content, Mapping) and isinstance(content.get("context_dict"), Mapping):
        try:
            vehicles = acn_sim_queue.vehicles_of(content["context_dict"])
            return "ACN-Sim event queue", _each(vehicles, acn_sim_queue.reader_of(vehicles))
        except ValueError as wrong:
            raise ValueError(f"{name}: {wrong}") from None
    items = _items(content)
    if items is None:
        raise ValueError(
            f"{name}: JSON, but without sessions: needed is a list of ACN-Data sessions, bare or under `_items`, or an "
            "event queue of ACN-Sim with its `context_dict`"
        )
    return "ACN-Data JSON", _each(items, acn_data.session_of_item)


def _items(content: Any) -> Sequence[Any] | None:
    """The sessions of one answer of the API, of a list of answers, or of a bare list."""
    if isinstance(content, Mapping):
        return content["_items"] if isinstance(content.get("_items"), list) else None
    if not isinstance(content, list):
        return None
    pages = [_items(entry) if isinstance(entry, Mapping) else None for entry in content]
    return [item for entry, page in zip(content, pages, strict=True) for item in ([entry] if page is None else page)]


def _each(items: Iterable[Any], read: Read) -> Found:
    return [(f"item {number}", _attempt(item, read)) for number, item in enumerate(items, 1)]


def _attempt(item: Any, read: Read) -> SessionRecord | str:
    if not isinstance(item, Mapping):
        return f"{item!r:.40} is not a session"
    try:
        return read(item)
    except (ValueError, OverflowError, OSError) as wrong:
        return str(wrong)
