"""The forms in which session records come: one function per form, from text to records and rejected rows.

To add one: write its function, and the test by which it is recognised into `read_form`.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from ems.sim.session_record import Rejected, SessionRecord, utc

Found = Iterator[SessionRecord | Rejected]

QUEUE_STEP_S = 300.0
DURATION_TOLERANCE_S = 300.0


def read_form(text: str, name: str) -> tuple[str, list[SessionRecord | Rejected]]:
    """Recognise the form of `text` and read it. Raises ValueError that says which forms there are."""
    if not text.strip():
        raise ValueError(f"{name}: the file is empty")
    if text.lstrip()[:1] in {"{", "[", '"'}:
        return _json_form(text, name)
    header = next(csv.reader(io.StringIO(text)), [])
    for form in _CSV_FORMS:
        if form.mark in header:
            missing = [column for column in form.columns if column not in header]
            if missing:
                raise ValueError(f"{name}:1: columns of {form.name} are missing: {', '.join(missing)}")
            return form.name, list(_rows(text, form.read))
    known = "; ".join(f"{form.name} ({', '.join(form.columns)})" for form in _CSV_FORMS)
    raise ValueError(f"{name}:1: no known form of sessions; needed is JSON, or a table with the columns of {known}")


def _json_form(text: str, name: str) -> tuple[str, list[SessionRecord | Rejected]]:
    try:
        content = json.loads(text)
        if isinstance(content, str):
            content = json.loads(content)
    except json.JSONDecodeError as wrong:
        raise ValueError(f"{name}:{wrong.lineno}: not JSON ({wrong.msg})") from None
    if isinstance(content, Mapping) and isinstance(content.get("context_dict"), Mapping):
        return "ACN-Sim event queue", list(_event_queue(content["context_dict"], name))
    items = content.get("_items") if isinstance(content, Mapping) else content
    if isinstance(items, list):
        return "ACN-Data JSON", list(_each(items, _acn_item))
    raise ValueError(
        f"{name}: JSON, but without sessions: needed is a list of ACN-Data sessions, bare or under `_items`, or an "
        "event queue of ACN-Sim with its `context_dict`"
    )


def _each(items: Iterable[Any], read: Callable[[Any], SessionRecord], first: int = 1, unit: str = "item") -> Found:
    for number, item in enumerate(items, first):
        yield _attempt(item, read, f"{unit} {number}")


def _attempt(item: Any, read: Callable[[Any], SessionRecord], where: str) -> SessionRecord | Rejected:
    if not isinstance(item, Mapping):
        return Rejected(where, f"{item!r:.40} is not a session")
    try:
        return read(item)
    except KeyError as missing:
        return Rejected(where, f"{missing.args[0]} is missing")
    except (ValueError, TypeError, AttributeError) as wrong:
        return Rejected(where, str(wrong))


def _rows(text: str, read: Callable[[Mapping[str, str]], SessionRecord]) -> Found:
    reader = csv.DictReader(io.StringIO(text), restval=None)
    for row in reader:
        where = f"line {reader.line_num}"
        if None in row or None in row.values():
            yield Rejected(where, f"{len(reader.fieldnames or ())} columns expected")
        else:
            yield _attempt(row, read, where)


def _acn_row(row: Mapping[str, str]) -> SessionRecord:
    """ACN-Data as a table. `claimed` False: no driver spoke, the two columns only repeat what happened."""
    spoke = row.get("claimed", "true").strip().lower() == "true"
    stated = row.get("estimated_departure", "").strip() if spoke else ""
    requested = row.get("requested_energy (kWh)", "").strip() if spoke else ""
    return SessionRecord(
        id=row.get("session_id") or f"{row['station_id']}@{row['arrival']}",
        station=row["station_id"].strip(),
        arrival=utc(datetime.fromisoformat(row["arrival"])),
        departure=utc(datetime.fromisoformat(row["departure"])),
        delivered_wh=1000.0 * float(row["delivered_energy (kWh)"]),
        requested_wh=1000.0 * float(requested) if requested else None,
        stated_departure=utc(datetime.fromisoformat(stated)) if stated else None,
    )


def _boulder_row(row: Mapping[str, str]) -> SessionRecord:
    """City of Boulder. Its times are UTC, as their suffix says; MST and MDT only name the zone of the place.

    Three things prove it: sessions over a change to summer time last as long as their times differ, hardly anybody
    begins between 05 and 11 h of these times, and the zone's name changes when the local time does, not when these do.
    """
    times = (row[f"{end}_Date___Time"].replace("/", "-") for end in ("Start", "End"))
    arrival, departure = (utc(datetime.fromisoformat(text)) for text in times)
    hours, minutes, seconds = (int(part) for part in row["Total_Duration__hh_mm_ss_"].split(":"))
    lasted = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if abs((departure - arrival - lasted).total_seconds()) > DURATION_TOLERANCE_S:
        raise ValueError(f"lasts {departure - arrival} by its times, but {lasted} by Total_Duration")
    return SessionRecord(
        id=row["ObjectId"],
        station=row["Station_Name"].strip(),
        arrival=arrival,
        departure=departure,
        delivered_wh=1000.0 * float(row["Energy__kWh_"]),
    )


def _acn_item(item: Mapping[str, Any]) -> SessionRecord:
    """A session as ACN-Data's API gives it: times in GMT, and what the driver said, the last change of mind first."""
    missing = [key for key in ("connectionTime", "disconnectTime", "kWhDelivered") if item.get(key) is None]
    if missing:
        raise KeyError(" and ".join(missing))
    said = max(item.get("userInputs") or (), key=lambda u: _gmt(u["modifiedAt"]), default=None)
    requested = None if said is None else said.get("kWhRequested")
    stated = None if said is None else said.get("requestedDeparture")
    return SessionRecord(
        id=item["sessionID"],
        station=item.get("spaceID") or item["stationID"],
        arrival=_gmt(item["connectionTime"]),
        departure=_gmt(item["disconnectTime"]),
        delivered_wh=1000.0 * float(item["kWhDelivered"]),
        requested_wh=None if requested is None else 1000.0 * float(requested),
        stated_departure=None if stated is None else _gmt(stated),
    )


def _gmt(text: str) -> datetime:
    if text[:4].isdigit():
        return utc(datetime.fromisoformat(text))
    moment = parsedate_to_datetime(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else utc(moment)


def _event_queue(registry: Mapping[str, Any], name: str) -> Found:
    """ACN-Sim's queue of arrivals, whose times are steps of five minutes since a moment that it does not tell.

    The ids of its sessions end in the time of arrival (UTC); the moment is the one that most of them imply.
    """
    vehicles = [entry["attributes"] for entry in registry.values() if str(entry.get("class", "")).endswith(".EV")]
    if not vehicles:
        raise ValueError(f"{name}: an ACN-Sim event queue without vehicles")
    step = timedelta(seconds=QUEUE_STEP_S)
    implied = Counter(moment for moment in (_begin_implied(v, step) for v in vehicles) if moment is not None)
    if not implied:
        raise ValueError(f"{name}: no session id ends in a time, so the begin of the event queue is unknown")
    begin = implied.most_common(1)[0][0]

    def read(vehicle: Mapping[str, Any]) -> SessionRecord:
        wanted = 1000.0 * float(vehicle["_requested_energy"])
        return SessionRecord(
            id=str(vehicle["_session_id"]),
            station=str(vehicle["_station_id"]),
            arrival=begin + int(vehicle["_arrival"]) * step,
            departure=begin + int(vehicle["_departure"]) * step,
            delivered_wh=wanted,
            requested_wh=wanted,
            stated_departure=begin + int(vehicle["_estimated_departure"]) * step,
        )

    yield from _each(vehicles, read)


def _begin_implied(vehicle: Mapping[str, Any], step: timedelta) -> datetime | None:
    try:
        arrived = datetime.fromisoformat(str(vehicle["_session_id"]).rpartition("_")[2]).replace(tzinfo=UTC)
        seconds = (arrived - int(vehicle["_arrival"]) * step).timestamp()
    except (KeyError, ValueError):
        return None
    return datetime.fromtimestamp(seconds - seconds % QUEUE_STEP_S, UTC)


class _Table(NamedTuple):
    """A form of CSV: recognised by the column `mark`, and whole with all of `columns`."""

    name: str
    mark: str
    columns: tuple[str, ...]
    read: Callable[[Mapping[str, str]], SessionRecord]


_CSV_FORMS = (
    _Table(
        "ACN-Data CSV",
        "delivered_energy (kWh)",
        ("station_id", "arrival", "departure", "delivered_energy (kWh)"),
        _acn_row,
    ),
    _Table(
        "Boulder CSV",
        "Total_Duration__hh_mm_ss_",
        (
            "ObjectId",
            "Station_Name",
            "Start_Date___Time",
            "End_Date___Time",
            "Total_Duration__hh_mm_ss_",
            "Energy__kWh_",
        ),
        _boulder_row,
    ),
)
