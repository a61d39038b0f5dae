"""The event queue of ACN-Sim: arrivals in steps of five minutes since a moment that it does not tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ems.sim.session_record import SessionRecord
from ems.sim.session_values import amount, given

STEP_S = 300.0


def vehicles_of(registry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The attributes of every vehicle in a queue's `context_dict`. Raises ValueError when there is none."""
    entries = [entry for entry in registry.values() if isinstance(entry, Mapping)]
    vehicles = [e["attributes"] for e in entries if str(e.get("class", "")).endswith(".EV") and "attributes" in e]
    if not vehicles:
        raise ValueError("an ACN-Sim event queue without vehicles")
    return vehicles


def reader_of(vehicles: list[Mapping[str, Any]]) -> Callable[[Mapping[str, Any]], SessionRecord]:
    """How to read one vehicle of the queue. Raises ValueError when nothing tells when the queue begins.

    The ids of its sessions end in the time of arrival (UTC); the begin is the moment that most of them imply.
    """
    implied = Counter(moment for moment in map(_begin_implied, vehicles) if moment is not None)
    if not implied:
        raise ValueError("no session id ends in a time, so the begin of the event queue is unknown")
    begin, step = implied.most_common(1)[0][0], timedelta(seconds=STEP_S)

    def read(vehicle: Mapping[str, Any]) -> SessionRecord:
        wanted = 1000.0 * amount(vehicle, "_requested_energy")
        return SessionRecord(
            id=given(vehicle, "_session_id"),
            station=given(vehicle, "_station_id"),
            arrival=begin + amount(vehicle, "_arrival") * step,
            departure=begin + amount(vehicle, "_departure") * step,
            delivered_wh=wanted,
            requested_wh=wanted,
            stated_departure=begin + amount(vehicle, "_estimated_departure") * step,
        )

    return read


def _begin_implied(vehicle: Mapping[str, Any]) -> datetime | None:
    try:
        arrived = datetime.fromisoformat(str(vehicle["_session_id"]).rpartition("_")[2]).replace(tzinfo=UTC)
        seconds = arrived.timestamp() - amount(vehicle, "_arrival") * STEP_S
    except (KeyError, ValueError):
        return None
    return datetime.fromtimestamp(seconds - seconds % STEP_S, UTC)
