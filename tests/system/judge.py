"""The judge: looks at the world alone, knows what every fuse carries and every limit allows, and asks the controller
nothing.

What flows in a conductor is added up here by hand from the currents of the vehicles, so that neither the sums of the
simulated world nor those of the controller are taken for granted; so is the power of a circuit, at the site's voltage.

Nobody can lower what is out of reach, or make room for what no meter shows. So a second over the limit counts unless
other loads and stations out of reach fill the place by themselves, or its meter has failed just now.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from ems.domain.phases import Phase
from ems.domain.site import Site
from ems.sim.charging_profile import Unit
from ems.sim.virtual_site import VirtualSite

NOTICED_A, NOTICED_SHARE_W = 0.05, 0.005
"""Less than a clamp meter shows, and less than the power of a meter is exact to (class 0.5, IEC 62053-22)."""

WINDOW_S = 60.0
PILOT_MIN_A = 6.0

Place = tuple[str, Phase | None]
"""A conductor of a circuit, judged in ampere; or without a phase all of them together, judged in watt."""


class Fault(NamedTuple):
    """A rule that was broken, when, in seconds of the run, and how."""

    rule: str
    at_s: float
    text: str


@dataclass(slots=True)
class _Load:
    """The last minute of one place: the seconds that it was over, and the worst."""

    over: deque[float] = field(default_factory=deque)
    told: float = -math.inf
    worst: float = 0.0
    total_s: float = 0.0


class Judge:
    """Call `look` once a second; `faults` collects.

    `tolerated_s`: for so long within any minute a place may carry more than its limit, and only because of what others
    have begun to draw, what has failed, or which limit has begun to hold, within that time: what our vehicles add to a
    load that has been there for longer is our own doing. A breaker holds 1.13 times its rating for an hour and trips at
    1.45 times within one (IEC 60898-1), so 15 s, where the strictest grid code begins to count an excursion (EREC
    G100), harm none.
    `hungry_s`: so long a vehicle that wants current and has a transaction may get none.
    `out_of_reach`: stations that nobody can talk to. `blind`: circuits whose meter has failed so lately that nobody can
    know it. `condition`: changes whenever something fails or comes back. `calendar`: the time (UTC) by the clock of the
    controller's machine, by which windows of the week open and close.
    """

    def __init__(self, world: VirtualSite, tolerated_s: float = 15.0, hungry_s: float = math.inf) -> None:
        self.world, self.site = world, world.site
        self.tolerated_s, self.hungry_s = tolerated_s, hungry_s
        self.out_of_reach: Callable[[], Collection[str]] = tuple
        self.blind: Callable[[], Collection[str]] = tuple
        self.condition: Callable[[], object] = lambda: None
        self.calendar: Callable[[], datetime] = lambda: world.clock.now().utc
        self.faults: list[Fault] = []
        self.loads: dict[Place, _Load] = {}
        self._above = {c.id: _way_up(self.site, c.id) for c in self.site.circuits}
        self._lately: deque[tuple[dict[Place, float], dict[Place, float]]] = deque(maxlen=max(1, round(tolerated_s)))
        self._uneven: dict[str, deque[float]] = {}
        self._hungry_since: dict[str, float] = {}
        self._conditions: tuple[object, float] = (None, -math.inf)
        self._away: dict[str, float] = {}
        self._told: set[str] = set()

    def look(self) -> None:
        """Judge the present second."""
        t = self.world.observed_s()
        self._circumstances(t)
        ours, others = self._ours(), self._others()
        flows, limits = self.flows(), {place: self.limit(*place) for place in ours}
        self._lately.append((others, limits))
        self._agrees(t, flows)
        for place, flow in flows.items():
            if flow > limits[place] + _noticed(place, limits[place]):
                known = min(before[place] for before, _ in self._lately)
                self._exceeded(t, place, flow, ours[place] + known)
        self._balance(t)
        self._hunger(t)
        self._wire(t)

    def flows(self) -> dict[Place, float]:
        """What flows through every place now; power that is fed back is negative."""
        others = self._others()
        sums = {place: flow + others[place] for place, flow in self._ours().items()}
        return {place: flow if place[1] is None else abs(flow) for place, flow in sums.items()}

    def drawn_at(self, stations: Collection[str]) -> dict[Place, float]:
        """What the vehicles at some stations draw through every place."""
        return self._ours(lambda station: station in stations)

    def uneven_a(self, circuit: str, more: Phase, less: Phase) -> float:
        """What vehicles draw through a circuit on the one phase and not on the other."""
        found = 0.0
        for evse in self.site.evses:
            on = evse.wiring.on_site_phases(self.world.stations[evse.station].leg_amps(evse.number))
            found += on[more] if circuit in self._above[evse.circuit] and not on[less] else 0.0
        return found

    def limit(self, circuit: str, phase: Phase | None) -> float:
        """What may flow now: the rating of a conductor, infinite power, or less while a limit holds."""
        utc = self.calendar()
        windows = (w.limit_at(utc, self.site.zone) for w in self.site.limits if w.scope == circuit)
        values = [w.max_w if phase is None else w.max_a for w in windows if w is not None]
        most = math.inf if phase is None else self.site.circuits[circuit].rating_a[phase]
        return min([most, *(value for value in values if value is not None)])

    def above(self, circuit: str) -> frozenset[str]:
        """A circuit and all that feed it."""
        return self._above[circuit]

    def longest_s(self) -> float:
        """The most seconds that any place was over its limit, in all."""
        return max((load.total_s for load in self.loads.values()), default=0.0)

    def worst_a(self) -> float:
        """The most by which any conductor was over its limit."""
        return max((load.worst for (_, phase), load in self.loads.items() if phase is not None), default=0.0)

    def _circumstances(self, t: float) -> None:
        """Who has been out of reach lately, and since when nothing has failed or come back."""
        condition = self.condition()
        if condition != self._conditions[0]:
            self._conditions = (condition, t)
        self._away.update(dict.fromkeys(self.out_of_reach(), t))

    def _is_away(self, station: str, t: float) -> bool:
        return t - self._away.get(station, -math.inf) <= self.tolerated_s

    def _ours(self, only: Callable[[str], bool] = lambda _: True) -> dict[Place, float]:
        """What vehicles draw through every place; a leg between two phases counts in full on both, which is never less
        than what flows.
        """
        sums: dict[Place, float] = {place: 0.0 for circuit in self.site.circuits for place in _places(circuit.id)}
        for evse in self.site.evses:
            legs = self.world.stations[evse.station].leg_amps(evse.number)
            if any(legs) and only(evse.station):
                for leg, amps in zip(evse.wiring.legs, legs, strict=True):
                    across_v = self.site.voltage_v * (1.0 if len(leg) == 1 else math.sqrt(3.0))
                    for circuit in self._above[evse.circuit]:
                        sums[circuit, None] += amps * across_v
                        for phase in leg:
                            sums[circuit, phase] += amps
        return sums

    def _others(self) -> dict[Place, float]:
        """What else flows through every place, negative where it generates."""
        besides: dict[Place, float] = {}
        for circuit, amps in zip(self.site.circuits, self.world.flow.besides_a.tolist(), strict=True):
            besides[circuit.id, None] = sum(amps) * self.site.voltage_v
            besides.update({(circuit.id, phase): amps[phase] for phase in Phase})
        return besides

    def _exceeded(self, t: float, place: Place, flow: float, owing: float) -> None:
        """Too much flows; `owing` would, had nobody else drawn more within the time tolerated."""
        limit = self.limit(*place)
        fixed = self._lately[-1][0][place] + self._ours(lambda station: self._is_away(station, t))[place]
        if fixed > limit or place[0] in self.blind():
            return
        load = self.loads.setdefault(place, _Load())
        while load.over and load.over[0] <= t - WINDOW_S:
            load.over.popleft()
        load.over.append(t)
        load.worst, load.total_s = max(load.worst, flow - limit), load.total_s + 1.0
        if t - load.told <= WINDOW_S:
            return
        held = max(limits[place] for _, limits in self._lately)
        if owing > held + _noticed(place, held) and t - self._conditions[1] > self.tolerated_s:
            load.told = t
            text = f"our vehicles bring {_shown(place, owing)} of {_shown(place, limit)}"
            self.faults.append(Fault("own", t, text))
        elif len(load.over) > self.tolerated_s:
            load.told = t
            text = f"{_shown(place, flow)} of {_shown(place, limit)}, {len(load.over)} s of the last minute"
            self.faults.append(Fault("fuse" if place[1] is not None else "power", t, text))

    def _balance(self, t: float) -> None:
        """Where phases may differ by so much only, those in reach draw no more than that on one beyond another, but for
        as long as a fuse may be overloaded.
        """
        drawn = self._ours(lambda station: not self._is_away(station, t))
        for circuit in self.site.circuits:
            if circuit.unbalance_max_a is None:
                continue
            on = [drawn[circuit.id, phase] for phase in Phase]
            over = self._uneven.setdefault(circuit.id, deque())
            while over and over[0] <= t - WINDOW_S:
                over.popleft()
            if max(on) - min(on) > circuit.unbalance_max_a + NOTICED_A:
                over.append(t)
            if len(over) > self.tolerated_s:
                most = f"{circuit.unbalance_max_a:g} A"
                self._once("balance", t, f"the phases of {circuit.id} differed by more than {most} for {len(over)} s")

    def _agrees(self, t: float, flows: dict[Place, float]) -> None:
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


def _places(circuit: str) -> tuple[Place, ...]:
    return (*((circuit, phase) for phase in Phase), (circuit, None))


def _noticed(place: Place, limit: float) -> float:
    return NOTICED_A if place[1] is not None else NOTICED_SHARE_W * limit


def _shown(place: Place, value: float) -> str:
    circuit, phase = place
    return f"{circuit} at {value / 1000:.2f} kW" if phase is None else f"{circuit} {phase.name} at {value:.1f} A"


def _way_up(site: Site, circuit: str) -> frozenset[str]:
    parents = {c.id: c.parent for c in site.circuits}
    way = [circuit]
    while (above := parents[way[-1]]) is not None:
        way.append(above)
    return frozenset(way)
