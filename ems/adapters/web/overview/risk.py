"""Vehicles that may leave without what they need: who cannot charge as things are, whatever is planned; else as the
plan in force tells, or by the time that is left.
"""

from __future__ import annotations

from typing import NamedTuple

from ems.adapters.web.plan.words import shortfall
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import plain, time_of
from ems.adapters.web.view import View
from ems.control.aims import plan_in_force
from ems.domain.instant import Instant
from ems.domain.plan import Plan, PlannedCharge
from ems.domain.session import Session
from ems.domain.state import EvseState
from ems.domain.station import Evse, EvseStatus
from ems.statistics.readiness import TOLERATED_SHARE, TOLERATED_WH

SHORT_WH = 100.0
"""Who misses less than this is told to be ready."""

MOST_REMEDIES = 3

PATIENCE_S = 120.0
"""So long who has just come, or has just been offered current again, may take until it flows."""


class AtRisk(NamedTuple):
    """A vehicle, in a sentence, and what would help."""

    evse: str
    text: str
    remedies: tuple[str, ...]


class Hindrance(NamedTuple):
    """Why a vehicle does not charge as it should, what it gets all the same, W, and what to do."""

    why: str
    flows_w: float
    remedy: str


def at_risk(view: View, calendar: Calendar) -> list[AtRisk]:
    """Those who miss most first."""
    plan = plan_in_force(view.state, view.now)
    charges = {} if plan is None else {charge.session: charge for charge in plan.charges if not charge.expected}
    found = []
    for j, known in enumerate(view.state.evses):
        if known.session is None:
            continue
        hindered = _hindrance(view, j, known, known.session)
        if hindered is not None:
            found.append(_hindered(view, known.session, hindered, calendar))
        elif plan is None:
            found.append(_by_laxity(view, view.state.site.evses[j], known.session, calendar))
        elif known.session.id in charges:
            found.append(_by_plan(plan, charges[known.session.id], known.session, calendar))
    there = [pair for pair in found if pair is not None]
    return [one for _, one in sorted(there, key=lambda pair: -pair[0])]


def _hindrance(view: View, j: int, known: EvseState, session: Session) -> Hindrance | None:
    site, decision = view.state.site, view.decision
    evse, has_just_come = site.evses[j], view.now.monotonic_s - session.plugged_s < PATIENCE_S
    setpoint = None if decision is None else decision.setpoints[j]
    if not view.state.stations[site.station_of_evse[j]].connected:
        amps = evse.fallback_a if setpoint is None else setpoint.amps
        flows_w = amps * evse.wiring.watts_per_amp(site.voltage_v, sum(known.planned_legs(len(evse.wiring.legs))))
        return Hindrance("its station is offline", flows_w, "see to its power and network, or plug in elsewhere")
    if known.status in {EvseStatus.FAULTED, EvseStatus.UNAVAILABLE}:
        why = f"its EVSE reports {known.status}{f' ({plain(known.error)})' if known.error else ''}"
        return Hindrance(why, 0.0, "see to the EVSE, or plug in elsewhere")
    if known.status is EvseStatus.FINISHING:
        return Hindrance("its transaction has ended", 0.0, "start it again, or plug it in anew")
    if has_just_come:
        return None
    if known.status is EvseStatus.PREPARING and session.transaction is None:
        return Hindrance("nobody has started it", 0.0, "start it, or hold its card up")
    offered = setpoint is not None and setpoint.controlled and setpoint.amps > 0.0 and _had_time(known, view.now)
    if known.status is EvseStatus.SUSPENDED_EV and offered and not session.need.is_assumed:
        return Hindrance("it does not draw although it may", 0.0, "look what it says itself, or plug it in anew")
    return None


def _had_time(known: EvseState, now: Instant) -> bool:
    """Whether no limit of 0 A was in force lately: who was paused begins seconds after it may."""
    since = now.monotonic_s - PATIENCE_S
    before = [amps for at, amps in known.grant.recent if at <= since]
    return all(amps > 0.0 for amps in (*before[-1:], *(amps for at, amps in known.grant.recent if at > since)))


def _hindered(view: View, session: Session, known: Hindrance, calendar: Calendar) -> tuple[float, AtRisk] | None:
    missing_wh, departure = session.missing_wh(), session.need.departure
    if missing_wh is None or departure is None or session.need.energy_wh is None:
        return None
    left_s = max(0.0, (departure - view.now.utc).total_seconds())
    short_wh = missing_wh - known.flows_w * left_s / 3600
    if short_wh <= max(TOLERATED_WH, TOLERATED_SHARE * session.need.energy_wh):
        return None
    text = shortfall(_name(session), missing_wh, short_wh, time_of(departure), calendar)
    return short_wh, AtRisk(session.evse, f"{text}: {known.why}", (known.remedy,))


def _by_plan(plan: Plan, charge: PlannedCharge, session: Session, calendar: Calendar) -> tuple[float, AtRisk] | None:
    if charge.short_wh < SHORT_WH:
        return None
    leaves = None if charge.departure is None else time_of(charge.departure)
    text = shortfall(_name(session), charge.need_wh, charge.short_wh, leaves, calendar)
    remedies = next((one.remedies for one in plan.deficits if one.session == session.id), ())
    return charge.short_wh, AtRisk(charge.evse, text, tuple(plain(one) for one in remedies[:MOST_REMEDIES]))


def _by_laxity(view: View, evse: Evse, session: Session, calendar: Calendar) -> tuple[float, AtRisk] | None:
    """Whoever could not be ready even at full power from now on."""
    now, departure = view.now.utc, session.need.departure
    full_w = evse.max_a * evse.wiring.watts_per_amp(view.state.site.voltage_v, None)
    laxity_s, missing_wh = session.laxity_s(now, full_w), session.missing_wh()
    if departure is None or laxity_s is None or missing_wh is None or laxity_s >= 0.0:
        return None
    left_s = max(0.0, (departure - now).total_seconds())
    short_wh = missing_wh - full_w * left_s / 3600
    if short_wh < SHORT_WH:
        return None
    text = shortfall(_name(session), missing_wh, short_wh, time_of(departure), calendar)
    return short_wh, AtRisk(evse.id, f"{text}, even at full power", ())


def _name(session: Session) -> str:
    return plain(session.evse if session.vehicle is None else f"{session.vehicle.label} at {session.evse}")
