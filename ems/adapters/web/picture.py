"""What everybody sees: the state and the decision of a tick as plain values, ready for JSON.

`picture` is the whole of it. `head` and `sections` are the same in parts, for those who must give way between rows.
Numbers are rounded to what a person can use; NaN and infinity become null; foreign text is cut and shown inert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from ems.adapters.web.devices import batteries, meters, stations
from ems.adapters.web.shape import (
    AlarmRow,
    BatteryRow,
    CircuitRow,
    EvseRow,
    Head,
    KnockRow,
    MeterRow,
    NeedRow,
    Picture,
    PowerRow,
    ReasonRow,
    SessionRow,
    StationRow,
)
from ems.adapters.web.values import age, moment, number, phases, plain, time_of
from ems.adapters.web.view import View
from ems.adapters.web.words import condition_of, mode_of
from ems.domain.circuit import Circuit
from ems.domain.decision import Alarm, CircuitView, Decision, Level, Reason
from ems.domain.instant import Instant
from ems.domain.measured_power import evse_power_w, metered_w, told_sample
from ems.domain.meter import MeterRole
from ems.domain.record.history import Knock
from ems.domain.session import Session
from ems.domain.state import NEVER, EvseState, SiteState

MAX_ALARMS = 200
MAX_KNOCKS = 50
OBSERVE, UNTOLD = "observe", "not told, only observed: "
"""How a controller that only observes is shown: as a whole, and at every EVSE."""

Row = CircuitRow | EvseRow | BatteryRow | MeterRow | StationRow | AlarmRow | KnockRow


def picture(
    state: SiteState,
    decision: Decision | None,
    now: Instant,
    knocks: Sequence[Knock] = (),
    version: int = 0,
    software: str = "",
) -> Picture:
    """The site at `now` in the shape of `GET /api/v1/state`."""
    view = View(state, decision, now, knocks, version, software).checked()
    return Picture(
        **head(view),
        circuits=list(circuits(view)),
        evses=list(evses(view)),
        batteries=list(batteries(view)),
        meters=list(meters(view)),
        stations=list(stations(view)),
        alarms=list(alarms(view)),
        knocks=list(knocking(view)),
    )


def sections(view: View) -> Iterator[tuple[str, Iterator[Row]]]:
    """The lists of the picture, row by row."""
    makers: tuple[tuple[str, Callable[[View], Iterator[Row]]], ...] = (
        ("circuits", circuits),
        ("evses", evses),
        ("batteries", batteries),
        ("meters", meters),
        ("stations", stations),
        ("alarms", alarms),
        ("knocks", knocking),
    )
    return ((name, make(view)) for name, make in makers)


def head(view: View) -> Head:
    """What the picture says about the site as a whole."""
    state, decision, now = view.state, view.decision, view.now
    return {
        "site": {
            "name": plain(state.site.name),
            "timezone": state.site.timezone,
            "currency": state.site.currency,
            "voltage_v": state.site.voltage_v,
        },
        "at": time_of(now.utc),
        "version": view.version,
        "software": view.software,
        "mode": _mode(view),
        "cause": _cause(view),
        "tick_age_s": None if decision is None else number(now.monotonic_s - decision.at.monotonic_s),
        "power_w": _power(view),
        "alarms_total": 0 if decision is None else len(decision.alarms),
    }


def _mode(view: View) -> str:
    if view.decision is None:
        return "starting"
    return OBSERVE if view.state.site.policy.observes else mode_of(view.decision.level)


def _cause(view: View) -> str:
    decision = view.decision
    if decision is None or decision.level is Level.NORMAL:
        return ""
    return next((plain(alarm.text) for alarm in decision.alarms if alarm.level is decision.level), "")


def _power(view: View) -> PowerRow:
    site = view.state.site
    grid = metered_w(view.state, [site.circuits.root.meter])
    pv = metered_w(view.state, [m.id for m in site.meters if m.role is MeterRole.PV])
    battery = metered_w(view.state, [m.id for m in site.meters if m.role is MeterRole.BATTERY])
    columns = zip(site.evses, view.state.evses, strict=True)
    ours = sum(evse_power_w(evse, known, site.voltage_v) or 0.0 for evse, known in columns)
    other = None if grid is None else grid - ours - (pv or 0.0) - (battery or 0.0)
    return {"grid": number(grid), "ev": number(ours) or 0.0, "pv": number(pv), "battery": number(battery),
            "other": number(other)}  # fmt: skip


def circuits(view: View) -> Iterator[CircuitRow]:
    """Every circuit, parents before their children."""
    decided: Sequence[CircuitView | None]
    tree = view.state.site.circuits
    decided = (None,) * len(tree) if view.decision is None else view.decision.circuits
    for circuit, seen in zip(tree, decided, strict=True):
        yield _circuit(view, circuit, seen)


def _circuit(view: View, circuit: Circuit, seen: CircuitView | None) -> CircuitRow:
    there = circuit.rating_a
    index = None if circuit.meter is None else view.state.site.meter_index(circuit.meter)
    read_at = NEVER if index is None else view.state.meters[index].at
    return {
        "id": circuit.id,
        "parent": circuit.parent,
        "rating_a": phases(circuit.rating_a, there),
        "margin_a": circuit.margin_a,
        "limit_a": None if seen is None else phases(seen.limit_a, there),
        "limit_source": "" if seen is None else plain(seen.limit_source),
        "limit_w": None if seen is None or seen.limit_w is None else number(seen.limit_w),
        "measured_a": None if seen is None or seen.measured_a is None else phases(seen.measured_a, there),
        "measured_age_s": age(view.now, read_at),
        "measured_w": metered_w(view.state, [circuit.meter]),
        "drawn_a": None if seen is None else phases(seen.drawn_a, there),
        "base_load_a": None if seen is None else phases(seen.base_load_a, there),
        "headroom_a": None if seen is None else phases(seen.headroom_a, there),
        "meter": circuit.meter,
        "level": mode_of(Level.NORMAL if seen is None else seen.level),
    }


def evses(view: View) -> Iterator[EvseRow]:
    """Every EVSE, in the site's order."""
    return (evse_row(view, index) for index in range(len(view.state.evses)))


def evse_row(view: View, index: int) -> EvseRow:
    """The EVSE at a position of the site's order."""
    state, decision, now = view.state, view.decision, view.now
    evse, known = state.site.evses[index], state.evses[index]
    station = state.stations[state.site.station_of_evse[index]]
    setpoint = None if decision is None else decision.setpoints[index]
    sample = told_sample(known)
    session = known.session
    return {
        "id": evse.id,
        "station": evse.station,
        "circuit": evse.circuit,
        "phases": _wired(evse.wiring),
        "max_a": evse.max_a,
        "status": known.status,
        "condition": condition_of(known, station.connected, None if state.site.policy.observes else setpoint),
        "error": plain(known.error),
        "connected": station.connected,
        "since": moment(now, station.connected_at if station.connected else station.gone_at),
        "setpoint_a": None if setpoint is None else number(setpoint.amps),
        "confirmed_a": number(known.grant.amps_in_force(known.steering_layer, now.monotonic_s)),
        "liable_a": None if setpoint is None else number(setpoint.liable_a),
        "measured_a": None if sample is None else [number(a) for a in sample.high_a],
        "measured_exact": sample is not None and sample.low_a == sample.high_a,
        "measured_age_s": None if sample is None else age(now, sample.at),
        "legs_in_use": list(known.leg_use.legs(len(evse.wiring.legs))),
        "power_w": number(evse_power_w(evse, known, state.site.voltage_v)),
        "energy_wh": None if session is None else number(session.delivered_wh),
        "soc_percent": None if session is None else number(session.soc_percent),
        "session": None if session is None else _session(session),
        "reason": None if setpoint is None else _reason(setpoint.reason, state.site.policy.observes, _left_a(known)),
        "controlled": setpoint is not None and setpoint.controlled,
        "level": mode_of(Level.NORMAL if setpoint is None else setpoint.level),
    }


def _session(session: Session) -> SessionRow:
    need = session.need
    wanted: NeedRow | None = None
    if need.energy_wh is not None:
        wanted = {"energy_wh": number(need.energy_wh) or 0.0, "origin": need.origin.value}
    return {
        "plugged": time_of(session.plugged),
        "transaction": None if session.transaction is None else session.transaction.id,
        "need": wanted,
        "departure": None if need.departure is None else time_of(need.departure),
        "energy_wh": number(session.delivered_wh) or 0.0,
        "vehicle": None if session.vehicle is None else plain(session.vehicle.id),
    }


_wired = lru_cache(maxsize=256)(str)


def _left_a(known: EvseState) -> float | None:
    """The fallback current that a station holds; None where it was never given one."""
    return None if known.grant.floor is None else known.grant.floor.amps


@lru_cache(maxsize=4096)
def _reason(reason: Reason, observed: bool, left_a: float | None) -> ReasonRow:
    until = None if reason.until is None else time_of(reason.until)
    text = f"{UNTOLD}{reason.text}" if observed else reason.text
    if observed and left_a is not None:
        text = f"stays at the {left_a:g} A that it was left with; {text}"
    return {"binding": reason.binding, "text": plain(text), "until": until}


def alarms(view: View) -> Iterator[AlarmRow]:
    """The most serious alarms first, no more than a person can read."""
    raised: Sequence[Alarm] = () if view.decision is None else view.decision.alarms
    for alarm in sorted(raised, key=lambda a: -a.level)[:MAX_ALARMS]:
        yield {
            "key": plain(alarm.key),
            "level": mode_of(alarm.level),
            "scope": plain(alarm.scope),
            "text": plain(alarm.text),
            "remedy": plain(alarm.remedy),
            "since": None if alarm.since is None else time_of(alarm.since),
        }


def knocking(view: View) -> Iterator[KnockRow]:
    """Stations that were refused, newest first."""
    for knock in view.knocks[:MAX_KNOCKS]:
        yield {
            "station": plain(knock.station),
            "address": plain(knock.address),
            "reason": plain(knock.reason),
            "count": knock.count,
            "at": time_of(knock.at),
        }
