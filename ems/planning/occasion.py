"""What makes a plan out of date: news that it did not know, or a course that it did not expect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ems.domain.decision import Decision
from ems.domain.plan import Plan
from ems.domain.session import Session
from ems.domain.state import EvseState, SiteState
from ems.domain.station import EvseStatus
from ems.domain.strategy import PLANNED, SPARING
from ems.planning.outlook import steered_w

STRAY_WH, STRAY_SHARE = 500.0, 0.25
"""What all vehicles together may have got beside the plan: so much, or this share of what was planned so far."""

STRAY_BASE_W, STRAY_BASE_SHARE = 2000.0, 0.1
"""How far other load may be from what was expected: so much, or this share of the rating of the grid connection."""


def news(before: SiteState, after: SiteState) -> str:
    """What happened that a plan should know, in a word; empty where nothing did."""
    if before.site is not after.site:
        return "site"
    if before.strategy is not after.strategy:
        return "strategy"
    if before.limits is not after.limits and before.limits != after.limits:
        return "limit"
    if before.evses is after.evses:
        return ""
    pairs = zip(before.evses, after.evses, strict=True)
    return next((word for was, known in pairs if known is not was and (word := _news_of(was, known))), "")


def _news_of(was: EvseState, known: EvseState) -> str:
    old, new = _present(was), _present(known)
    if old is new:
        return ""
    if old is None or new is None or old.plugged != new.plugged:
        return "departure" if new is None else "arrival"
    if (old.need, old.service_class, old.vehicle) != (new.need, new.service_class, new.vehicle):
        return "need"
    return ""


def _present(known: EvseState) -> Session | None:
    """The vehicle that a plan is to serve."""
    return known.session if known.status.may_draw else None


def newly_steered(before: Decision, after: Decision, state: SiteState) -> bool:
    """Whether a vehicle that waited for its station to be under control may be planned for now, or no longer."""
    was, now = ([setpoint.controlled for setpoint in one.setpoints] for one in (before, after))
    if was == now or len(was) != len(now):
        return False
    pairs = zip(was, now, state.evses, strict=True)
    return any(a is not b and _present(known) is not None for a, b, known in pairs)


def is_wanted(state: SiteState) -> bool:
    """Whether there is anything to plan: the strategy needs it, and somebody is there, or a battery that can be used to
    spare money.
    """
    if state.strategy in SPARING and _knows_its_battery(state):
        return True
    return state.strategy in PLANNED and any(_present(known) is not None for known in state.evses)


def _knows_its_battery(state: SiteState) -> bool:
    steered = state.site.steered_battery
    return steered is not None and state.batteries[steered].soc is not None


def strays(plan: Plan, taken_wh: Mapping[str, float], state: SiteState, decision: Decision) -> str:
    """What goes otherwise than planned, in a word; empty where nothing does. `taken_wh`: what each session had got when
    the plan was made.
    """
    now = decision.at.utc
    step = plan.step_at(now)
    if step is None:
        return ""
    root, view = state.site.circuits.circuits[0], decision.circuits[0]
    if plan.base_w and plan.generation_w and root.meter is not None:
        expected_w = plan.base_w[step] - plan.generation_w[step]
        apart_w = abs(sum(view.base_load_a) * state.site.voltage_v - steered_w(state) - expected_w)
        if apart_w > max(STRAY_BASE_W, STRAY_BASE_SHARE * sum(root.rating_a) * state.site.voltage_v):
            return "other load"
    charges = {charge.session: charge for charge in plan.charges if not charge.expected}
    hours = _hours_until(plan, step, now)
    planned = beside = 0.0
    for j, known in enumerate(state.evses):
        session = known.session
        if session is None:
            continue
        if session.id not in charges or session.id not in taken_wh:
            if known.status is EvseStatus.CHARGING and known.power_w and session.missing_wh() != 0.0:
                return "a vehicle that draws again"
            continue
        amps, wiring = charges[session.id].amps, state.site.evses[j].wiring
        if known.status is EvseStatus.SUSPENDED_EV and amps[step] > 0.0:
            return "a vehicle that does not draw"
        legs = max(1, sum(known.planned_legs(len(wiring.legs))))
        amp_hours = sum(a * h for a, h in zip(amps, hours, strict=False))
        due_wh = wiring.watts_per_amp(state.site.voltage_v, legs) * amp_hours
        gap_wh = session.delivered_wh - taken_wh[session.id] - due_wh
        planned += due_wh
        beside += abs(gap_wh) if plan.caps or gap_wh < 0.0 else 0.0
    return "course" if beside > max(STRAY_WH, STRAY_SHARE * planned) else ""


def _hours_until(plan: Plan, step: int, now: datetime) -> list[float]:
    """How long each step has lasted by now, up to the present one."""
    ends = [*plan.edges[1 : step + 1], now]
    return [(end - begin).total_seconds() / 3600.0 for begin, end in zip(plan.edges, ends, strict=False)]
