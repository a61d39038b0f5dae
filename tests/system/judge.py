"""The judge: looks at the world alone, knows what every fuse carries, and asks the controller nothing.

What flows in a conductor is added up here by hand from the currents of the vehicles, so that neither the sums of the
simulated world nor those of the controller are taken for granted.

Nobody can lower what is out of reach, or make room for what no meter shows. So a second over the limit counts unless
other loads and stations out of reach fill the conductor by themselves, or its meter has failed just now.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from ems.domain.phases import Phase
from ems.domain.site import Site
from ems.sim.charging_profile import Unit
from ems.sim.virtual_site import VirtualSite

NOTICED_A = 0.05
"""Less than a clamp meter shows."""

WINDOW_S = 60.0
PILOT_MIN_A = 6.0

Conductor = tuple[str, Phase]


class Fault(NamedTuple):
    """A rule that was broken, when, in seconds of the run, and how."""

    rule: str
    at_s: float
    text: str


@dataclass(slots=True)
class _Load:
    """The last minute of one conductor: the seconds that it was over, and the worst."""

    over: deque[float] = field(default_factory=deque)
    told: float = -math.inf
    worst_a: float = 0.0
    total_s: float = 0.0


class Judge:
    """Call `look` once a second; `faults` collects.

    `tolerated_s`: for so long within any minute a conductor may carry more than its limit, and only because of what
    others have begun to draw, or what has failed, within that time: what our vehicles add to a load that has been there
    for longer is our own doing. A breaker holds 1.13 times its rating for an hour and trips at 1.45 times within one
    (IEC 60898-1), so 15 s, where the strictest grid code begins to count an excursion (EREC G100), harm none.
    `hungry_s`: so long a vehicle that wants current and has a transaction may get none.
    `out_of_reach`: stations that nobody can talk to. `blind`: circuits whose meter has failed so lately that nobody can
    know it. `condition`: changes whenever something fails or comes back.
    """

    def __init__(self, world: VirtualSite, tolerated_s: float = 15.0, hungry_s: float = math.inf) -> None:
        self.world, self.site = world, world.site
        self.tolerated_s, self.hungry_s = tolerated_s, hungry_s
        self.out_of_reach: Callable[[], Collection[str]] = tuple
        self.blind: Callable[[], Collection[str]] = tuple
        self.condition: Callable[[], object] = lambda: None
        self.faults: list[Fault] = []
        self.loads: dict[Conductor, _Load] = {}
        self._above = {c.id: _way_up(self.site, c.id) for c in self.site.circuits}
        self._lately: deque[dict[Conductor, float]] = deque(maxlen=max(1, round(tolerated_s)))
        self._hungry_since: dict[str, float] = {}
        self._conditions: tuple[object, float] = (None, -math.inf)
        self._away: dict[str, float] = {}
        self._told: set[str] = set()

    def look(self) -> None:
        """Judge the present second."""
        t = self.world.observed_s()
        self._circumstances(t)
        ours, others = self._ours(), self._others()
        self._lately.append(others)
        flows = {conductor: abs(ours[conductor] + others[conductor]) for conductor in ours}
        self._agrees(t, flows)
        for conductor, amps in flows.items():
            if amps > self.limit_a(*conductor) + NOTICED_A:
                known = min(before[conductor] for before in self._lately)
                self._fuse(t, conductor, amps, ours[conductor] + known)
        self._hunger(t)
        self._wire(t)

    def flows(self) -> dict[Conductor, float]:
        """What every conductor carries now."""
        others = self._others()
        return {conductor: abs(amps + others[conductor]) for conductor, amps in self._ours().items()}

    def drawn_at(self, stations: Collection[str]) -> dict[Conductor, float]:
        """What the vehicles at some stations draw through every conductor."""
        return self._ours(lambda station: station in stations)

    def limit_a(self, circuit: str, phase: Phase) -> float:
        """What the conductor may carry now: its rating, or less while a limit in ampere holds."""
        now = self.world.clock.now()
        windows = (w.limit_at(now.utc, self.site.zone) for w in self.site.limits if w.scope == circuit)
        limits = [w.max_a for w in windows if w is not None and w.max_a is not None]
        return min([self.site.circuits[circuit].rating_a[phase], *limits])

    def above(self, circuit: str) -> frozenset[str]:
        """A circuit and all that feed it."""
        return self._above[circuit]

    def longest_s(self) -> float:
        """The most seconds that any conductor was over its limit, in all."""
        return max((load.total_s for load in self.loads.values()), default=0.0)

    def worst_a(self) -> float:
        """The most by which any conductor was over its limit."""
        return max((load.worst_a for load in self.loads.values()), default=0.0)

    def _circumstances(self, t: float) -> None:
        """Who has been out of reach lately, and since when nothing has failed or come back."""
        condition = self.condition()
        if condition != self._conditions[0]:
            self._conditions = (condition, t)
        self._away.update(dict.fromkeys(self.out_of_reach(), t))

    def _is_away(self, station: str, t: float) -> bool:
        return t - self._away.get(station, -math.inf) <= self.tolerated_s

    def _ours(self, only: Callable[[str], bool] = lambda _: True) -> dict[Conductor, float]:
        """What vehicles draw through every conductor; a leg between two phases counts in full on both, which is never
        less than what flows.
        """
        sums = {(circuit.id, phase): 0.0 for circuit in self.site.circuits for phase in Phase}
        for evse in self.site.evses:
            legs = self.world.stations[evse.station].leg_amps(evse.number)
            if any(legs) and only(evse.station):
                for leg, amps in zip(evse.wiring.legs, legs, strict=True):
                    for circuit in self._above[evse.circuit]:
                        for phase in leg:
                            sums[circuit, phase] += amps
        return sums

    def _others(self) -> dict[Conductor, float]:
        """What else flows through every conductor, negative where it generates."""
        besides = self.world.flow.besides_a.tolist()
        return {(c.id, phase): besides[i][phase] for i, c in enumerate(self.site.circuits) for phase in Phase}

    def _fuse(self, t: float, conductor: Conductor, amps: float, owing_a: float) -> None:
        """A conductor carries too much; `owing_a`: it would, had nobody else drawn more within the time tolerated."""
        name, phase = conductor
        limit = self.limit_a(name, phase)
        fixed = self._lately[-1][conductor] + self._ours(lambda station: self._is_away(station, t))[conductor]
        if fixed > limit or name in self.blind():
            return
        load = self.loads.setdefault(conductor, _Load())
        while load.over and load.over[0] <= t - WINDOW_S:
            load.over.popleft()
        load.over.append(t)
        load.worst_a, load.total_s = max(load.worst_a, amps - limit), load.total_s + 1.0
        if t - load.told <= WINDOW_S:
            return
        if owing_a > limit + NOTICED_A and t - self._conditions[1] > self.tolerated_s:
            load.told = t
            text = f"our vehicles bring {name} {phase.name} to {owing_a:.1f} A of {limit:g} A"
            self.faults.append(Fault("own", t, text))
        elif len(load.over) > self.tolerated_s:
            load.told = t
            text = f"{name} {phase.name} carries {amps:.1f} A of {limit:g} A, {len(load.over)} s of the last minute"
            self.faults.append(Fault("fuse", t, text))

    def _agrees(self, t: float, flows: dict[Conductor, float]) -> None:
        """The world's own sums are phasors, so they may be below ours, never above."""
        shown_a = self.world.flow.amps.tolist()
        straight = all(len(leg) == 1 for evse in self.site.evses for leg in evse.wiring.legs)
        for i, circuit in enumerate(self.site.circuits):
            for phase in Phase:
                shown, ours = shown_a[i][phase], flows[circuit.id, phase]
                if shown > ours + 1e-6 or (straight and shown < ours - 1e-6):
                    self._once("sums", t, f"{circuit.id} {phase.name}: the world says {shown:.2f} A, we {ours:.2f} A")

    def _hunger(self, t: float) -> None:
        for station in self.world.stations.values():
            for connector in station.connectors.values():
                name = f"{station.id}/{connector.number}"
                vehicle = connector.vehicle
                wants = vehicle is not None and vehicle.is_hungry and connector.transaction is not None
                if not wants or self._is_away(station.id, t) or (vehicle is not None and vehicle.current_a > 0):
                    self._hungry_since.pop(name, None)
                    continue
                since = self._hungry_since.setdefault(name, t)
                if t - since > self.hungry_s:
                    self._hungry_since[name] = t
                    self.faults.append(Fault("hunger", t, f"{name} got nothing for {t - since:.0f} s"))

    def _wire(self, t: float) -> None:
        """No profile that a station holds asks for a current at which no vehicle charges. What watts mean depends on
        how many phases a vehicle uses; they must be enough for one.
        """
        for station in self.world.stations.values():
            for held in station.stack.installed:
                one_amp = station.connectors[max(1, held.connector)].shape.watts_per_leg
                in_amps = held.profile.unit is Unit.AMPERE
                for amps in (period.limit if in_amps else period.limit / one_amp for period in held.profile.periods):
                    if amps < 0 or 0 < amps < PILOT_MIN_A - 0.01:
                        self._once("wire", t, f"{station.id} was told {amps:.2f} A")

    def _once(self, rule: str, t: float, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.faults.append(Fault(rule, t, text))


def _way_up(site: Site, circuit: str) -> frozenset[str]:
    parents = {c.id: c.parent for c in site.circuits}
    way = [circuit]
    while (above := parents[way[-1]]) is not None:
        way.append(above)
    return frozenset(way)
