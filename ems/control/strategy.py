"""Who comes first. A strategy is one function that gives each vehicle a key; smaller goes first.

To add one: name it in `ems.domain.policy.Strategy`, write its key function, put it into `KEYS`. Strategies steer
preference only; limits do not know them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ems.control.allocation import Allocation, serve_in_order, share
from ems.control.incidence import Bools, Floats, Incidence, Ints
from ems.control.memory import SetpointMemory
from ems.control.observation import Column, Observation
from ems.domain.instant import Instant
from ems.domain.policy import PLANNED, Strategy
from ems.domain.session import Session
from ems.domain.state import SiteState

LAXITY_STEP_S = 300.0
"""Laxities within the same five minutes are equal, so that two vehicles do not change places every second."""

Key = Callable[[Session, float, Instant], float]
"""(session, full power in watt, now) to a sortable number."""


def _arrival(session: Session, _full_w: float, _now: Instant) -> float:
    return session.plugged.timestamp()


def _departure(session: Session, _full_w: float, _now: Instant) -> float:
    return math.inf if session.need.departure is None else session.need.departure.timestamp()


def _laxity(session: Session, full_w: float, now: Instant) -> float:
    laxity = session.laxity_s(now.utc, full_w)
    return math.inf if laxity is None else math.floor(laxity / LAXITY_STEP_S)


KEYS: dict[Strategy, Key | None] = {
    Strategy.EQUAL: None,
    Strategy.FIRST_COME: _arrival,
    Strategy.EARLIEST_DEADLINE: _departure,
    Strategy.LEAST_LAXITY: _laxity,
    **dict.fromkeys(PLANNED, _laxity),
}


def shares_equally(strategy: Strategy) -> bool:
    """Whether what is left after the minimum currents is shared, or given away in order."""
    return KEYS[strategy] is None


def divide(
    strategy: Strategy, part: Incidence, capacity: Floats, lower: Floats, upper: Floats, rank: Ints
) -> Allocation:
    """Raise from `lower` towards `upper` under every link: in equal shares, the lowest first, or in order of rank."""
    if shares_equally(strategy):
        return share(part, capacity, lower, upper, np.ones(len(lower)))
    return serve_in_order(part, capacity, lower, upper, rank)


def ranking(
    state: SiteState, seen: Observation, wants: Bools, parked: Bools, held: SetpointMemory, now: Instant
) -> Ints:
    """Position of every EVSE in the order of service; those that want nothing come last.

    First who is not parked; among them who is promised never to pause; then who has waited beyond `max_wait_s`; then by
    class of service; then who has just been switched on (it keeps its turn for `min_on_s`); then the strategy's key;
    then turns: who is on for less than `rotation_s`, who waits longest, and last who has had its turn.
    """
    policy, t = state.site.policy, now.monotonic_s
    on = held.setpoint_a > 0
    on_for = np.where(on, t - held.on_since, 0.0)
    waited = np.where(on, 0.0, t - np.maximum(held.off_since, seen[Column.PLUGGED_S]))
    key = np.zeros(len(on))
    function = KEYS[state.strategy]
    if function is not None:
        legs = seen.legs.sum(axis=1).tolist()
        for j in wants.nonzero()[0].tolist():
            session, evse = state.evses[j].session, state.site.evses[j]
            full_w = evse.max_a * evse.wiring.watts_per_amp(state.site.voltage_v, max(1, legs[j]))
            key[j] = math.inf if session is None else function(session, full_w, now)
    order = np.lexsort(
        (
            np.where(on, on_for, -waited),
            np.where(on, np.where(on_for < policy.rotation_s, 0, 2), 1),
            key,
            -seen[Column.SERVICE_CLASS],
            ~(on & (on_for < policy.min_on_s)),
            ~(waited > policy.max_wait_s),
            seen[Column.NEVER_PAUSES] <= 0.0,
            parked,
            ~wants,
        )
    )
    rank = np.empty(len(on), dtype=np.intp)
    rank[order] = np.arange(len(on))
    return rank
