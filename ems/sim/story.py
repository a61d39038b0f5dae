"""A scenario as it happens: who arrives and who leaves at each moment, round after round."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np

from ems.sim.scenario import Arrival, Scenario


class Comes(NamedTuple):
    """A vehicle arrives."""

    arrival: Arrival


class Leaves(NamedTuple):
    """The vehicle that came so leaves."""

    arrival: Arrival


class Story:
    """Tells each happening once, in order of time. Rounds are drawn from `rng` when their time has come."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        self._scenario, self._rng = scenario, rng
        self._coming: list[tuple[float, int, Comes | Leaves]] = []
        self._turn = count()
        self._rounds = 0

    def until(self, t: float) -> Iterator[Comes | Leaves]:
        """What happens up to `t`, seconds since the begin."""
        while self._scenario.arrivals and self._rounds * self._scenario.repeat_s <= t:
            for arrival in self._scenario.round(self._rounds, self._rng):
                heapq.heappush(self._coming, (arrival.at_s, next(self._turn), Comes(arrival)))
                heapq.heappush(self._coming, (arrival.at_s + arrival.stay_s, next(self._turn), Leaves(arrival)))
            self._rounds += 1
        while self._coming and self._coming[0][0] <= t:
            yield heapq.heappop(self._coming)[2]
