"""What is published of each thing, plain and short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ems.adapters.mqtt.topic import Topics
from ems.domain.alarm.incident import Incident
from ems.domain.decision import CircuitView, Decision, Setpoint
from ems.domain.measured_power import evse_power_w, metered_w, told_sample
from ems.domain.phases import PhaseAmps
from ems.domain.state import EvseState, SiteState
from ems.domain.station import Evse

PAUSE, LIMIT = "MQTT pause", "MQTT"
"""Names of the limits that commands set."""

MAX_TEXT = 200
MAX_ALARMS = 50

Published = tuple[str, dict[str, Any]]


def published(
    topics: Topics, state: SiteState, decision: Decision, open_alarms: Sequence[Incident]
) -> Iterator[Published]:
    """Every topic that is retained, with what it says now."""
    yield topics.site, _site(state, decision, open_alarms)
    yield topics.alarms, _alarms(open_alarms)
    for circuit, seen in zip(state.site.circuits, decision.circuits, strict=False):
        yield topics.circuit(circuit.id), _circuit(seen, _whole(metered_w(state, [circuit.meter])))
    told = {(limit.scope, limit.source): limit.max_a for limit in state.limits}
    for evse, known, setpoint in zip(state.site.evses, state.evses, decision.setpoints, strict=False):
        row = _evse(state, evse, known, setpoint)
        row["paused"] = "ON" if (evse.id, PAUSE) in told else "OFF"
        row["limit_a"] = told.get((evse.id, LIMIT), evse.max_a)
        yield topics.evse(evse.id), row


def _site(state: SiteState, decision: Decision, open_alarms: Sequence[Incident]) -> dict[str, Any]:
    voltage_v, pairs = state.site.voltage_v, zip(state.site.evses, state.evses, strict=True)
    ours_w = [evse_power_w(evse, known, voltage_v) or 0.0 for evse, known in pairs]
    return {
        "name": plain(state.site.name),
        "level": decision.level.name.lower(),
        "strategy": state.strategy.value,
        "grid_w": _whole(metered_w(state, [state.site.circuits.root.meter])),
        "ev_w": round(sum(ours_w)),
        "evses_charging": sum(watts > 0.0 for watts in ours_w),
        "evses_occupied": sum(known.session is not None for known in state.evses),
        "stations_connected": sum(known.connected for known in state.stations),
        "stations": len(state.stations),
        "alarms_open": len(open_alarms),
        "alarms_unseen": sum(one.needs_attention for one in open_alarms),
    }


def _circuit(seen: CircuitView, watts: int | None) -> dict[str, Any]:
    return {
        "power_w": watts,
        "measured_a": None if seen.measured_a is None else _amps(seen.measured_a),
        "ev_a": _amps(seen.drawn_a),
        "base_load_a": _amps(seen.base_load_a),
        "limit_a": _amps(seen.limit_a),
        "limit_source": plain(seen.limit_source),
        "headroom_a": _amps(seen.headroom_a),
        "level": seen.level.name.lower(),
    }


def _evse(state: SiteState, evse: Evse, known: EvseState, setpoint: Setpoint) -> dict[str, Any]:
    session, sample = known.session, told_sample(known)
    watts = evse_power_w(evse, known, state.site.voltage_v)
    until = setpoint.reason.until
    reason = setpoint.reason.text
    if until is not None:
        reason += f" until {until.astimezone(state.site.zone):%H:%M}"
    return {
        "status": known.status.value,
        "connected": "ON" if state.station(evse.station).connected else "OFF",
        "error": plain(known.error),
        "power_w": 0 if session is None and watts is None else _whole(watts),
        "energy_wh": None if session is None else round(session.delivered_wh),
        "measured_a": None if sample is None else [round(amps, 1) for amps in sample.high_a],
        "setpoint_a": round(setpoint.amps, 1),
        "reason": plain(reason),
        "session": None if session is None else session.id,
        "vehicle": None if session is None or session.vehicle is None else plain(session.vehicle.id),
        "soc_percent": None if session is None else _whole(session.soc_percent),
        "departure": None
        if session is None or session.need.departure is None
        else session.need.departure.isoformat(timespec="seconds"),
    }


def _alarms(open_alarms: Sequence[Incident]) -> dict[str, Any]:
    some = [
        {
            "number": one.number,
            "level": one.level.name.lower(),
            "text": plain(one.text),
            "hint": plain(one.hint),
            "since": one.began.isoformat(timespec="seconds"),
            "seen_by": None if one.acknowledged is None else plain(one.acknowledged.by),
        }
        for one in open_alarms[:MAX_ALARMS]
    ]
    return {"open": len(open_alarms), "alarms": some}


def _amps(amps: PhaseAmps) -> dict[str, float]:
    return {name: round(value, 1) for name, value in zip(("L1", "L2", "L3"), amps, strict=True)}


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def plain(text: str) -> str:
    """Foreign text on one line, without what cannot be printed."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:MAX_TEXT])
