"""A whole site that is not there: stations and meters on real sockets, moved by one world with one clock.

    site_of_demo = VirtualSite(site, scenario, plan, clock)
    await site_of_demo.run()

opens the Modbus server, lets every station call the central system, and lets time pass once a second until cancelled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ems.domain.instant import Instant
from ems.domain.meter import MeterRole
from ems.domain.phases import PhaseAmps
from ems.domain.site import Site
from ems.domain.station import Evse, Station
from ems.ports.controller import Clock
from ems.sim.faults import Fault, FaultKind, FaultPlan
from ems.sim.meter_registers import Shown
from ems.sim.observer import Observer
from ems.sim.profile_stack import Shape
from ems.sim.quirks import MeteringQuirks, Quirks
from ems.sim.scenario import Scenario
from ems.sim.station_kinds import CONFORMING, StationKind
from ems.sim.station_link import Address
from ems.sim.station_setup import Outlet, StationSetup
from ems.sim.story import Comes, Leaves, Story
from ems.sim.vehicle import Vehicle, VehicleModel
from ems.sim.virtual_battery import BatteryFault, VirtualBattery
from ems.sim.virtual_meter import MeterFault, VirtualMeter
from ems.sim.virtual_station import VirtualStation
from ems.sim.world import Flow, World

log = logging.getLogger(__name__)

STEP_S = 1.0
NOISE_V = 0.3
BATTERY_WH = 50_000.0

METER_FAULTS = {
    FaultKind.METER_SILENT: MeterFault.SILENT,
    FaultKind.METER_FROZEN: MeterFault.FROZEN,
    FaultKind.METER_LOST: MeterFault.LOST,
    FaultKind.METER_EXCEPTION: MeterFault.EXCEPTION,
    FaultKind.METER_WRONG_UNIT: MeterFault.WRONG_UNIT,
    FaultKind.METER_SLOW: MeterFault.SLOW,
    FaultKind.METER_NONSENSE: MeterFault.NONSENSE,
}

BATTERY_FAULTS = {
    FaultKind.BATTERY_STOPS: BatteryFault.STOPS,
    FaultKind.BATTERY_REFUSES: BatteryFault.REFUSES,
    FaultKind.BATTERY_HOLDS_LESS: BatteryFault.HOLDS_LESS,
    FaultKind.BATTERY_WRONG_SOC: BatteryFault.WRONG_SOC,
}

MISBEHAVIOUR = frozenset({FaultKind.STATION_REFUSES, FaultKind.STATION_DISOBEYS})


@dataclass(frozen=True, slots=True)
class SitePlan:
    """Where the virtual things are, and how they are built.

    `ocpp_url`: of the central system, without station ids. `units`: the Modbus unit of each meter. `passwords`,
    `kinds`, `quirks` and `metering` by station id, of which the last two overrule the kind; `free_vend`: stations start
    without asking. `step_s`: how often time passes.
    """

    ocpp_url: str
    units: Mapping[str, int]
    meter_host: str = "127.0.0.1"
    meter_port: int = 0
    passwords: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, StationKind] = field(default_factory=dict)
    quirks: Mapping[str, Quirks] = field(default_factory=dict)
    metering: Mapping[str, MeteringQuirks] = field(default_factory=dict)
    free_vend: bool = False
    faults: FaultPlan = field(default_factory=FaultPlan)
    seed: int = 1
    step_s: float = STEP_S


class VirtualSite:
    """The world of a site in real or virtual time. `observer` knows what truly flowed; `meters.port` where to read.

    `on_controller_dead` (for so many seconds) and `on_clock_step` (by so many) are called when a fault strikes what is
    not in this world; without them such a fault does nothing.
    """

    def __init__(self, site: Site, scenario: Scenario, plan: SitePlan, clock: Clock) -> None:
        missing = [meter.id for meter in site.meters if meter.id not in plan.units]
        if missing:
            raise ValueError(f"no Modbus unit is given for the meters {', '.join(missing)}")
        self.site, self.plan, self.clock = site, plan, clock
        self.begin = clock.now()
        self._rng = np.random.default_rng(plan.seed)
        self.world = World(site, scenario.courses)
        self.observer = Observer(site)
        self.meters = VirtualMeter(plan.units.values())
        self.batteries = {battery.id: VirtualBattery(battery, site.voltage_v) for battery in site.batteries}
        for battery in site.batteries:
            if battery.meter is not None:
                self.meters.attach(plan.units[battery.meter], self.batteries[battery.id])
        self.stations = {station.id: self._station(station) for station in site.stations}
        self.flow: Flow = self.world.flow(0.0)
        self.listening = asyncio.Event()
        self.on_controller_dead: Callable[[float], None] | None = None
        self.on_clock_step: Callable[[float], None] | None = None
        self._noise_a = scenario.noise_a
        self._noisy = sorted({course.circuit for course in scenario.courses if course.meter is None})
        self._steps: dict[str, float] = {}
        self._story = Story(scenario, self._rng)
        self._energy = {meter.id: (0.0, 0.0) for meter in site.meters}
        self._t = 0.0
        self._agenda = _agenda(plan.faults)
        self._active: list[Fault] = []

    async def run(self) -> None:
        """Until cancelled. Raises OSError when the Modbus port is taken."""
        async with self.meters.serving(self.plan.meter_host, self.plan.meter_port), asyncio.TaskGroup() as group:
            self.listening.set()
            for station in self.stations.values():
                group.create_task(station.run(), name=f"station {station.id}")
            while True:
                self.step(self.clock.now())
                await asyncio.sleep(self.plan.step_s)

    def step(self, now: Instant) -> None:
        """Let time pass until `now`."""
        t = now.monotonic_s - self.begin.monotonic_s
        self._faults(t)
        for station in self.stations.values():
            station.step(now)
        for happening in self._story.until(t):
            self._happens(happening)
        self._flows(t)
        self._t = t

    def observed_s(self) -> float:
        """Seconds since the begin, as the observer counts them."""
        return self._t

    # People and vehicles

    def _happens(self, happening: Comes | Leaves) -> None:
        arrival = happening.arrival
        name, _, number = arrival.evse.rpartition("/")
        station, connector = self.stations[name], int(number)
        taken = station.connectors[connector].vehicle is not None
        if isinstance(happening, Leaves):
            if taken:
                station.unplug(connector)
            return
        if taken:
            station.unplug(connector)
        evse = next(evse for evse in self.site.evses if evse.id == arrival.evse)
        model = VehicleModel(
            battery_wh=BATTERY_WH,
            max_a=max(6.0, min(arrival.max_a, evse.max_a)),
            legs=arrival.legs,
            lag_s=round(float(self._rng.uniform(0.5, 3.0)), 1),
        )
        station.plug(connector, Vehicle(model, arrival.energy_wh, arrival.soc), arrival.tag)

    # Currents

    def _flows(self, t: float) -> None:
        for j, evse in enumerate(self.site.evses):
            self.world.draws(j, self.stations[evse.station].leg_amps(evse.number))
        seconds = t - self._t
        for battery in self.batteries.values():
            battery.step(seconds)
        for circuit in {*self._noisy, *self._steps, *(battery.circuit for battery in self.site.batteries)}:
            self.world.extra[circuit] = self._besides(circuit)
        self.flow = self.world.flow(t)
        self.observer.record(t, self.flow)
        for meter in self.site.meters:
            self._show(meter.id, self._measured(meter.id, meter.role, t), seconds)

    def _besides(self, circuit: str) -> PhaseAmps:
        step = self._steps.get(circuit, 0.0)
        noise = self._rng.normal(0.0, self._noise_a, 3) if circuit in self._noisy else np.zeros(3)
        rating = self.site.circuits[circuit].rating_a
        a, b, c = (float(n) + step if r else 0.0 for n, r in zip(noise, rating, strict=True))
        stored = [known.amps for known in self.batteries.values() if known.model.circuit == circuit]
        return (a + sum(s[0] for s in stored), b + sum(s[1] for s in stored), c + sum(s[2] for s in stored))

    def _measured(self, meter: str, role: MeterRole, t: float) -> PhaseAmps:
        if role is MeterRole.CIRCUIT:
            row = next(i for i, circuit in enumerate(self.site.circuits) if circuit.meter == meter)
            a, b, c = (float(v) for v in self.flow.signed_a[row])
            return (a, b, c)
        if role is MeterRole.EVSE:
            evse = next(evse for evse in self.site.evses if evse.meter == meter)
            return evse.wiring.on_site_phases(self.stations[evse.station].leg_amps(evse.number))
        return self.world.generation_a(meter, t) or (0.0, 0.0, 0.0)

    def _show(self, meter: str, amps: PhaseAmps, seconds: float) -> None:
        a, b, c = (self.site.voltage_v + float(v) for v in self._rng.normal(0.0, NOISE_V, 3))
        watts = a * amps[0] + b * amps[1] + c * amps[2]
        imported, exported = self._energy[meter]
        wh = watts * seconds / 3600.0
        self._energy[meter] = (imported + max(0.0, wh), exported + max(0.0, -wh))
        imported, exported = self._energy[meter]
        frequency = 50.0 + float(self._rng.normal(0.0, 0.01))
        self.meters.show(self.plan.units[meter], Shown((a, b, c), amps, frequency, imported, exported))

    # What goes wrong

    def _faults(self, t: float) -> None:
        while self._agenda and self._agenda[0][0] <= t:
            _, begins, fault = self._agenda.pop(0)
            log.info("sim.fault kind=%s target=%r begins=%s", fault.kind, fault.target, begins)
            self._shift(fault, fault.value if begins else -fault.value)
            if begins:
                self._active.append(fault)
                self._strike(fault)
            else:
                self._active.remove(fault)
                self._heal(fault)

    def _shift(self, fault: Fault, value: float) -> None:
        """Faults that add up."""
        if fault.kind is FaultKind.BUILDING_STEP:
            self._steps[fault.target] = self._steps.get(fault.target, 0.0) + value
        elif fault.kind is FaultKind.PV_CLOUD:
            self.world.shade(fault.target, value)
        elif fault.kind is FaultKind.STATION_CLOCK:
            self.stations[fault.target].clock_skew_s += value
        elif fault.kind is FaultKind.CLOCK_STEP and self.on_clock_step is not None:
            self.on_clock_step(value)

    def _strike(self, fault: Fault) -> None:
        kind = fault.kind
        if kind in METER_FAULTS:
            self.meters.fail(self.plan.units[fault.target], METER_FAULTS[kind], fault.value)
        elif kind is FaultKind.STATION_LOST:
            self.stations[fault.target].link.cut(fault.lasts_s)
        elif kind is FaultKind.STATION_MUTE:
            self.stations[fault.target].link.mute(fault.lasts_s)
        elif kind is FaultKind.STATION_REBOOT:
            self.stations[fault.target].power_off(fault.lasts_s)
        elif kind in MISBEHAVIOUR:
            self._misbehaves(fault.target)
        elif kind in BATTERY_FAULTS:
            self.batteries[fault.target].faults.add(BATTERY_FAULTS[kind])
        elif kind is FaultKind.CONTROLLER_DEAD and self.on_controller_dead is not None:
            self.on_controller_dead(fault.lasts_s)

    def _heal(self, fault: Fault) -> None:
        """What lasts by itself ends by itself; the rest is again as the faults that are left make it."""
        if fault.kind in METER_FAULTS:
            left = [f for f in self._active if f.target == fault.target and f.kind in METER_FAULTS]
            self.meters.fail(self.plan.units[fault.target], MeterFault.NONE)
            for other in left:
                self._strike(other)
        elif fault.kind in MISBEHAVIOUR:
            self._misbehaves(fault.target)
        elif fault.kind in BATTERY_FAULTS:
            self.batteries[fault.target].faults.discard(BATTERY_FAULTS[fault.kind])

    def _misbehaves(self, station: str) -> None:
        quirks = self.stations[station].setup.quirks
        for fault in self._active:
            if fault.target == station and fault.kind is FaultKind.STATION_REFUSES:
                quirks = replace(quirks, refuses=True)
            elif fault.target == station and fault.kind is FaultKind.STATION_DISOBEYS:
                quirks = replace(quirks, obeys=False, stuck_a=fault.value or None)
        self.stations[station].become(quirks)
        wild = not quirks.obeys and quirks != self.stations[station].setup.quirks
        for j, evse in enumerate(self.site.evses):
            if evse.station == station:
                self.world.is_wild(j, wild=wild)

    # How stations are built

    def _station(self, station: Station) -> VirtualStation:
        plan, name = self.plan, station.id
        address, kind = Address(plan.ocpp_url, name, plan.passwords.get(name)), plan.kinds.get(name, CONFORMING)
        setup = StationSetup(
            outlets=tuple(self._outlet(evse) for evse in station.evses),
            vendor=kind.vendor,
            model=kind.model,
            free_vend=plan.free_vend,
            quirks=plan.quirks.get(name, kind.quirks),
            metering=plan.metering.get(name, kind.metering),
        )
        return VirtualStation(address, setup, self._rng, self.begin)

    def _outlet(self, evse: Evse) -> Outlet:
        volts = evse.wiring.watts_per_amp(self.site.voltage_v, 1)
        watts = volts * (evse.dc_efficiency or 1.0)
        return Outlet(evse.number, Shape(len(evse.wiring.legs), watts, evse.max_a), volts)


def _agenda(plan: FaultPlan) -> list[tuple[float, bool, Fault]]:
    """(when, whether it begins, fault), in order of time."""
    both = [(f.at_s, True, f) for f in plan.faults] + [(f.at_s + f.lasts_s, False, f) for f in plan.faults]
    return sorted(both, key=lambda entry: (entry[0], entry[1]))
