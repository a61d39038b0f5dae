"""Sites in motion for the tests of the web side: real states and decisions, made by the real core from real events."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence
from copy import copy
from datetime import UTC, datetime, time, timedelta
from functools import cache

from ems.control.memory import Memory
from ems.control.tick import Controller
from ems.domain.apply import apply
from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.decision import Decision
from ems.domain.events import (
    Event,
    MeterFailed,
    MeterRead,
    MeterValues,
    NeedStated,
    ProfileAnswered,
    ProfileSent,
    StationBooted,
    StationConnected,
    StationGone,
    StatusChanged,
    TransactionStarted,
    VehicleIdentified,
)
from ems.domain.grant import FOREVER, Answer, Layer
from ems.domain.instant import Instant
from ems.domain.limit import LimitWindow
from ems.domain.meter import Meter, MeterReading, MeterRole
from ems.domain.phases import PhaseAmps, Wiring
from ems.domain.policy import Policy
from ems.domain.record.history import HistoryPoint, Knock, PlantPoint
from ems.domain.session import Need, Transaction
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.station import Evse, EvseStatus, Station
from ems.domain.vehicle import Vehicle

START = Instant(5000.0, datetime(2026, 11, 20, 16, 30, tzinfo=UTC))
WIRINGS = ("L1 L2 L3", "L2 L3 L1", "L3 L1 L2", "L1", "L2", "L3", "L1 L2 L3")


def car_park(evses: int = 14, name: str = "Car park Süd") -> Site:
    """A grid connection with two rows of EVSEs and more rows as needed, a building meter and PV."""
    rows = max(2, math.ceil(evses / 25))
    each = math.ceil(evses / rows)
    tree = [Circuit("grid", None, (max(160.0, 8.0 * evses),) * 3, margin_a=5, meter="main", generation_max_a=60)]
    tree += [Circuit(f"row-{chr(97 + i)}" if rows < 27 else f"row-{i}", "grid", (63.0 + 2 * each,) * 3)
             for i in range(rows)]  # fmt: skip
    tree[1] = Circuit(tree[1].id, "grid", (63.0,) * 3, meter="feeder")
    stations = []
    for j in range(evses):
        station = f"CP-{j + 1:02d}"
        wiring = Wiring.parse(WIRINGS[j % len(WIRINGS)])
        stations.append(Station(station, (Evse(station, 1, tree[1 + j // each].id, wiring, 32, 6),)))
    meters = (
        Meter("main"),
        Meter("feeder"),
        Meter("roof", role=MeterRole.PV, circuit="grid"),
    )
    cap = LimitWindow("grid", "evening cap", frozenset(range(7)), time(17), time(20), max_w=5000.0 * evses)
    return Site(name, "Europe/Berlin", CircuitTree(tuple(tree)), tuple(stations), meters, (cap,), Policy())


class Scene:
    """A `Live` whose time moves when told to; vehicles follow their limits at once."""

    def __init__(self, site: Site, at: Instant = START) -> None:
        self.site = site
        self.state = SiteState.initial(site)
        self.decision: Decision | None = None
        self.version = 0
        self.instant = at
        self.refused: list[Knock] = []
        self.points: list[HistoryPoint] = []
        self.plants: list[PlantPoint] = []
        self.building: PhaseAmps = (38.0, 45.0, 30.0)
        self.silent: set[str] = set()
        self._controller = Controller.of(site)
        self.memory = Memory.blank(site)
        self._moved = asyncio.Event()

    def twin(self) -> Scene:
        """Another scene that goes on from here by itself."""
        other = copy(self)
        other.refused, other.points, other.silent = list(self.refused), list(self.points), set(self.silent)
        other.plants = list(self.plants)
        other._moved = asyncio.Event()
        return other

    async def changed(self, version: int) -> int:
        while self.version == version:
            await self._moved.wait()
        return self.version

    def history(self, since: datetime) -> Sequence[HistoryPoint]:
        return [point for point in self.points if point.at >= since]

    def plant(self, since: datetime) -> Sequence[PlantPoint]:
        return [point for point in self.plants if point.at >= since]

    def knocks(self) -> Sequence[Knock]:
        return tuple(self.refused)

    def now(self) -> Instant:
        """The scene is its own clock."""
        return self.instant

    def tell(self, *events: Event) -> None:
        for event in events:
            self.state = apply(self.state, event)

    def connect(self, *stations: str) -> None:
        for station in stations:
            self.tell(
                StationConnected(station, self.instant, 1),
                StationBooted(station, self.instant, "Anyvolt", "Duo 22", "1.4.2"),
            )
            for evse in self.state.site.stations[self.state.site.station_index(station) or 0].evses:
                self._accept(evse.id, Layer.FLOOR, evse.fallback_a, FOREVER)
                self._accept(evse.id, Layer.DEFAULT, 0.0, self.instant.monotonic_s + 9e4)
                self.tell(StatusChanged(evse.id, self.instant, EvseStatus.AVAILABLE))

    def plug(self, *evses: str, need_wh: float | None = None) -> None:
        for k, evse in enumerate(evses):
            at = self.instant
            self.tell(
                StatusChanged(evse, at, EvseStatus.CHARGING),
                TransactionStarted(evse, at, Transaction(100 + k, at.utc, 1000.0)),
            )
            if need_wh is not None:
                self.tell(NeedStated(evse, Need(need_wh, at.utc + timedelta(hours=3))))

    def leave(self, station: str) -> None:
        self.tell(StationGone(station, self.instant, 1))

    def tick(self, seconds: int = 1) -> None:
        """Let time pass second by second: vehicles draw what they may, meters see it, the core decides."""
        for _ in range(seconds):
            self.instant = self.instant.later(1.0)
            self._measure()
            self.decision, self.memory = self._controller.decide(self.state, self.memory, self.instant)
            for setpoint in self.decision.setpoints:
                known = self.state.evse(setpoint.evse)
                if known.session is not None and known.session.transaction is not None:
                    held = known.grant.session
                    if held is None or held.amps != setpoint.amps:
                        self._accept(setpoint.evse, Layer.SESSION, setpoint.amps, self.instant.monotonic_s + 9e4)
            self._record()
        self.announce()

    def imitate(self, other: Scene) -> None:
        """Show what the other shows, a moment later."""
        self.state, self.decision, self.refused = other.state, other.decision, other.refused
        self.instant = self.instant.later(1.0)
        self.announce()

    def announce(self) -> None:
        """Wake those who wait for the next version."""
        self.version += 1
        self._moved.set()
        self._moved = asyncio.Event()

    def _accept(self, evse: str, layer: Layer, amps: float, ends: float) -> None:
        at = self.instant.monotonic_s
        self.tell(ProfileSent(evse, layer, amps, at), ProfileAnswered(evse, layer, amps, at, Answer.ACCEPTED, ends))

    def _measure(self) -> None:
        at = self.instant.monotonic_s
        drawn = {circuit.id: [0.0, 0.0, 0.0] for circuit in self.site.circuits}
        for j, (evse, known) in enumerate(zip(self.site.evses, self.state.evses, strict=True)):
            owner = self.state.stations[self.site.station_of_evse[j]]
            if known.status is not EvseStatus.CHARGING:
                continue
            amps = min(known.grant.amps_in_force(known.steering_layer, at), evse.max_a)
            legs = tuple(max(0.0, amps - 0.2 * leg) for leg in range(len(evse.wiring.legs)))
            if j % 7 == 6:
                legs = (*legs[:1], *[0.0] * (len(legs) - 1))
            for index in self.site.circuits.path(evse.circuit):
                through = drawn[self.site.circuits.circuits[index].id]
                for phase, value in enumerate(evse.wiring.on_site_phases(legs)):
                    through[phase] += value
            if owner.connected and (int(at) + j) % 5 == 0:
                soc = 31.0 + j if j % 4 == 0 else None
                energy = 1000.0 + 40.0 * (at - START.monotonic_s) * (j + 1)
                self.tell(MeterValues(evse.id, at, leg_a=legs, register_wh=energy, soc_percent=soc))
        sun = 9.0
        for meter, amps3 in (
            ("main", [d + b - sun for d, b in zip(drawn["grid"], self.building, strict=True)]),
            ("feeder", drawn[self.site.circuits.circuits[1].id]),
            ("roof", [-sun] * 3),
        ):
            if meter in self.silent:
                self.tell(MeterFailed(meter, at, "no answer within 0.5 s"))
            else:
                reading = MeterReading(at, (amps3[0], amps3[1], amps3[2]), int(at), volts=(231.0, 229.5, 230.2))
                self.tell(MeterRead(meter, reading))

    def _record(self) -> None:
        assert self.decision is not None
        for seen in self.decision.circuits:
            self.points.append(
                HistoryPoint(self.instant.utc, seen.circuit, seen.measured_a, seen.drawn_a, seen.limit_a)
            )

    def past(self, hours: float = 4.0, step_s: float = 20.0) -> None:
        """Invent what was recorded before."""
        points = []
        for k in range(int(hours * 3600 / step_s)):
            at = self.instant.utc - timedelta(seconds=step_s * (k + 1))
            for circuit in self.site.circuits:
                wave = 0.5 + 0.4 * math.sin(at.timestamp() / 2400) + 0.05 * math.sin(at.timestamp() / 90)
                rating = circuit.rating_a[0]
                ours = (rating * 0.6 * wave, rating * 0.5 * wave, rating * 0.55 * wave)
                total = (ours[0] + rating * 0.22, ours[1] + rating * 0.25, ours[2] + rating * 0.2)
                cut = rating * (0.8 if at.hour == 14 else 1.0)
                metered = total if circuit.meter else None
                points.append(HistoryPoint(at, circuit.id, metered, ours, (cut, cut, cut)))
        self.points = points[::-1] + self.points


def busy(evses: int = 14) -> Scene:
    """Everything at once: charging, waiting, idle, faulted, offline and free EVSEs, an evening cap, a stranger."""
    return _busy(evses).twin()


@cache
def _busy(evses: int) -> Scene:
    scene = Scene(car_park(evses))
    ids = [station.id for station in scene.site.stations]
    scene.connect(*(s for k, s in enumerate(ids) if k % 14 != 9))
    scene.tick(40)
    scene.plug(*_every(ids, {0, 1, 2, 3, 4, 6, 7}), need_wh=22_000.0)
    scene.tell(VehicleIdentified(f"{ids[0]}/1", Vehicle("Van 3")))
    scene.tick(30)
    scene.plug(*_every(ids, {10, 11}))
    scene.tick(45)
    at = scene.instant
    for evse in _every(ids, {5}):
        scene.tell(StatusChanged(evse, at, EvseStatus.FAULTED, "GroundFailure"))
    for evse in _every(ids, {3}):
        scene.tell(StatusChanged(evse, at, EvseStatus.SUSPENDED_EV))
    for evse in _every(ids, {8}):
        scene.tell(StatusChanged(evse, at, EvseStatus.PREPARING))
    for evse in _every(ids, {12}):
        scene.tell(StatusChanged(evse, at, EvseStatus.RESERVED))
    scene.refused.append(Knock("NEW-7", "10.0.0.77", "unknown id", 3, at.utc - timedelta(minutes=2)))
    scene.tick(3)
    return scene


def _every(ids: Sequence[str], places: Iterable[int]) -> list[str]:
    return [f"{s}/1" for k, s in enumerate(ids) if k % 14 in places]
