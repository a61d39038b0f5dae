"""From the allocation to setpoints: fast down, slow up, and nothing up before there is proven room for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ems.control.allocation import admit
from ems.control.incidence import Bools, Floats, Incidence
from ems.control.memory import SetpointMemory
from ems.control.observation import Column, expressible
from ems.control.situation import Situation
from ems.control.strategy import divide
from ems.domain.decision import Level
from ems.domain.state import NEVER
from ems.domain.units import EPSILON_A


@dataclass(frozen=True, slots=True)
class Shaped:
    """Setpoints per EVSE, ampere per leg; `blocked` marks raises that found no room yet."""

    amps: Floats
    blocked: Bools


def shape(at: Situation, allocated: Floats, held: SetpointMemory) -> Shaped:
    """Setpoints for this tick.

    A cut takes effect at once. A raise waits for its time, comes in a step, and is given only room that no liability
    occupies: the sum of max(liability, setpoint) stays within the steady headroom of every link. Where nothing may be
    raised, nothing is taken up again either that is not surely in force: neither what was decided before a station was
    lost, nor what it may or may not have heard.
    """
    policy, asked, seen = at.state.site.policy, at.asked, at.seen
    holding = (at.levels.numbers >= Level.HOLD) & (at.levels.numbers < Level.FALLBACK)
    liable = seen[Column.LIABLE_A]
    may_flow = np.where(holding, seen[Column.SURELY_MAY_A], liable)
    # Who is not ours to lower is told its fallback, but never more than it is counted with.
    told = np.minimum(seen[Column.FALLBACK_A], liable)
    step_to = np.maximum(asked.minimum_a, held.setpoint_a + policy.raise_step_a)
    exact = np.concatenate((allocated, np.minimum(held.setpoint_a, may_flow), told, step_to))
    wish, base, told, step_to = expressible(exact.reshape(4, len(told)), seen, at.state)
    wish, base = np.maximum(wish, asked.forced_a), np.maximum(base, asked.forced_a)
    amps = np.where(asked.wants, np.minimum(wish, base), np.where(seen.controlled, asked.idle_a, told))
    rising = asked.wants & (wish > base + EPSILON_A) & ~holding
    early = at.now.monotonic_s - held.raised_at < policy.raise_every_s
    small = (wish - held.setpoint_a < policy.dead_band_a) & (wish < asked.upper_a)
    rests = (held.setpoint_a <= 0) & (at.now.monotonic_s - held.off_since < policy.min_off_s)
    reach = np.where(early | small | rests, held.setpoint_a, np.minimum(wish, step_to))
    candidate = np.where(rising, np.maximum(amps, np.minimum(wish, reach)), 0.0)
    return _with_room(at, amps, candidate)


def _with_room(at: Situation, amps: Floats, candidate: Floats) -> Shaped:
    """Give raises the room that is left beside every liability, as the strategy divides."""
    occupied = np.where(at.seen.controlled, np.maximum(at.seen[Column.LIABLE_A], amps), 0.0)
    raising = candidate > occupied + EPSILON_A
    incidence = at.seen.polygons
    left = at.room.steady - incidence.load(occupied)
    # What was cut and has not followed yet is given back only where there is room for all that may flow.
    tight = np.zeros(len(amps), dtype=np.bool_)
    tight[incidence.evse[(left < -EPSILON_A)[incidence.link]]] = True
    raising &= ~tight
    amps = np.where(raising | tight, amps, np.maximum(amps, candidate))
    if not np.count_nonzero(raising):
        return Shaped(amps, raising)
    part = incidence.only(raising)
    go, given = raising, candidate
    if (part.load(np.where(raising, candidate - occupied, 0.0)) > np.maximum(left, 0.0)).any():
        go, given = _divided(at, part, left, raising, occupied, candidate)
    reached = np.minimum(expressible(given, at.seen, at.state), candidate)
    tiny = (reached - amps < at.state.site.policy.dead_band_a) & (reached < at.asked.upper_a) & (amps > 0)
    amps = np.where(go & ~tiny, np.maximum(amps, reached), amps)
    return Shaped(amps, raising & (amps < candidate - EPSILON_A))


def _divided(
    at: Situation, part: Incidence, left: Floats, raising: Bools, occupied: Floats, candidate: Floats
) -> tuple[Bools, Floats]:
    """Which raises go, and how far, where what is `left` beside all that is `occupied` has not room for all of them."""
    rank = at.asked.rank
    least = np.where(raising, np.minimum(at.asked.minimum_a, candidate), 0.0)
    starting = np.maximum(least - occupied, 0.0)
    started = admit(part, left, starting, rank).amps
    go = raising & ((starting <= 0) | (started > 0))
    lower = np.where(raising, occupied + started, 0.0)
    others = at.room.steady - at.seen.polygons.load(np.where(raising, 0.0, occupied))
    return go, divide(at.state.strategy, part, others, lower, np.where(go, candidate, lower), rank).amps


def remember(at: Situation, amps: Floats, hunger: Floats, held: SetpointMemory) -> SetpointMemory:
    """The memory after these setpoints; an EVSE that is not controlled keeps its own."""
    now, ours = at.now.monotonic_s, at.seen.controlled
    value = np.where(ours, amps, np.maximum(held.setpoint_a, at.seen[Column.FALLBACK_A]))
    on, was_on = value > 0, held.setpoint_a > 0
    off_at = np.where(at.asked.wants, now, NEVER)
    return SetpointMemory(
        setpoint_a=value,
        changed_at=np.where(value != held.setpoint_a, now, held.changed_at),
        raised_at=np.where(value > held.setpoint_a, now, held.raised_at),
        on_since=np.where(on & ~was_on, now, held.on_since),
        off_since=np.where(was_on & ~on, off_at, held.off_since),
        appetite_a=np.where(ours, hunger, held.appetite_a),
    )
