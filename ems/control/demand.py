"""What each EVSE may ask for this second: between which currents, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ems.control.aims import Aims, aims
from ems.control.failsafe import Assessment
from ems.control.incidence import Bools, Floats, Ints
from ems.control.memory import Memory
from ems.control.observation import Column, Observation, expressible
from ems.control.strategy import ranking
from ems.domain.decision import Level
from ems.domain.instant import Instant
from ems.domain.limit import Limit
from ems.domain.state import SiteState
from ems.domain.strategy import PLANNED
from ems.domain.units import EPSILON_A

PARKED_S = 60.0
"""A vehicle that has not drawn for so long is parked: it keeps its minimum only while nobody else can use it."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Aligned with the site's EVSEs, ampere per leg.

    `wants`: a vehicle is there that may charge. `idle_a`: what to set where none is. `forced_a`: what cannot be taken
    away without ending a session. `minimum_a` … `target_a` … `upper_a`: the smallest useful current, what the vehicle
    has shown to want or what a plan wants for it, and the most it may get. `promised_a`: of its target, what cannot
    wait until others have their minimum; nothing where nobody is promised anything. `rank`: order of service.
    `tightened`: the limit on the EVSE itself. `aims`: what the plan says. `parked`: has what it wants, or sleeps.
    """

    wants: Bools
    idle_a: Floats
    forced_a: Floats
    minimum_a: Floats
    target_a: Floats
    upper_a: Floats
    hunger_a: Floats
    promised_a: Floats
    rank: Ints
    tightened: dict[int, Limit]
    aims: Aims
    parked: Bools


def demand(
    state: SiteState,
    seen: Observation,
    levels: Assessment,
    limits: tuple[Limit, ...],
    hunger: Floats,
    memory: Memory,
    now: Instant,
) -> Demand:
    """Ask every EVSE what it could use."""
    level, controlled = levels.numbers, seen.controlled
    minimum, lowest = seen[Column.MINIMUM_A], seen[Column.LOWEST_A]
    upper = np.where(level >= Level.FALLBACK, seen[Column.FALLBACK_A], seen[Column.MOST_A])
    upper = np.where(level >= Level.ZERO, 0.0, upper)
    upper, tightened = _tightened(state, seen, upper, limits)
    aim = aims(state, seen, memory.setpoints, now)
    if np.count_nonzero(np.isfinite(aim.most_a)):
        # Of what is planned a station that rounds it down would never have all.
        upper = np.minimum(upper, expressible_above(np.minimum(aim.most_a, upper), seen, state))
    idle = np.minimum(_idle(seen, state), upper)
    forced = np.where(level >= Level.ZERO, 0.0, lowest)
    wants = controlled & seen.may_charge & (np.maximum(upper, forced) >= minimum)
    quiet_since = np.maximum(memory.setpoints.changed_at, seen[Column.PLUGGED_S])
    asleep = (seen[Column.ASLEEP] > 0) & (now.monotonic_s - quiet_since > PARKED_S)
    # One that showed to want less than its minimum is asleep also while it is offered nothing; it is asked again as
    # often as anybody may have to wait.
    on, policy = memory.setpoints.setpoint_a > 0.0, state.site.policy
    waiting_since = np.maximum(memory.setpoints.off_since, seen[Column.PLUGGED_S])
    asked_again = ~on & (now.monotonic_s - waiting_since > policy.max_wait_s)
    settling = on & (now.monotonic_s - memory.setpoints.on_since < policy.min_on_s)
    asked_again |= settling
    asleep |= (hunger < minimum) & ~asked_again
    parked = asleep | (seen[Column.CONTENT] > 0)
    upper = np.where(controlled, np.maximum(upper, forced), 0.0)
    target = np.minimum(upper, np.maximum(minimum, np.minimum(hunger, aim.target_a)))
    kept = np.where(settling | (seen[Column.NEVER_PAUSES] > 0.0), minimum, 0.0)
    return Demand(
        wants=wants,
        idle_a=np.where(controlled, np.maximum(idle, forced), 0.0),
        forced_a=np.where(wants, forced, 0.0),
        minimum_a=minimum,
        target_a=target,
        upper_a=upper,
        hunger_a=hunger,
        promised_a=np.minimum(np.where(wants & ~parked, target, 0.0), _promised(state, seen, kept, now)),
        rank=ranking(state, seen, wants, parked, memory.setpoints, now),
        tightened=tightened,
        aims=aim,
        parked=wants & parked,
    )


def _idle(seen: Observation, state: SiteState) -> Floats:
    """What to set where no vehicle is; at most sites nothing, which every station can express."""
    idle = np.full(len(state.evses), state.site.policy.idle_a)
    return expressible(idle, seen, state) if state.site.policy.idle_a > 0.0 else idle


def _promised(state: SiteState, seen: Observation, kept_a: Floats, now: Instant) -> Floats:
    """What must flow now so that energy that is promised by a moment is there in time: a strategy that plans serves it
    before anybody starts who is not owed anything. Beside it others have what they must keep, `kept_a`.
    """
    promised, owed = np.zeros(len(kept_a)), {}
    if state.strategy in PLANNED:
        for j, known in enumerate(state.evses):
            session = known.session
            if session is not None and session.need.guaranteed_wh > 0.0 and (watts := session.promised_w(now.utc)):
                legs = max(1, int(seen.legs[j].sum()))
                owed[j] = watts / state.site.evses[j].wiring.watts_per_amp(state.site.voltage_v, legs)
    if not owed:
        return promised
    promised[list(owed)] = list(owed.values())
    return np.where(promised > 0.0, np.maximum(promised, seen[Column.MINIMUM_A]), kept_a)


def expressible_above(amps: Floats, seen: Observation, state: SiteState) -> Floats:
    """The lowest limit not below `amps`, which are finite, that each station can express; its highest where none is."""
    above = amps + 0.999 * seen[Column.STEP_A]
    for j in (seen[Column.STEP_A] <= 0.0).nonzero()[0].tolist():
        allowed_a = state.stations[state.site.station_of_evse[j]].model.allowed_a
        above[j] = min((a for a in allowed_a if a >= amps[j] - EPSILON_A), default=max(allowed_a))
    return expressible(above, seen, state)


def _tightened(
    state: SiteState, seen: Observation, upper: Floats, limits: tuple[Limit, ...]
) -> tuple[Floats, dict[int, Limit]]:
    """Limits on single EVSEs."""
    tightened: dict[int, Limit] = {}
    for limit in limits:
        j = state.site.evse_index(limit.scope)
        if j is None:
            continue
        evse = state.site.evses[j]
        watts = evse.wiring.watts_per_amp(state.site.voltage_v, max(1, int(seen.legs[j].sum())))
        most = min(
            upper[j] if limit.max_a is None else limit.max_a, upper[j] if limit.max_w is None else limit.max_w / watts
        )
        if most < upper[j]:
            tightened[j] = limit
            upper = upper.copy()
            upper[j] = most
    return (expressible(upper, seen, state) if tightened else upper), tightened
