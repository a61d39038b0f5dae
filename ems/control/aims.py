"""What the plan wants for every EVSE this second. A preference: limits and liabilities do not know it.

A plan counts while it is young, is for the strategy in force, and knows the session. Without one vehicles are served
by least laxity, which is also what becomes of those that a plan does not know.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ems.control.incidence import Bools, Floats
from ems.control.memory import SetpointMemory
from ems.control.observation import Column, Observation
from ems.domain.instant import Instant
from ems.domain.phase_switch import ONE
from ems.domain.phases import MAX_LEGS
from ems.domain.plan import Plan, Target
from ems.domain.session import Session
from ems.domain.state import SiteState
from ems.domain.strategy import LADDERS, PLANNED, SPARING

AWAIT_PLAN_S = 30.0
"""A vehicle that has just come waits so long for its place in a plan that spares money, instead of starting and
stopping.
"""

WORTH_SHARE = 0.5
"""Where only what is free is charged, a later step of a plan starts nobody who is to have less of its minimum."""

AWAITED = "its place in the plan is being found"
SERVED = "it has what it asked for"


class Aims(NamedTuple):
    """Ampere per leg and EVSE: `target_a`, what to reach first, infinite where nothing is planned; `most_a`, more than
    which would only cost, infinite where that is no matter. `paused`: nothing at all for now. `told` is what the plan
    says, by position.
    """

    target_a: Floats
    most_a: Floats
    paused: Bools
    told: dict[int, Target]


def aims(state: SiteState, seen: Observation, held: SetpointMemory, now: Instant) -> Aims:
    """The aims of the plan in force; nothing where there is none."""
    evses = len(state.evses)
    none = np.full(evses, math.inf)
    plan = plan_in_force(state, now)
    if plan is None:
        return _until_there_is_one(state, now)
    step, target, told = plan.step_at(now.utc), none.copy(), {}
    for j, known in enumerate(state.evses):
        found = _told(plan, step, known.session, now)
        if found is not None:
            # Of an outlet that can switch a plan says what each of three phases is to have.
            told[j], target[j] = found, found.amps * (MAX_LEGS if known.switch.told == ONE else 1)
    if not plan.caps:
        return Aims(target, none, np.zeros(evses, dtype=np.bool_), told)
    # Who was switched on a moment ago keeps its minimum: contactors and vehicles do not like haste.
    settling = (held.setpoint_a > 0.0) & (now.monotonic_s - held.on_since < state.site.policy.min_on_s)
    target = np.where(settling, np.maximum(target, seen[Column.MINIMUM_A]), target)
    if step != 0 and not LADDERS[plan.strategy].beyond_guarantee:
        # Only of its first step a plan decides who has the minimum current, or nothing. Where the sun is too weak for
        # it, what a later step means would start a vehicle a moment before the next plan decides, and buy the rest.
        too_little = (held.setpoint_a <= 0.0) & (target < WORTH_SHARE * seen[Column.MINIMUM_A])
        target = np.where(too_little, 0.0, target)
    paused = target <= 0.0
    return Aims(target, np.where(paused, 0.0, np.maximum(target, seen[Column.MINIMUM_A])), paused, told)


def _until_there_is_one(state: SiteState, now: Instant) -> Aims:
    """Who has just come waits where a plan would spare money and may still come; else nothing is aimed for."""
    none = np.full(len(state.evses), math.inf)
    told: dict[int, Target] = {}
    if state.strategy in SPARING and not state.plan_trouble:
        pairs = enumerate(state.evses)
        told = {j: waits for j, known in pairs if known.session and (waits := _awaited(known.session, now))}
    paused = np.zeros(len(state.evses), dtype=np.bool_)
    paused[list(told)] = True
    target = np.where(paused, 0.0, none)
    return Aims(target, target, paused, told)


def _awaited(session: Session, now: Instant) -> Target | None:
    waits_s = session.plugged_s + AWAIT_PLAN_S - now.monotonic_s
    return Target(0.0, AWAITED, now.later(waits_s).utc) if waits_s > 0.0 else None


def plan_in_force(state: SiteState, now: Instant) -> Plan | None:
    """The plan that counts at `now`."""
    plan = state.plan
    if plan is None or state.strategy not in PLANNED or plan.strategy is not state.strategy:
        return None
    young = now.monotonic_s - state.planned_at <= state.site.policy.plan_age_s
    return plan if young and plan.step_at(now.utc) is not None else None


def _told(plan: Plan, step: int | None, session: Session | None, now: Instant) -> Target | None:
    if session is None:
        return None
    target = plan.target(session.id, step)
    if target is not None or not plan.caps:
        return target
    if session.missing_wh() == 0.0:
        return Target(0.0, SERVED, plan.edges[-1])
    return _awaited(session, now)


def next_change(state: SiteState, now: Instant) -> float:
    """Seconds until the plan in force wants something else, or nobody waits any more for one; else infinite."""
    plan = plan_in_force(state, now)
    if plan is None:
        waiting = [told.until for told in _until_there_is_one(state, now).told.values()]
        return min([(until - now.utc).total_seconds() for until in waiting], default=math.inf)
    step = plan.step_at(now.utc)
    assert step is not None
    ends = (plan.edges[step + 1] - now.utc).total_seconds()
    return min(ends, state.planned_at + state.site.policy.plan_age_s - now.monotonic_s + 1e-3)
