"""The independent observer: it knows the ratings and the true currents, and nothing of what the controller thinks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ems.domain.phases import Phase
from ems.domain.site import Site
from ems.sim.breaker import wear
from ems.sim.world import Floats, Flow

NOTICED_A = 1e-3
"""Below this a sum is wrong by rounding only."""

FOLLOWS_S = 8.0
"""So long a vehicle may still rise because of an older limit: 3 s for the station, 5 s for the vehicle. What else began
to flow within that time could not be known when the limit was set."""


class Cause(StrEnum):
    """What pushed a circuit over its rating: our vehicles, a station that disobeys, or what flows besides them."""

    CHARGERS = "chargers"
    DISOBEDIENCE = "disobedience"
    BASE_LOAD = "base load"


@dataclass(frozen=True, slots=True)
class Overload:
    """One span of time over the rating of a circuit on a phase: the most by which, and which part rose last.

    `shared_s`: for how long vehicles drew a part of it; what the other load does alone, nobody can end. `worn`: the
    share of a breaker's endurance that it took; from 1 on it may trip.
    """

    circuit: str
    phase: Phase
    since_s: float
    until_s: float
    worst_a: float
    cause: Cause
    shared_s: float = 0.0
    worn: float = 0.0

    @property
    def duration_s(self) -> float:
        """How long it lasted."""
        return self.until_s - self.since_s

    @property
    def may_trip(self) -> bool:
        """A breaker of that rating might have interrupted it."""
        return self.worn >= 1.0


class Observer:
    """Compares what flows with what the conductors of `site` carry. Times must rise."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._rating = np.array([circuit.rating_a for circuit in site.circuits], dtype=np.float64)
        self.peak_a: Floats = np.zeros_like(self._rating)
        self._fine_evses = np.zeros_like(self._rating)
        self._fine_wild = np.zeros_like(self._rating)
        self._amps = self._evses = self._wild = self.peak_a
        self._lately: deque[tuple[float, Floats, Floats]] = deque()
        self._open: dict[tuple[int, int], Overload] = {}
        self._closed: list[Overload] = []

    def record(self, t: float, flow: Flow) -> None:
        """What flows from `t` on."""
        amps, evses = flow.amps, flow.amps_evses
        self._lately.append((t, flow.besides_a, flow.amps_wild))
        while len(self._lately) > 1 and self._lately[1][0] <= t - FOLLOWS_S:
            self._lately.popleft()
        exceeded = amps > self._rating + NOTICED_A
        if exceeded.any() or self._open:
            self._judge(t, flow, exceeded)
        self.peak_a = np.maximum(self.peak_a, amps)
        self._amps, self._evses, self._wild = amps, evses, flow.amps_wild
        fine = ~exceeded
        self._fine_evses = np.where(fine, evses, self._fine_evses)
        self._fine_wild = np.where(fine, flow.amps_wild, self._fine_wild)

    def overloads(self, t: float) -> tuple[Overload, ...]:
        """Everything so far, in order of begin; what lasts is counted until `t`."""
        lasting = [self._lasted(key, t) for key in self._open]
        return tuple(sorted((*self._closed, *lasting), key=lambda o: (o.since_s, o.circuit, o.phase)))

    def largest_a(self, t: float, cause: Cause | None = None) -> float:
        """The largest overload of any circuit and phase so far, of one cause or of any; 0 without one."""
        return max((o.worst_a for o in self.overloads(t) if cause in {None, o.cause}), default=0.0)

    def _judge(self, t: float, flow: Flow, exceeded: NDArray[np.bool_]) -> None:
        for key in list(self._open):
            lasted = self._lasted(key, t)
            if exceeded[key]:
                self._open[key] = lasted
            else:
                self._closed.append(lasted)
                del self._open[key]
        for i, p in np.argwhere(exceeded).tolist():
            key, over = (i, p), float(flow.amps[i, p] - self._rating[i, p])
            known = self._open.get(key)
            if known is None:
                circuit = self.site.circuits.circuits[i].id
                self._open[key] = Overload(circuit, Phase(p), t, t, over, self._cause(key, flow))
                continue
            # A station that obeys again still draws what it drew, for as long as its vehicle takes to follow.
            wild = max(0.0, float(flow.amps_wild[key] - self._wild[key]))
            risen = flow.amps_evses[key] - wild > self._evses[key] + NOTICED_A
            ours = known.cause is Cause.CHARGERS or (risen and t - known.since_s > FOLLOWS_S)
            worst = max(known.worst_a, over)
            self._open[key] = replace(known, worst_a=worst, cause=Cause.CHARGERS if ours else known.cause)

    def _cause(self, key: tuple[int, int], flow: Flow) -> Cause:
        """Whoever else has risen just now, if it would fit without that; else what rose last of our own."""
        besides = _risen([float(amps[key]) for _, amps, _ in self._lately])
        disobeying = _risen([float(amps[key]) for _, _, amps in self._lately])
        if besides + disobeying >= float(flow.amps[key] - self._rating[key]):
            return Cause.BASE_LOAD if besides >= disobeying else Cause.DISOBEDIENCE
        wild = float(flow.amps_wild[key] - self._fine_wild[key])
        ours = float(flow.amps_evses[key] - self._fine_evses[key]) - wild
        return Cause.DISOBEDIENCE if wild >= ours else Cause.CHARGERS

    def _lasted(self, key: tuple[int, int], t: float) -> Overload:
        """An overload that is open, with the time until `t`, during which flowed what was recorded last."""
        known = self._open[key]
        passed = t - known.until_s
        shared = passed if self._evses[key] > NOTICED_A else 0.0
        # A conductor that the circuit does not have carries nothing for any time.
        worn = wear(float(self._amps[key] / max(self._rating[key], NOTICED_A)), passed)
        return replace(known, until_s=t, shared_s=known.shared_s + shared, worn=known.worn + worn)


def _risen(course: list[float]) -> float:
    return course[-1] - min(course)
