"""Vehicles that may leave without what they need: as the plan in force tells, else by the time that is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ems.adapters.web.plan.words import shortfall
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import plain, time_of
from ems.adapters.web.view import View
from ems.control.aims import plan_in_force
from ems.domain.plan import Plan
from ems.domain.session import Session

SHORT_WH = 100.0
"""Who misses less than this is told to be ready."""

MOST_REMEDIES = 3


class AtRisk(NamedTuple):
    """A vehicle, in a sentence, and what would help."""

    evse: str
    text: str
    remedies: tuple[str, ...]


def at_risk(view: View, calendar: Calendar) -> list[AtRisk]:
    """Those who miss most first."""
    plan = plan_in_force(view.state, view.now)
    found = _by_laxity(view, calendar) if plan is None else _by_plan(view, plan, calendar)
    return [one for _, one in sorted(found, key=lambda pair: -pair[0])]


def _by_plan(view: View, plan: Plan, calendar: Calendar) -> Iterator[tuple[float, AtRisk]]:
    names = {known.session.id: _name(known.session) for known in view.state.evses if known.session is not None}
    remedies = {deficit.session: deficit.remedies for deficit in plan.deficits}
    for charge in plan.charges:
        if charge.expected or charge.session not in names or charge.short_wh < SHORT_WH:
            continue
        leaves = None if charge.departure is None else time_of(charge.departure)
        text = shortfall(names[charge.session], charge.need_wh, charge.short_wh, leaves, calendar)
        helping = tuple(plain(one) for one in remedies.get(charge.session, ())[:MOST_REMEDIES])
        yield charge.short_wh, AtRisk(charge.evse, text, helping)


def _by_laxity(view: View, calendar: Calendar) -> Iterator[tuple[float, AtRisk]]:
    """Whoever could not be ready even at full power from now on."""
    site, now = view.state.site, view.now.utc
    for evse, known in zip(site.evses, view.state.evses, strict=True):
        session = known.session
        if session is None or session.need.departure is None:
            continue
        full_w = evse.max_a * evse.wiring.watts_per_amp(site.voltage_v, None)
        laxity_s, missing_wh = session.laxity_s(now, full_w), session.missing_wh()
        if laxity_s is None or missing_wh is None or laxity_s >= 0.0:
            continue
        left_s = max(0.0, (session.need.departure - now).total_seconds())
        short_wh = missing_wh - full_w * left_s / 3600
        if short_wh >= SHORT_WH:
            leaves = time_of(session.need.departure)
            text = shortfall(_name(session), missing_wh, short_wh, leaves, calendar)
            yield short_wh, AtRisk(evse.id, f"{text}, even at full power", ())


def _name(session: Session) -> str:
    return plain(session.evse if session.vehicle is None else f"{session.vehicle.label} at {session.evse}")
