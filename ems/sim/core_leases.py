"""Leases that are renewed while nothing else happens, without asking the controller each time.

At half its life `ems.control.orders` would send the same limit again. Here that is counted and remembered; the events
are told before the controller looks the next time, as if they had been told when they happened.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from ems.control.orders import RENEW_SHARE
from ems.domain import events as e
from ems.domain.grant import Answer, Layer
from ems.domain.order import LimitOrder
from ems.sim.core_outlet import CoreOutlet


class Lease(NamedTuple):
    """A limit that a station took at `since_s` of the run, on so many phases or on all (0)."""

    amps: float
    since_s: float
    lasts_s: float
    phases: int


class CoreLeases:
    """All leases of a run, by EVSE and layer."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, Layer], Lease] = {}
        self._due: list[tuple[float, int, Layer, float]] = []
        self._renewed: set[tuple[int, Layer]] = set()

    def taken(self, evse: int, order: LimitOrder, t: float) -> None:
        """A station accepted an order."""
        key = (evse, order.layer)
        self._renewed.discard(key)
        self._held.pop(key, None)
        if math.isfinite(order.lease_s):
            self._hold(key, Lease(order.amps, t, order.lease_s, order.phases))

    def dropped(self, evse: int, layer: Layer) -> None:
        """A layer is gone, with its transaction."""
        self._held.pop((evse, layer), None)
        self._renewed.discard((evse, layer))

    def clear(self) -> None:
        """Nobody renews anything any more."""
        self._held.clear()
        self._due.clear()
        self._renewed.clear()

    def renew(self, t: float, outlets: Sequence[CoreOutlet], lost: Container[str]) -> int:
        """Renew what has fallen due until `t`, but for stations that are lost; how many limits were sent for it.

        Nothing physical follows from a renewal, so it is enough to come here before any lease ends.
        """
        sent = 0
        while self._due and self._due[0][0] <= t:
            due, evse, layer, since = heapq.heappop(self._due)
            key = (evse, layer)
            lease, outlet = self._held.get(key), outlets[evse]
            if lease is None or lease.since_s != since or outlet.station in lost:
                continue
            self._hold(key, lease._replace(since_s=due))
            self._renewed.add(key)
            outlet.renewed(layer, due, due + lease.lasts_s)
            sent += 1
        return sent

    def told(self, outlets: Sequence[CoreOutlet], begin_s: float) -> Iterator[e.Event]:
        """The events of all renewals since the last call; `begin_s` is the monotonic clock at the begin of the run."""
        for evse, layer in sorted(self._renewed):
            lease = self._held[evse, layer]
            at, name = begin_s + lease.since_s, outlets[evse].evse
            ends_at = at + lease.lasts_s
            # That it was sent first would leave no trace once it is answered.
            yield e.ProfileAnswered(name, layer, lease.amps, at, Answer.ACCEPTED, ends_at, phases=lease.phases)
        self._renewed.clear()

    def _hold(self, key: tuple[int, Layer], lease: Lease) -> None:
        self._held[key] = lease
        heapq.heappush(self._due, (lease.since_s + RENEW_SHARE * lease.lasts_s, *key, lease.since_s))
