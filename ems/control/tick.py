"""One tick, from state to decision: the table of contents of control."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from operator import is_not

import numpy as np

from ems.control.aims import next_change
from ems.control.allocation import TOLERANCE, Allocation, admit
from ems.control.appetite import SETTLE_S, appetites
from ems.control.battery import batteries
from ems.control.demand import demand, expressible_above
from ems.control.explanation import circuit_views, reasons
from ems.control.failsafe import assess
from ems.control.guard import Load, Outlet, guard
from ems.control.headroom import headroom, limits_in_force
from ems.control.incidence import Floats, Incidence
from ems.control.liability import REFUSALS_TOLERATED
from ems.control.memory import Memory, Obedience
from ems.control.network import LINKS_PER_CIRCUIT, Network
from ems.control.observation import Column, expressible, observe
from ems.control.phase_form import choose
from ems.control.shaping import Shaped, remember, shape
from ems.control.situation import Situation
from ems.control.storage import with_batteries
from ems.control.strategy import divide, shares_equally
from ems.domain.decision import Alarm, Decision, Level, Setpoint
from ems.domain.instant import Instant
from ems.domain.phases import PHASE_PAIRS
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.station import Evse
from ems.domain.units import EPSILON_A

TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Controller:
    """The decision function of one site, with the site's constraint network laid out once."""

    network: Network
    outlets: tuple[Outlet, ...]

    @classmethod
    def of(cls, site: Site) -> Controller:
        """Lay out the network of `site`."""
        return cls(Network.of(site), tuple(Outlet.of(site, evse) for evse in site.evses))

    def decide(self, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
        """What every EVSE may draw from now on, and why. Same arguments, same result; never raises on site conditions.

        The steps: observe, judge, find headroom, ask, choose phases, allocate, shape, guard, steer batteries, explain.
        """
        before, untrusted = memory.obedience, [obeys.untrusted for obeys in memory.obedience]
        seen = observe(state, self.network, untrusted, memory.seen, now.monotonic_s)
        levels, memory = assess(state, seen, memory, now)
        limits = limits_in_force(state, now)
        room, memory = headroom(state, self.network, seen, levels, limits, memory, now)
        room, stored, memory = with_batteries(state, room, self.network.margin, memory, now.monotonic_s)
        room = room.on_sides()
        hunger = appetites(seen, memory.setpoints, now.monotonic_s)
        asked = demand(state, seen, levels, limits, hunger, memory, now)
        forms, asked = choose(state, self.network, seen, asked, room, memory, now)
        at = Situation(state, now, seen, levels, room, asked, forms)
        allocation = allocate(at)
        shaped = shape(at, allocation.amps, memory.setpoints)
        guarded = _guarded(at, shaped.amps, self.outlets)
        setpoints = remember(at, guarded, hunger, memory.setpoints)
        memory = replace(memory, setpoints=setpoints, seen=seen, forms=forms.forms)
        steered, memory = batteries(at, stored, guarded, memory)
        decision = _decision(at, allocation, shaped, guarded, memory, before)
        return replace(decision, batteries=steered) if steered else decision, memory


REFUSALS_TO_STOP = REFUSALS_TOLERATED + 1
"""Once more than until it counts as uncontrollable: a station that refuses session limits may take a default one."""


def allocate(at: Situation) -> Allocation:
    """Divide the headroom: what a promised energy cannot wait for, minimum currents in order of rank, then up to what
    vehicles are known to take, then minimum currents of those that are parked, then up to what they all might take.
    """
    asked, capacity = at.asked, at.room.now
    wants, rank = asked.wants, asked.rank
    base = np.where(wants, asked.forced_a, np.where(at.seen.controlled, asked.idle_a, 0.0))
    full, bottleneck = np.where(wants, asked.upper_a, base), np.full(len(base), -1, dtype=np.intp)
    # A link that carries all that anybody asks for keeps nobody from more.
    scarce = at.seen.polygons.load(full) > capacity + TOLERANCE
    if not np.count_nonzero(scarce):
        return Allocation(full, bottleneck)
    incidence, filled = at.seen.polygons.on(scarce), base
    ours = incidence.only(wants)
    on = np.zeros(len(base), dtype=np.bool_)
    turns = (
        (asked.promised_a > 0.0, asked.promised_a),
        (wants & ~asked.parked, asked.target_a),
        (asked.parked, asked.target_a),
        (wants, asked.upper_a),
    )
    for turn, goal in turns:
        if not np.count_nonzero(turn):
            continue
        starting = np.where(turn & ~on, asked.minimum_a - asked.forced_a, 0.0)
        if np.count_nonzero(starting):
            first = admit(ours, capacity - incidence.load(filled), np.maximum(starting, 0.0), rank)
            filled, bottleneck = filled + first.amps, np.where(turn, first.bottleneck, bottleneck)
        on |= turn & (filled > 0)
        # Who met a full link in an earlier turn cannot have more in this one.
        rising = on & (bottleneck < 0) & (goal > filled)
        if np.count_nonzero(rising):
            left = capacity - incidence.load(np.where(rising, 0.0, filled))
            lower, upper = np.where(rising, filled, 0.0), np.where(rising, goal, 0.0)
            part = divide(at.state.strategy, ours.only(rising), left, lower, upper, rank)
            bottleneck = np.where(rising, part.bottleneck, bottleneck)
            filled = np.where(rising, part.amps, filled)
    return Allocation(_in_steps(at, ours, capacity, filled), bottleneck)


def _in_steps(at: Situation, ours: Incidence, capacity: Floats, exact: Floats) -> Floats:
    """What stations can be told of it. What rounding down would leave over rounds some up, in order of rank; not where
    all are to have the same.
    """
    if shares_equally(at.state.strategy):
        return exact
    seen, asked = at.seen, at.asked
    told = np.where(asked.wants, np.maximum(expressible(exact, seen, at.state), asked.forced_a), exact)
    rounded = asked.wants & (told > 0.0) & (exact > told + EPSILON_A)
    if not np.count_nonzero(rounded):
        return exact
    above = np.minimum(expressible_above(exact, seen, at.state), asked.upper_a)
    more = np.where(rounded, np.maximum(above - told, 0.0), 0.0)
    return told + admit(ours, capacity - at.seen.polygons.load(told), more, asked.rank).amps


def _guarded(at: Situation, amps: Floats, outlets: tuple[Outlet, ...]) -> Floats:
    """The setpoints after the guard; EVSEs that are not controlled keep theirs, which nobody adds up."""
    seen, asked = at.seen, at.asked
    liable, lowest = seen[Column.LIABLE_A], np.where(asked.wants, asked.forced_a, asked.idle_a)
    least = np.where(asked.wants, asked.minimum_a, lowest)
    # Who has neither a setpoint nor a liability is no load.
    loading = (seen.controlled & ((amps > 0.0) | (liable > 0.0))).nonzero()[0]
    columns = [column[loading].tolist() for column in (amps, liable, seen.legs, least, lowest, seen.spread)]
    loads = list(map(Load, [outlets[j] for j in loading.tolist()], *columns))
    guarded = amps.copy()
    guarded[loading] = guard(at.state.site.circuits, loads, _bounds(at))
    return guarded


def _bounds(at: Situation) -> list[list[float]]:
    """What the guard holds each circuit to: three phases, power, and where there is a rule, every pair of phases."""
    circuits, now = at.state.site.circuits, at.room.now.tolist()
    first = len(circuits) * LINKS_PER_CIRCUIT
    bounds = [now[k : k + LINKS_PER_CIRCUIT] for k in range(0, first, LINKS_PER_CIRCUIT)]
    for row, circuit in zip(bounds, circuits, strict=True):
        if circuit.unbalance_max_a is not None:
            row.extend(now[first : first + len(PHASE_PAIRS)])
            first += len(PHASE_PAIRS)
    return bounds


def _decision(
    at: Situation, allocation: Allocation, shaped: Shaped, guarded: Floats, memory: Memory, before: Sequence[Obedience]
) -> Decision:
    site, seen, now = at.state.site, at.seen, at.now
    lowered = tuple([site.evses[j].id for j in (guarded < shaped.amps - EPSILON_A).nonzero()[0].tolist()])
    alarms = (*at.levels.alarms, *at.forms.alarms(at.state))
    if lowered:
        text = f"the guard lowered {', '.join(lowered[:4])}: the allocation was wrong"
        alarms = (*alarms, Alarm("guard", Level.NORMAL, "site", text, "send the journal", now.utc))
    judged = compress(enumerate(memory.obedience), map(is_not, memory.obedience, before))
    warned = [j for j, obeys in judged if obeys.warned and not before[j].warned]
    amps = guarded.tolist()
    columns = (
        [evse.id for evse in site.evses],
        amps,
        seen[Column.LIABLE_A].tolist(),
        reasons(at, allocation, shaped, amps),
        at.levels.evses,
        seen.controlled.tolist(),
        at.forms.phases,
    )
    return Decision(
        at=now,
        setpoints=tuple(map(Setpoint, *columns)),
        circuits=circuit_views(at),
        alarms=alarms,
        level=max(at.levels.site, *at.levels.circuits),
        renew_since=memory.renew_since,
        stop=_to_stop(at, memory) if np.count_nonzero(at.room.excess > EPSILON_A) and not site.policy.observes else (),
        read_back=tuple([site.evses[j].id for j in warned]),
        guarded=lowered,
    )


def _to_stop(at: Situation, memory: Memory) -> tuple[str, ...]:
    """Vehicles that no limit reaches, where the others cannot make enough room (failsafe row 6): the largest first, and
    no more of them than it takes.
    """
    incidence, evses, flowing_a = at.seen.incidence, at.state.site.evses, at.room.flowing_a
    excess = at.room.excess.copy()
    candidates = (at.seen.may_charge & ~at.seen.controlled & (flowing_a > 0.0)).nonzero()[0]
    stopped = []
    for j in sorted(candidates.tolist(), key=lambda k: -float(flowing_a[k])):
        own = incidence.evse == j
        links = incidence.link[own]
        if (excess[links] > EPSILON_A).any() and _cannot_be_limited(at.state, evses[j], memory.obedience[j].untrusted):
            excess[links] -= incidence.coefficient[own] * flowing_a[j]
            stopped.append(evses[j].id)
    return tuple(stopped)


def _cannot_be_limited(state: SiteState, evse: Evse, untrusted: bool) -> bool:
    """It is there, and every way to tell it less has been tried."""
    station = state.station(evse.station)
    if not station.connected:
        return False
    return untrusted or state.evse(evse.id).grant.refusals > REFUSALS_TO_STOP or not station.model.smart_charging


def next_wake(state: SiteState, memory: Memory, now: Instant) -> float:
    """Seconds until a timer changes a decision although nothing happens; for those who can skip time."""
    if any(form.goal != form.phases or form.settling or form.wished != form.phases for form in memory.forms):
        return TICK_S
    policy, held, t = state.site.policy, memory.setpoints, now.monotonic_s
    plugged = np.array([known.session is not None for known in state.evses], dtype=np.bool_)
    starts = ((held.raised_at, policy.raise_every_s), (held.off_since, policy.min_off_s), (held.changed_at, SETTLE_S),
              (held.on_since, policy.min_on_s), (held.on_since, policy.rotation_s))  # fmt: skip
    timers = [column[plugged] + delay for column, delay in starts]
    timers.append(np.array([known.grant.next_change(t) for known in state.evses]))
    timers.append(np.array([k.session.plugged_s + SETTLE_S for k in state.evses if k.session], dtype=np.float64))
    ends = [
        now.monotonic_at(moment)
        for limit in (*state.limits, *limits_in_force(state, now))
        for moment in (limit.starts, limit.ends)
        if moment
    ]
    begins = [now.monotonic_at(w.begins_after(now.utc, state.site.zone)) for w in state.site.limits]
    timers.append(np.array([*ends, *begins], dtype=np.float64))
    ahead = np.concatenate(timers)
    ahead = ahead[ahead > t]
    until = min(float(ahead.min()) - t if ahead.size else math.inf, next_change(state, now))
    return max(TICK_S, until)
