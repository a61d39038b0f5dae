"""A site in full work over the pure core: vehicles come, follow their limits, report every ten seconds, and leave;
meters report every second. Every change reaches the controller as an event through `apply`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random  # noqa: TID251 - one seeded world, and scalars are what it needs
from typing import NamedTuple

from ems.control.memory import Memory
from ems.control.orders import orders
from ems.control.tick import Controller
from ems.domain import events as e
from ems.domain.apply import apply
from ems.domain.decision import Decision
from ems.domain.grant import Answer
from ems.domain.instant import EPOCH
from ems.domain.meter import MeterReading
from ems.domain.session import Transaction
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus

SAMPLE_S = 10
PRESENT = 0.85
STAY_S = 1800.0
"""A vehicle stays for half an hour on average; places are filled again as fast."""

OTHER_A = 1.2
"""Other load at the grid connection, per EVSE; it wanders by a tenth of that."""


class Vehicle:
    """At one EVSE: takes at most `max_a` on its first `legs` legs, and follows a new limit after its lag."""

    def __init__(self, rng: Random, legs: int) -> None:
        self.legs = legs if rng.random() < 0.7 else 1
        self.max_a = rng.choice((32.0, 32.0, 20.0, 16.0, 13.0))
        self.lag_s = rng.randint(1, 4)
        self.register_wh = rng.uniform(1e6, 9e6)
        self.limits: list[tuple[float, float]] = [(-math.inf, 0.0)]

    def told(self, amps: float, now: float) -> None:
        """A limit was accepted."""
        self.limits = [*self.limits[-4:], (now + self.lag_s, amps)]

    def drawn_a(self, now: float) -> float:
        """Current per leg at `now`."""
        limit = next(amps for at, amps in reversed(self.limits) if at <= now)
        return min(limit, self.max_a) if limit >= 6 else 0.0


class Took(NamedTuple):
    """What something took: processor time of this thread, and by the clock."""

    cpu_s: float
    clock_s: float


@contextmanager
def _timed() -> Iterator[list[Took]]:
    took: list[Took] = []
    clock, cpu = time.perf_counter(), time.thread_time()
    yield took
    took.append(Took(time.thread_time() - cpu, time.perf_counter() - clock))


class BusySite:
    """The world and the controller's picture of it. `second` lets a second pass; `decide` is what is measured."""

    def __init__(self, site: Site, seed: int = 1) -> None:
        self.site = site
        self.controller, self.state, self.memory = Controller.of(site), SiteState.initial(site), Memory.blank(site)
        self.now = EPOCH.later(1000.0)
        self.vehicles: dict[int, Vehicle] = {}
        self.applied = 0
        self._rng = Random(seed)
        self._transactions = 0
        self._paths = [site.circuits.path(evse.circuit) for evse in site.evses]
        self._other_a = [OTHER_A * len(site.evses)] * 3
        self._take_up()

    def second(self) -> Took:
        """Let a second pass; returns what it took to apply its events."""
        self.now = self.now.later(1.0)
        happened = [*self._traffic(), *self._samples(), *self._readings()]
        self.applied += len(happened)
        with _timed() as took:
            for event in happened:
                self.state = apply(self.state, event)
        return took[0]

    def decide(self) -> tuple[Decision, Took]:
        """One tick, and what it took; its orders are then accepted by the stations."""
        with _timed() as took:
            decision, self.memory = self.controller.decide(self.state, self.memory, self.now)
        at = self.now.monotonic_s
        for order in orders(self.state, decision, at):
            self._tell(e.ProfileSent(order.evse, order.layer, order.amps, at))
            self._tell(e.ProfileAnswered(order.evse, order.layer, order.amps, at, Answer.ACCEPTED, at + order.lease_s))
            j = self.site.evse_index(order.evse)
            if j in self.vehicles:
                known = self.state.evses[j]
                self.vehicles[j].told(known.grant.amps_in_force(known.steering_layer, at), at)
        return decision, took[0]

    def _tell(self, event: e.Event) -> None:
        self.state = apply(self.state, event)

    def _take_up(self) -> None:
        self._tell(e.ControllerStarted(self.now))
        for station in self.site.stations:
            self._tell(e.StationConnected(station.id, self.now, 1))
            for evse in station.evses:
                self._tell(e.StatusChanged(evse.id, self.now, EvseStatus.AVAILABLE))
        for j in range(len(self.site.evses)):
            if self._rng.random() < PRESENT:
                for event in self._arrives(j):
                    self._tell(event)

    def _traffic(self) -> Iterator[e.Event]:
        n = len(self.site.evses)
        for j in self._rng.sample(range(n), k=max(1, round(n * PRESENT / STAY_S * self._rng.uniform(0.0, 2.0)))):
            yield from self._leaves(j) if j in self.vehicles else self._arrives(j)

    def _arrives(self, j: int) -> Iterator[e.Event]:
        evse = self.site.evses[j]
        vehicle = self.vehicles[j] = Vehicle(self._rng, len(evse.wiring.legs))
        self._transactions += 1
        transaction = Transaction(self._transactions, self.now.utc, vehicle.register_wh)
        yield e.StatusChanged(evse.id, self.now, EvseStatus.PREPARING)
        yield e.TransactionStarted(evse.id, self.now, transaction)
        yield e.StatusChanged(evse.id, self.now, EvseStatus.CHARGING)

    def _leaves(self, j: int) -> Iterator[e.Event]:
        evse, known = self.site.evses[j], self.state.evses[j]
        del self.vehicles[j]
        if known.session is not None and known.session.transaction is not None:
            yield e.TransactionEnded(evse.id, self.now, known.session.transaction.id)
        yield e.StatusChanged(evse.id, self.now, EvseStatus.AVAILABLE)

    def _samples(self) -> Iterator[e.Event]:
        t = self.now.monotonic_s
        for j, vehicle in self.vehicles.items():
            if (j + round(t)) % SAMPLE_S:
                continue
            evse, drawn = self.site.evses[j], vehicle.drawn_a(t)
            noisy = tuple(
                max(0.0, drawn + self._rng.gauss(0.0, 0.05)) if leg < vehicle.legs else 0.0
                for leg in range(len(evse.wiring.legs))
            )
            watts = sum(noisy) * self.site.voltage_v
            vehicle.register_wh += watts * SAMPLE_S / 3600.0
            yield e.MeterValues(evse.id, t, noisy, power_w=watts, register_wh=vehicle.register_wh, offered_a=drawn)

    def _readings(self) -> Iterator[e.Event]:
        t = self.now.monotonic_s
        flow = [[0.0, 0.0, 0.0] for _ in self.site.circuits]
        for j, vehicle in self.vehicles.items():
            drawn = vehicle.drawn_a(t)
            for leg in self.site.evses[j].wiring.legs[: vehicle.legs]:
                for above in self._paths[j]:
                    for phase in leg:
                        flow[above][phase] += drawn
        most = OTHER_A * len(self.site.evses)
        self._other_a = [
            min(1.1 * most, max(0.9 * most, a + self._rng.gauss(0.0, 0.004 * most))) for a in self._other_a
        ]
        for i, circuit in enumerate(self.site.circuits):
            if circuit.meter is None:
                continue
            other = self._other_a if circuit.parent is None else (3.0, 3.0, 3.0)
            l1, l2, l3 = (a + b + self._rng.gauss(0.0, 0.2) for a, b in zip(flow[i], other, strict=True))
            yield e.MeterRead(circuit.meter, MeterReading(t, (l1, l2, l3), fingerprint=self._rng.getrandbits(30)))
