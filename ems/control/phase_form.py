"""On how many phases a vehicle is to charge, where its station can switch: one or three.

One phase is worth having where three are too many: where the plan wants less than three times the minimum current (a
little sun: 1.4 kW instead of nothing), or where a vehicle waits for its turn because a phase is full that it does not
need. Three phases are what a station uses unless there is a reason.

Contactors and vehicles are not to be switched under load, and some vehicles fall asleep when they are interrupted
often. So a wish must last, switches keep their distance, a session has few of them, and each leads through a pause: the
limit goes to 0 A; when nothing has been able to flow for `min_off_s` the station is told the other number, still at
0 A; when it has accepted, the vehicle goes on. Until samples have shown which legs carry current, all of them count in
full (`observation`): whatever a station does, no phase is given away that it may still use. One whose samples do not
show what it was told keeps three phases and is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ems.control.demand import Demand
from ems.control.headroom import Headroom
from ems.control.incidence import Bools, Floats
from ems.control.memory import Form, Memory
from ems.control.network import LINKS_PER_CIRCUIT, POWER, Network
from ems.control.observation import Column, Observation
from ems.domain.decision import Alarm, Level
from ems.domain.instant import Instant
from ems.domain.measurement import LEG_IN_USE_A, PROOF_SAMPLES
from ems.domain.phase_switch import ONE, THREE, UNSAID, can_switch
from ems.domain.phases import MAX_LEGS
from ems.domain.state import EvseState, SiteState

WISHED_S = 60.0
"""So long a wish must last before anybody is interrupted for it."""

BETWEEN_S = 600.0
"""From one switch of an EVSE to the next, at least; 5 to 15 min are usual."""

ACCEPT_S = 120.0
"""A station that has not accepted a number by then does not take it."""

MOST_PER_SESSION = 6
"""Of so many interruptions vehicles have been seen not to wake up any more."""

CLEAR_A = 1.0
"""Three phases are worth a switch when each would carry so much more than its minimum."""


class Forms(NamedTuple):
    """Aligned with the site's EVSEs: what is remembered of each, the number of phases to tell (0: none), and whether it
    pauses in order to switch.
    """

    forms: tuple[Form, ...]
    phases: tuple[int, ...]
    moving: Bools

    def alarms(self, state: SiteState) -> Iterator[Alarm]:
        """Who was told in vain."""
        for evse, form in zip(state.site.evses, self.forms, strict=True):
            if form.failed:
                text = f"{evse.id} is no longer switched between one and three phases: {form.failed}"
                remedy = "have the station looked at, or write phase_switching: false at this EVSE"
                yield Alarm(f"phases:{evse.id}", Level.NORMAL, evse.id, text, remedy, form.failed_at)


def choose(
    state: SiteState, network: Network, seen: Observation, asked: Demand, room: Headroom, memory: Memory, now: Instant
) -> tuple[Forms, Demand]:
    """The form of every EVSE from now on, and what is asked while some of them pause."""
    count = len(state.evses)
    forms, phases, moving = list(memory.forms), [UNSAID] * count, np.zeros(count, dtype=np.bool_)
    able = list(_able(state))
    if not able:
        return Forms(memory.forms, tuple(phases), moving), asked
    flowing = np.where(seen.controlled, np.maximum(seen[Column.LIABLE_A], memory.setpoints.setpoint_a), 0.0)
    # Room that somebody waits for is nobody's to spread over three phases.
    waits = asked.wants & ~asked.parked & (flowing <= 0.0)
    kept = np.where(waits, asked.minimum_a, flowing)
    left = room.now - seen.incidence.load(kept)
    for j in able:
        known, held = state.evses[j], memory.forms[j]
        wish = _wish(_Case(state, network, seen, asked, memory, now, room.now, left, flowing[j], kept[j]), j)
        off = memory.setpoints.setpoint_a[j] <= 0.0 and seen[Column.LIABLE_A][j] <= 0.0
        still = bool(off and now.monotonic_s - memory.setpoints.changed_at[j] >= state.site.policy.min_off_s)
        form = forms[j] = next_form(held, known, wish, bool(asked.wants[j]), still, now)
        phases[j] = UNSAID if known.switch.refuses else form.phases
        moving[j] = bool(asked.wants[j]) and (form.goal != form.phases or form.settling)
    if not moving.any():
        return Forms(tuple(forms), tuple(phases), moving), asked
    paused = replace(
        asked,
        wants=asked.wants & ~moving,
        parked=asked.parked & ~moving,
        idle_a=np.where(moving, 0.0, asked.idle_a),
        forced_a=np.where(moving, 0.0, asked.forced_a),
        upper_a=np.where(moving, 0.0, asked.upper_a),
        target_a=np.where(moving, 0.0, asked.target_a),
        promised_a=np.where(moving, 0.0, asked.promised_a),
    )
    return Forms(tuple(forms), tuple(phases), moving), paused


def _able(state: SiteState) -> Iterator[int]:
    site = state.site
    if any(station.model.switches_phases for station in state.stations) or any(e.phase_switching for e in site.evses):
        for j, (evse, station) in enumerate(zip(site.evses, site.station_of_evse, strict=True)):
            if can_switch(evse, state.stations[station].model):
                yield j


def next_form(held: Form, known: EvseState, wish: int, wants: bool, still: bool, now: Instant) -> Form:
    """The form after this tick; `still`: nothing can flow."""
    t, session = now.monotonic_s, known.session
    if session is None or session.transaction is None:
        # The next transaction begins with three phases, before any current flows.
        return held._replace(phases=THREE, goal=THREE, wished=THREE, settling=False, session="", switches=0)
    if held.session != session.id:
        # It may have been switched before, by us in an earlier life or by somebody else; it is left as it is.
        drawn = [a > LEG_IN_USE_A for a in known.samples[0].low_a] if known.samples else []
        first = known.switch.told or (ONE if sum(drawn) == 1 else THREE)
        held = held._replace(phases=first, goal=first, settling=False, session=session.id, switches=0)
    accepted = known.switch.told == held.phases and known.switch.is_settled(t)
    failed = held.failed or _failure(held, known, accepted, t)
    form = held._replace(
        failed=failed,
        failed_at=now.utc if failed and not held.failed else held.failed_at,
        settling=held.settling and not accepted and not failed,
    )
    if form.goal != form.phases:
        if still:
            return form._replace(
                phases=form.goal, switched_at=t, switches=form.switches + 1, settling=not known.switch.refuses
            )
        return form if wants else form._replace(goal=form.phases)
    wish = THREE if failed else wish
    if wish != form.wished:
        form = form._replace(wished=wish, wished_since=t)
    lasts = t - form.wished_since >= WISHED_S and t - form.switched_at >= BETWEEN_S
    allowed = failed or (lasts and form.switches < MOST_PER_SESSION)
    return form._replace(goal=wish) if wish != form.phases and wants and allowed and not form.settling else form


def _failure(form: Form, known: EvseState, accepted: bool, now: float) -> str:
    if known.switch.refuses:
        return "it refuses limits that name a number of phases"
    if form.settling and now - form.switched_at > ACCEPT_S:
        return "it did not accept the number of phases in time"
    use = known.leg_use
    if form.phases == ONE and accepted and use.agreeing >= PROOF_SAMPLES and sum(use.seen) > 1:
        return "its samples still show more than one phase, which count in full"
    return ""


class _Case(NamedTuple):
    """What a wish is made of. Per link: `most`, what our EVSEs may have in all, and what is `left` of it beside all
    that may flow and the minimum of all who wait, `kept_a` of which is its own; of that `own_a` may flow.
    """

    state: SiteState
    network: Network
    seen: Observation
    asked: Demand
    memory: Memory
    now: Instant
    most: Floats
    left: Floats
    own_a: float
    kept_a: float


def _wish(case: _Case, j: int) -> int:
    """The number of phases on which an EVSE is best used now."""
    form, known, asked = case.memory.forms[j], case.state.evses[j], case.asked
    if not asked.wants[j] or asked.parked[j] or _uses_one(form, known):
        return form.phases
    minimum, told = float(asked.minimum_a[j]), asked.aims.told.get(j)
    if told is not None and np.isfinite(asked.aims.most_a[j]):
        return _as_planned(form.phases, told.amps, minimum, float(case.seen[Column.MOST_A][j]))
    held, t = case.memory.setpoints, case.now.monotonic_s
    if form.phases == ONE:
        if t - form.switched_at < BETWEEN_S - WISHED_S:
            return ONE
        _, on_three = _room(case, j)
        return THREE if on_three >= max(minimum + CLEAR_A, case.own_a / MAX_LEGS) else ONE
    waits_s = t - max(held.off_since[j], case.seen[Column.PLUGGED_S][j]) if held.setpoint_a[j] <= 0.0 else 0.0
    if waits_s < WISHED_S:
        return THREE
    on_one, on_three = _room(case, j)
    return ONE if on_three < minimum <= on_one else THREE


def _uses_one(form: Form, known: EvseState) -> bool:
    """Its vehicle uses one phase anyway."""
    session = known.session
    if session is not None and session.vehicle is not None and session.vehicle.legs == ONE:
        return True
    return form.phases == THREE and known.leg_use.agreeing >= PROOF_SAMPLES and sum(known.leg_use.seen) == 1


def _as_planned(phases: int, planned_a: float, minimum: float, most: float) -> int:
    """By what a plan wants, ampere on each of three legs. In between, where either would do, it stays as it is."""
    if 0.0 < planned_a < minimum:
        return ONE
    return THREE if planned_a >= minimum + CLEAR_A or MAX_LEGS * planned_a > most else phases


def _room(case: _Case, j: int) -> tuple[float, float]:
    """Ampere by everything above it: what its first leg may have at most, if the others leave it their turn; and what
    each of three legs can have now.
    """
    site, network = case.state.site, case.network
    evse, own = site.evses[j], case.seen.incidence.evse == j
    free = case.left.copy()
    free[case.seen.incidence.link[own]] += case.seen.incidence.coefficient[own] * case.kept_a
    path = site.circuits.path_of(site.circuit_of_evse[j])
    (first,), *_ = evse.wiring.legs
    watts = float(network.watts_per_leg[j])
    power = [i * LINKS_PER_CIRCUIT + POWER for i in path]
    alone = [i * LINKS_PER_CIRCUIT + first for i in path]
    alone += [
        network.first_between + k
        for k, link in enumerate(network.between)
        if link.circuit in path and link.more is first
    ]
    legs = [i * LINKS_PER_CIRCUIT + phase for i in path for (phase,) in evse.wiring.legs]
    on_one = min(float(case.most[alone].min()), float(case.most[power].min()) / watts)
    return on_one, min(float(free[legs].min()), float(free[power].min()) / watts / MAX_LEGS)
