"""The forms in which session records come: recognised, and read into records and rejected rows.

Tables and lists of unknown make are read by the words of their headings (`session_table`). To add one that those do
not tell: write its function in a file of its own, and its columns into `TABLES`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ems.sim import acn_data, acn_sim_queue, boulder_data
from ems.sim.session_columns import columns_of, missing_of
from ems.sim.session_record import SessionRecord
from ems.sim.session_table import Row, SessionTable

Read = Callable[[Mapping[str, Any], ZoneInfo | None], SessionRecord]
Found = list[tuple[str, SessionRecord | str]]
"""Where each entry stands ('line 7', 'item 3'), and the session, or why it is none."""

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 10
"""Rows in which the headings are looked for; exports begin with titles."""

NEEDED = (
    "needed is JSON, or a table whose headings name the EVSE, the begin, the end and the energy with its unit, for "
    "example: evse,plugged,unplugged,energy_kwh"
)


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


def read_form(text: str, name: str, zone: ZoneInfo | None) -> tuple[str, Found]:
    """Recognise the form of `text` and read it; `zone` is that of times without an offset. Raises ValueError that says
    what is needed.
    """
    if not text.strip():
        raise ValueError(f"{name}: the file is empty")
    if text.lstrip()[:1] in {"{", "["} or text.lstrip()[:2] == '"{':
        return _json_form(text, name, zone)
    for delimiter in DELIMITERS:
        header = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
        present = {column.strip().casefold() for column in header}
        for table in TABLES:
            if table.mark.casefold() in present:
                missing = [column for column in table.columns if column.casefold() not in present]
                if missing:
                    raise ValueError(f"{name}:1: columns of {table.name} are missing: {', '.join(missing)}")
                return table.name, _rows(text, delimiter, table, name, zone)
    return _any_table(text, name, zone)


def _any_table(text: str, name: str, zone: ZoneInfo | None) -> tuple[str, Found]:
    """By the headings that tell most, whatever separates the cells and whatever titles stand above them."""
    heads = [
        (delimiter, place, row)
        for delimiter in DELIMITERS
        for place, row in enumerate(islice(_cells(text, delimiter, name), LOOKED_AT))
    ]
    delimiter, place, (where, headings) = min(heads, key=lambda head: (_untold(head[2]), head[1]))
    try:
        table = SessionTable(headings, list(islice(_cells(text, delimiter, name), place + 1, None)), zone)
    except ValueError as wrong:
        line = where.removeprefix("line ")
        raise ValueError(f"{name}:{line}: no known form of sessions: {wrong}; {NEEDED}") from None
    return table.form, list(table.sessions())


def _untold(row: Row) -> int:
    return len(missing_of(columns_of(row[1])))


def _rows(text: str, delimiter: str, table: Table, name: str, zone: ZoneInfo | None) -> Found:
    """Columns may come in any order, and be written in any case."""
    called = {column.casefold(): column for column in (*table.columns, *table.others)}
    rows = _cells(text, delimiter, name)
    header = [called.get(column.strip().casefold(), column) for column in next(rows)[1]]
    return [
        (where, _attempt(dict(zip(header, cells, strict=True)), table.read, zone))
        if len(cells) == len(header)
        else (where, f"{len(header)} columns expected, found {len(cells)}")
        for where, cells in rows
    ]


def _cells(text: str, delimiter: str, name: str) -> Iterator[Row]:
    """The rows in which anything stands."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield f"line {reader.line_num}", cells
    except csv.Error as broken:
        raise ValueError(f"{name}:{reader.line_num}: not a table ({broken}); is a quote left open?") from None


def _json_form(text: str, name: str, zone: ZoneInfo | None) -> tuple[str, Found]:
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
            return "ACN-Sim event queue", _each(vehicles, acn_sim_queue.reader_of(vehicles), zone)
        except ValueError as wrong:
            raise ValueError(f"{name}: {wrong}") from None
    items = _items(content)
    if items is not None and not _is_list_of_others(items):
        return "ACN-Data JSON", _each(items, acn_data.session_of_item, zone)
    others = items if items is not None else _only_list(content)
    if others is None:
        raise ValueError(
            f"{name}: JSON, but without sessions: needed is a list of sessions, bare or in an object, or an event "
            "queue of ACN-Sim with its `context_dict`"
        )
    return _any_list(others, name, zone)


def _any_list(items: Sequence[Any], name: str, zone: ZoneInfo | None) -> tuple[str, Found]:
    """A list of objects is a table whose headings are their keys."""
    objects = [(f"item {number}", item) for number, item in enumerate(items, 1)]
    headings = list(dict.fromkeys(key for _, item in objects if isinstance(item, Mapping) for key in item))
    rows = [(where, [_text(item.get(key)) for key in headings]) for where, item in objects if isinstance(item, Mapping)]
    try:
        table = SessionTable(headings, rows, zone)
    except ValueError as wrong:
        raise ValueError(
            f"{name}: no known form of sessions: {wrong.args[0].replace('heading', 'key')}; {NEEDED}"
        ) from None
    return table.form, [*table.sessions(), *_no_objects(objects)]


def _items(content: Any) -> Sequence[Any] | None:
    """The sessions of one answer of the API, of a list of answers, or of a bare list."""
    if isinstance(content, Mapping):
        return content["_items"] if isinstance(content.get("_items"), list) else None
    if not isinstance(content, list):
        return None
    pages = [_items(entry) if isinstance(entry, Mapping) else None for entry in content]
    return [item for entry, page in zip(content, pages, strict=True) for item in ([entry] if page is None else page)]


def _is_list_of_others(items: Sequence[Any]) -> bool:
    """Whether these are objects, none of which is a session as ACN-Data gives it."""
    objects = [item for item in items if isinstance(item, Mapping)]
    return bool(objects) and not any(set(acn_data.MARKS) & set(item) for item in objects)


def _only_list(content: Any) -> Sequence[Any] | None:
    """The one list of objects of an answer, whatever it is called there."""
    lists = [value for value in content.values() if isinstance(value, list)] if isinstance(content, Mapping) else []
    found = [one for one in lists if any(isinstance(item, Mapping) for item in one)]
    return found[0] if len(found) == 1 else None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _no_objects(objects: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, SessionRecord | str]]:
    return ((where, f"{item!r:.40} is not a session") for where, item in objects if not isinstance(item, Mapping))


def _each(items: Iterable[Any], read: Read, zone: ZoneInfo | None) -> Found:
    return [(f"item {number}", _attempt(item, read, zone)) for number, item in enumerate(items, 1)]


def _attempt(item: Any, read: Read, zone: ZoneInfo | None) -> SessionRecord | str:
    if not isinstance(item, Mapping):
        return f"{item!r:.40} is not a session"
    try:
        return read(item, zone)
    except (ValueError, OverflowError, OSError) as wrong:
        return str(wrong)
