"""How far time may jump before the controller could decide otherwise although nothing happens.

`next_wake` of the controller names every timer that could ever matter. Here only those count that can matter in the
situation that the last decision left behind, which is what makes a month take seconds:

 * while every vehicle has what it can use, no timer does; whoever comes, leaves, or draws differently, and
   any other load that changes, is an event and not a timer;
 * else somebody could be given more as soon as a cut is proven, a raise is allowed, an unused offer is noticed, a
   vehicle counts as parked or content, or the order of service changes by the clock;
 * below a meter, also as soon as the readings from before the last change have lost their weight.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ems.control.aims import next_change
from ems.control.appetite import SETTLE_S, SLACK_A, USED_UP_A
from ems.control.demand import PARKED_S
from ems.control.drawn import FOLLOWS_S
from ems.control.memory import Memory
from ems.control.orders import DISTRUST_RENEW_S
from ems.control.phase_form import BETWEEN_S, MOST_PER_SESSION, WISHED_S
from ems.control.tick import TICK_S, next_wake
from ems.domain.decision import Binding, Decision
from ems.domain.grant import OBEYED_A, OBEYED_SHARE, PILOT_LAG_S
from ems.domain.instant import Instant
from ems.domain.measurement import PROOF_SAMPLES
from ems.domain.phase_switch import ONE
from ems.domain.policy import Policy
from ems.domain.state import EvseState, SiteState
from ems.domain.station import EvseStatus
from ems.domain.strategy import LAXITY_STEP_S, PLANNED, Strategy

HELD_S = 60.0
BY_LAXITY = PLANNED | {Strategy.LEAST_LAXITY}
LAXITY_S = LAXITY_STEP_S / 2.0
TURNS_S = 300.0
"""At least so often the controller looks while something is held, while vehicles compete for the order that their
laxity gives them, and while they compete for another order.
"""

BLOCKED_S, RESTLESS_S = 15.0, 15.0
"""A raise that found no room is tried again so often; below a meter at every tick, while limits still change."""


_SHORT = frozenset({Binding.CIRCUIT, Binding.LIMIT, Binding.WAITING, Binding.RAISING})
_HELD = frozenset({Binding.HELD, Binding.FALLBACK})


class Sight(NamedTuple):
    """The vehicle at an EVSE: the current that it draws, for how long it has done so, and in how many seconds its
    station reports it.
    """

    draw_a: float
    since_s: float
    reported_in_s: float


def until_next_look(
    state: SiteState, memory: Memory, decision: Decision, sights: Mapping[int, Sight], now: Instant
) -> float:
    """Seconds, at least a tick, infinite when no timer runs. `sights`: every vehicle present, by EVSE."""
    m, policy = now.monotonic_s, state.site.policy
    binding = {j: decision.setpoints[j].reason.binding for j in sights}
    waits = [until_motion_tells(state, memory, decision, sights, now), next_change(state, now)]
    if not _HELD.isdisjoint(binding.values()):
        waits += [HELD_S, next_wake(state, memory, now)]
    if any(judged.untrusted for judged in memory.obedience):
        waits.append(DISTRUST_RENEW_S)
    waits += _switches(memory, sights, policy, m)
    if _somebody_lacks(state, decision):
        raising = [j for j, why in binding.items() if why is Binding.RAISING]
        if raising:
            gone = (known for j, known in enumerate(state.evses) if j not in sights)
            waits += [
                _until_tried_again(state, memory, m),
                *(claim.until - m for known in gone for claim in known.grant.claims),
            ]
            waits += _raises(memory, raising, policy, m)
        if state.strategy is not Strategy.EQUAL or Binding.WAITING in binding.values():
            waits += _turns(memory, sights, state, m)
    return max(TICK_S, min(wait for wait in waits if wait > 0))


def until_motion_tells(
    state: SiteState, memory: Memory, decision: Decision, sights: Mapping[int, Sight], now: Instant
) -> float:
    """Seconds until the controller can learn something from what some vehicles draw now; infinite when it cannot."""
    if not _somebody_lacks(state, decision):
        return math.inf
    m, waits = now.monotonic_s, [math.inf]
    raising = any(setpoint.reason.binding is Binding.RAISING for setpoint in decision.setpoints)
    for j, sight in sights.items():
        known = state.evses[j]
        waits += _of_vehicle(known, memory, j, sight, m)
        if raising:
            waits += _proofs(known, sight, m)
        if state.site.meters:
            waits += _unrest(state, j, sight, m)
    return max(TICK_S, min(wait for wait in waits if wait > 0))


def repeats_matter(state: SiteState, memory: Memory, j: int, m: float) -> bool:
    """Whether a current that is reported once more, though it has not changed, tells the controller anything."""
    known, judged = state.evses[j], memory.obedience[j]
    if judged.untrusted or judged.above_since is not None or _proves_legs(known):
        return True
    plugged = -math.inf if known.session is None else known.session.plugged_s
    settled = max(float(memory.setpoints.changed_at[j]), plugged) + SETTLE_S
    return bool(known.grant.claims) or (bool(known.samples) and known.samples[0].at < settled <= m)


def _somebody_lacks(state: SiteState, decision: Decision) -> bool:
    """Whether a vehicle that would draw more is kept from it by anything but itself and its outlet."""
    return any(
        setpoint.reason.binding in _SHORT and known.status is not EvseStatus.SUSPENDED_EV
        for setpoint, known in zip(decision.setpoints, state.evses, strict=True)
    )


def _until_tried_again(state: SiteState, memory: Memory, m: float) -> float:
    """A raise that found no room may find it below a meter as soon as the reading changes its meaning."""
    restless = bool(state.site.meters) and m - float(memory.setpoints.changed_at.max(initial=0.0)) < RESTLESS_S
    return TICK_S if restless else BLOCKED_S


def _raises(memory: Memory, raising: list[int], policy: Policy, m: float) -> Iterator[float]:
    """Until a raise is allowed again."""
    held = memory.setpoints
    for j in raising:
        yield float(held.raised_at[j]) + policy.raise_every_s - m
        yield float(held.off_since[j]) + policy.min_off_s - m


def _of_vehicle(known: EvseState, memory: Memory, j: int, sight: Sight, m: float) -> Iterator[float]:
    """Until the controller can learn something from what one vehicle draws."""
    held = memory.setpoints
    setpoint, appetite, changed = float(held.setpoint_a[j]), float(held.appetite_a[j]), float(held.changed_at[j])
    unused = sight.draw_a < setpoint - SLACK_A and appetite > math.ceil(sight.draw_a) + SLACK_A
    used_up = setpoint >= appetite and sight.draw_a >= setpoint - USED_UP_A
    session = known.session
    quiet = changed if session is None else max(changed, session.plugged_s)
    settled = quiet + SETTLE_S
    if (unused or used_up) and (m < settled or not known.samples or known.samples[0].at < settled):
        yield max(settled - m, TICK_S)
    if _proves_legs(known) and sight.draw_a > 0:
        yield max(sight.reported_in_s, TICK_S)
    if known.status is EvseStatus.SUSPENDED_EV:
        yield quiet + PARKED_S - m + TICK_S
    missing = None if session is None else session.missing_wh()
    if missing and known.power_w and sight.draw_a > 0:
        yield 3600.0 * missing / known.power_w + TICK_S


def _proves_legs(known: EvseState) -> bool:
    """Whether samples are still to show that a station uses the one phase that it was told."""
    return known.switch.told == ONE and known.leg_use.agreeing < PROOF_SAMPLES


def _proofs(known: EvseState, sight: Sight, m: float) -> Iterator[float]:
    """Until a report proves that a cut was followed, or no report is needed any more; either makes room for a raise."""
    claims = known.grant.claims
    if not claims:
        return
    obeyed = sight.draw_a <= known.grant.amps_in_force(known.steering_layer, m) * OBEYED_SHARE + OBEYED_A
    for claim in claims:
        yield max(claim.since + PILOT_LAG_S - m, sight.reported_in_s, TICK_S) if obeyed else claim.until - m


def _unrest(state: SiteState, j: int, sight: Sight, m: float) -> Iterator[float]:
    """Until readings and samples from before the last change have lost their weight."""
    policy = state.site.policy
    told = max((at for at, _ in state.evses[j].grant.recent), default=-math.inf)
    sampled_s = state.stations[state.site.station_of_evse[j]].model.sample_interval_s
    for since, delay in (
        (m - sight.since_s, policy.sample_lag_s),
        (m - sight.since_s, policy.sample_lag_s + policy.raise_hold_s),
        (told, 0.0),
        (told, FOLLOWS_S),
        (told, sampled_s + 2.0),
    ):
        yield since + delay + TICK_S - m


def _switches(memory: Memory, sights: Mapping[int, Sight], policy: Policy, m: float) -> Iterator[float]:
    """Until an outlet that can switch is told another number of phases, or another one may be worth it."""
    held = memory.setpoints
    for j in sights:
        form = memory.forms[j]
        if form.goal != form.phases or form.settling:
            yield max(TICK_S, float(held.changed_at[j]) + policy.min_off_s - m)
        elif form.wished != form.phases:
            if form.switches < MOST_PER_SESSION:
                yield max(form.wished_since + WISHED_S, form.switched_at + BETWEEN_S) - m
        elif form.phases == ONE:
            yield form.switched_at + BETWEEN_S - WISHED_S - m
        elif held.setpoint_a[j] <= 0.0 and form.session:
            yield float(held.off_since[j]) + WISHED_S - m


def _turns(memory: Memory, sights: Mapping[int, Sight], state: SiteState, m: float) -> Iterator[float]:
    """Until the order of service changes by the clock."""
    held, policy = memory.setpoints, state.site.policy
    for j in sights:
        if held.setpoint_a[j] > 0:
            yield float(held.on_since[j]) + policy.min_on_s - m
            yield float(held.on_since[j]) + policy.rotation_s - m
    yield LAXITY_S if state.strategy in BY_LAXITY else TURNS_S
