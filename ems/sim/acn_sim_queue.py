"""The event queue of ACN-Sim: arrivals in steps since a moment, of which it tells neither the length nor the begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ems.sim.session_record import SessionRecord
from ems.sim.session_values import amount, given

STEPS_S = (300.0, 60.0, 600.0, 900.0)
"""The usual one first."""


def vehicles_of(registry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The attributes of every vehicle in a queue's `context_dict`. Raises ValueError when there is none."""
    entries = [entry for entry in registry.values() if isinstance(entry, Mapping)]
    vehicles = [e["attributes"] for e in entries if str(e.get("class", "")).endswith(".EV") and "attributes" in e]
    if not vehicles:
        raise ValueError("an ACN-Sim event queue without vehicles")
    return vehicles


def reader_of(vehicles: list[Mapping[str, Any]]) -> Callable[[Mapping[str, Any], ZoneInfo | None], SessionRecord]:
    """How to read one vehicle of the queue. Raises ValueError when nothing tells when the queue begins.

    The ids of its sessions end in the time of arrival (UTC). With the right length of a step most of them imply the
    same begin.
    """
    implied = {step_s: _begins_implied(vehicles, step_s) for step_s in STEPS_S}
    step_s = max(STEPS_S, key=lambda s: max(implied[s].values(), default=0))
    if not implied[step_s]:
        raise ValueError("no session id ends in a time, so the begin of the event queue is unknown")
    begin, step = implied[step_s].most_common(1)[0][0], timedelta(seconds=step_s)

    def read(vehicle: Mapping[str, Any], _zone: ZoneInfo | None = None) -> SessionRecord:
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


def _begins_implied(vehicles: list[Mapping[str, Any]], step_s: float) -> Counter[datetime]:
    found: Counter[datetime] = Counter()
    for vehicle in vehicles:
        with suppress(KeyError, ValueError):
            arrived = datetime.fromisoformat(str(vehicle["_session_id"]).rpartition("_")[2]).replace(tzinfo=UTC)
            seconds = arrived.timestamp() - amount(vehicle, "_arrival") * step_s
            found[datetime.fromtimestamp(seconds - seconds % step_s, UTC)] += 1
    return found
