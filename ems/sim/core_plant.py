"""The physical side of a run without event loop: outlets, vehicles and conductors, with the observer beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ems.domain.site import Site
from ems.sim.core_battery import CoreBattery
from ems.sim.core_outlet import CoreOutlet
from ems.sim.core_tally import Tally
from ems.sim.load_course import LoadCourse
from ems.sim.observer import Observer
from ems.sim.placement import Visit
from ems.sim.vehicle import Vehicle
from ems.sim.world import Floats, Flow, World

APPLY_S = (0.5, 3.0)
"""How long the stations of a site take from acceptance to the pilot, least and most."""


class CorePlant:
    """All outlets of a site. Currents are constant between the moments that `next_s` announces.

    `touched`: outlets at which something changed at this moment. `import_wh`: the energy counter of each circuit.
    """

    def __init__(self, site: Site, observed: Site, courses: Sequence[LoadCourse], rng: np.random.Generator) -> None:
        self.world = World(site, courses)
        self.observer = Observer(observed)
        self.tally = Tally(site.voltage_v, len(site.circuits))
        self.outlets = [
            CoreOutlet(j, evse, site.voltage_v, round(float(rng.uniform(*APPLY_S)), 1))
            for j, evse in enumerate(site.evses)
        ]
        self.present: dict[int, CoreOutlet] = {}
        self.batteries = [CoreBattery(battery, site.voltage_v) for battery in site.batteries]
        self.touched: list[CoreOutlet] = []
        self.t = 0.0
        self.flow: Flow = self.world.flow(0.0)
        self.import_wh: Floats = np.zeros(len(site.circuits))
        self._import_w = self.import_wh
        self._base_at = self.world.next_change(0.0)
        self._look()

    def next_s(self) -> float:
        """When something physical changes next."""
        due = min((outlet.due_s for outlet in self.present.values()), default=math.inf)
        stored = min((battery.due_s for battery in self.batteries), default=math.inf)
        return min(due, stored, self._base_at, self.tally.next_bin_s)

    def advance(self, t: float) -> bool:
        """Let time pass until `t`; whether a load that is not a vehicle changed."""
        self.tally.passes(t - self.t)
        self.import_wh = self.import_wh + self._import_w * ((t - self.t) / 3600.0)
        self.t = t
        moved = False
        self.touched = [outlet for outlet in self.present.values() if outlet.due_s <= t]
        for outlet in self.touched:
            moved = self._moves(outlet) or moved
        turned = any([battery.advance(t) for battery in self.batteries])
        base = t >= self._base_at
        if base:
            self._base_at = self.world.next_change(t)
        if moved or base or turned:
            self._look()
        if t >= self.tally.next_bin_s:
            self.tally.closes_bin(t, self.outlets)
        return base or turned

    def plug(self, visit: Visit, vehicle: Vehicle, transaction: int) -> CoreOutlet:
        """A vehicle arrives and is authorised."""
        outlet = self.outlets[visit.evse]
        outlet.plug(visit, vehicle, self.t)
        outlet.start(transaction, self.t)
        self.present[visit.evse] = outlet
        self.touched.append(outlet)
        if self._moves(outlet):
            self._look()
        return outlet

    def unplug(self, evse: int) -> CoreOutlet:
        """The vehicle leaves."""
        outlet = self.present.pop(evse)
        outlet.advance(self.t)
        assert outlet.vehicle is not None
        self.tally.leaves(outlet, outlet.vehicle, self.t)
        outlet.unplug(self.t)
        self.world.draws(evse, (0.0,) * outlet.legs)
        self._look()
        return outlet

    def besides(self, circuit: str, amps: float) -> None:
        """So much more flows through a circuit, on each phase that it has; negative for less."""
        rating = self.world.site.circuits[circuit].rating_a
        old = self.world.extra.get(circuit, (0.0, 0.0, 0.0))
        self.world.extra[circuit] = (
            old[0] + (amps if rating[0] else 0.0),
            old[1] + (amps if rating[1] else 0.0),
            old[2] + (amps if rating[2] else 0.0),
        )
        self._look()

    def steer(self, setpoints: Sequence[float | None]) -> bool:
        """Every battery is told what to take, None for its own program; whether what flows has changed."""
        changed = [battery.told(watts) for battery, watts in zip(self.batteries, setpoints, strict=True)]
        if any(changed):
            self._look()
        return any(changed)

    def battery(self, name: str) -> CoreBattery:
        """One of the batteries."""
        return next(battery for battery in self.batteries if battery.model.id == name)

    def fails(self, name: str, *, trips: bool | None = None, refuses: bool | None = None) -> None:
        """A battery's fault begins or ends."""
        if self.battery(name).fails(trips=trips, refuses=refuses):
            self._look()

    def power(self, station: str, *, on: bool) -> None:
        """A station loses or regains its supply."""
        self._changes(station, lambda outlet: setattr(outlet, "powered", on))

    def disobey(self, station: str, amps: float | None) -> None:
        """A station offers `amps`, its maximum if None, whatever it accepts."""
        self._wild(station, wild=True)
        self._changes(station, lambda outlet: setattr(outlet, "own_a", amps or outlet.evse_max_a))

    def obey(self, station: str) -> None:
        """A station follows its limits again."""
        self._changes(station, lambda outlet: setattr(outlet, "own_a", None))
        self._wild(station, wild=False)

    def skew(self, station: str, seconds: float) -> None:
        """A station's clock jumps ahead."""
        self._changes(station, lambda outlet: setattr(outlet, "skew_s", outlet.skew_s + seconds))

    def skew_s(self, station: str) -> float:
        """How far a station's clock is ahead."""
        return next(outlet.skew_s for outlet in self.outlets if outlet.station == station)

    def shade(self, circuit: str, share: float) -> None:
        """A cloud takes a share of what the plants at a circuit generate; negative when it goes."""
        self.world.shade(circuit, share)
        self._look()

    def _changes(self, station: str, change: Callable[[CoreOutlet], None]) -> None:
        for outlet in self.outlets:
            if outlet.station == station:
                outlet.advance(self.t)
                change(outlet)
                self.touched.append(outlet)
                self._moves(outlet)
        self._look()

    def _wild(self, station: str, *, wild: bool) -> None:
        for outlet in self.outlets:
            if outlet.station == station:
                self.world.is_wild(outlet.index, wild=wild)

    def _moves(self, outlet: CoreOutlet) -> bool:
        before = outlet.draw_a, outlet.uses
        outlet.advance(self.t)
        self.tally.looks_at(outlet, self.t)
        if (outlet.draw_a, outlet.uses) == before or outlet.vehicle is None:
            return False
        self.world.draws(outlet.index, outlet.leg_amps)
        return True

    def _look(self) -> None:
        for battery in self.batteries:
            self.world.stored[battery.model.circuit] = battery.amps
        self.flow = self.world.flow(self.t)
        self._import_w = np.maximum(0.0, self.flow.in_phase_a.sum(axis=1)) * self.world.site.voltage_v
        self.observer.record(self.t, self.flow)
        evses_w = sum(o.draw_a * o.watts_per_amp for o in self.present.values())
        self.tally.flows(self.flow, evses_w, sum(battery.power_w for battery in self.batteries))
