"""Who comes first: in the order that a strategy gives (`ems.domain.strategy`), and in turns."""

from __future__ import annotations

import math

import numpy as np

from ems.control.allocation import Allocation, serve_in_order, share
from ems.control.incidence import Bools, Floats, Incidence, Ints
from ems.control.memory import SetpointMemory
from ems.control.observation import Column, Observation
from ems.domain.instant import Instant
from ems.domain.state import SiteState
from ems.domain.strategy import Strategy, order_of


def shares_equally(strategy: Strategy) -> bool:
    """Whether what is left after the minimum currents is shared, or given away in order."""
    return order_of(strategy) is None


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
    function = order_of(state.strategy)
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
