"""What the controller hears in a run without event loop: meters, samples and status, and nothing from what is lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from ems.domain import events as e
from ems.domain.instant import Instant
from ems.domain.meter import Meter, MeterReading, MeterRole
from ems.domain.phases import PhaseAmps
from ems.domain.station import EvseStatus
from ems.sim.core_outlet import CoreOutlet
from ems.sim.core_plant import CorePlant
from ems.sim.core_timers import Sight

SAMPLE_S, STEADY_S = 10.0, 60.0
"""A station reports a current that did not change so often; where that can matter to nobody, more rarely."""

UNSEEN, UNTOLD = (-math.inf, 0.0), (-math.inf, math.nan)
"""When and with which current an outlet was reported last: nobody has been there, somebody is and it is not known."""


class CoreReports:
    """Turns the plant into events. `tell` takes them; events of a lost station wait until it is back."""

    def __init__(self, plant: CorePlant, tell: Callable[[e.Event], None]) -> None:
        self.plant, self._tell = plant, tell
        self.site = plant.world.site
        self.silent: set[str] = set()
        self.frozen: dict[str, MeterReading] = {}
        self.lying: set[str] = set()
        self.lost: set[str] = set()
        self.muted: set[str] = set()
        self._kept: dict[str, list[e.Event]] = {}
        self._reads = 0
        self._generation = 0
        self._reported = [EvseStatus.AVAILABLE] * len(plant.outlets)
        self._sampled = [UNSEEN] * len(plant.outlets)

    def starts(self) -> None:
        """A controller begins that has heard nothing of the vehicles that are there."""
        for j in self.plant.present:
            self._sampled[j] = UNTOLD

    def connect(self, station: str, now: Instant) -> None:
        """A station opens a link and says what it kept while it was lost."""
        self._generation += 1
        self.lost.discard(station)
        self._tell(e.StationConnected(station, now, self._generation))
        self._say_kept(station)

    def lose(self, station: str, now: Instant, generation: int) -> None:
        """A station's link breaks."""
        if station not in self.lost:
            self.lost.add(station)
            self._tell(e.StationGone(station, now, generation))

    def mute(self, station: str) -> None:
        """A station's link stays, and nothing comes over it."""
        self.muted.add(station)

    def unmute(self, station: str) -> None:
        """A station says what it has kept."""
        self.muted.discard(station)
        self._say_kept(station)

    def boot(self, station: str, now: Instant) -> None:
        """A station says that it has restarted."""
        self._tell(e.StationBooted(station, now, "EMS", "Simulated", "1.0"))

    def clock(self, station: str, ahead_s: float) -> None:
        """The controller learns how far a station's clock is ahead."""
        self._tell(e.ClockMeasured(station, ahead_s))

    def reaches(self, station: str) -> bool:
        """Whether what a station says is heard."""
        return station not in self.lost and station not in self.muted

    def says(self, outlet: CoreOutlet, event: e.Event) -> None:
        """The station of an outlet has something to say."""
        if self.reaches(outlet.station):
            self._tell(event)
        else:
            self._kept.setdefault(outlet.station, []).append(event)

    def _say_kept(self, station: str) -> None:
        if self.reaches(station):
            for event in self._kept.pop(station, []):
                self._tell(event)

    def statuses(self, now: Instant) -> set[EvseStatus]:
        """Report every status that changed; which there are."""
        touched = [outlet for outlet in self.plant.touched if self.status(outlet, now)]
        return {self._reported[outlet.index] for outlet in touched}

    def status(self, outlet: CoreOutlet, now: Instant, *, again: bool = False) -> bool:
        """Report the status of one outlet if it changed, or `again`."""
        status = outlet.status(self.plant.t)
        if status is self._reported[outlet.index] and not again:
            return False
        self._reported[outlet.index] = status
        self.says(outlet, e.StatusChanged(outlet.evse, now, status))
        return True

    def sight(self, outlet: CoreOutlet, now: Instant) -> Sight:
        """The vehicle at an outlet, as far as the controller could see it now."""
        return Sight(outlet.draw_a, self.plant.t - outlet.drawn_since_s, self._report_due_s(outlet, now))

    def measure(self, now: Instant, matters: Callable[[int], bool]) -> None:
        """Read all meters and stations, as the controller is about to look. `matters` says of an EVSE whether a current
        that has not changed is worth reporting again.
        """
        self._reads += 1
        for meter in self.site.meters:
            if meter.id in self.silent:
                self._tell(e.MeterFailed(meter.id, now.monotonic_s, "no answer"))
                continue
            reading = self._reading(meter, now)
            if meter.id in self.frozen:
                held = self.frozen[meter.id]
                reading = replace(held, at=now.monotonic_s)
            self._tell(e.MeterRead(meter.id, reading))
        for sample in self._samples(now, matters):
            self._tell(sample)

    def freeze(self, meter: str, now: Instant) -> None:
        """A meter repeats its registers from now on."""
        found = next(m for m in self.site.meters if m.id == meter)
        self.frozen[meter] = self._reading(found, now)

    def thaw(self, meter: str) -> None:
        """A meter shows what flows again."""
        self.frozen.pop(meter, None)

    def _samples(self, now: Instant, matters: Callable[[int], bool]) -> Iterator[e.MeterValues]:
        for j, outlet in self.plant.present.items():
            if not self.reaches(outlet.station) or not self._is_due(outlet, now, matters):
                continue
            self._sampled[j] = (now.monotonic_s, outlet.draw_a)
            yield e.MeterValues(
                evse=outlet.evse,
                at=now.monotonic_s,
                leg_a=outlet.leg_amps,
                power_w=outlet.draw_a * outlet.watts_per_amp,
                register_wh=outlet.energy_wh(self.plant.t),
            )

    def _is_due(self, outlet: CoreOutlet, now: Instant, matters: Callable[[int], bool]) -> bool:
        at, amps = self._sampled[outlet.index]
        if outlet.draw_a != amps:
            return True
        age_s = now.monotonic_s - at
        if outlet.draw_a == 0.0 or not self.site.meters:
            return age_s >= SAMPLE_S and (matters(outlet.index) or (age_s >= STEADY_S and outlet.draw_a > 0.0))
        return age_s >= SAMPLE_S

    def _report_due_s(self, outlet: CoreOutlet, now: Instant) -> float:
        """Seconds until a station reports its vehicle's current again; a current that changed is reported at once."""
        at, amps = self._sampled[outlet.index]
        return 0.0 if outlet.draw_a != amps else max(0.0, at + SAMPLE_S - now.monotonic_s)

    def _reading(self, meter: Meter, now: Instant) -> MeterReading:
        stored = self.site.battery_of_meter.get(meter.id)
        if stored is not None:
            battery = self.plant.batteries[stored]
            at = now.monotonic_s
            soc = None if battery.model.id in self.lying else battery.soc
            return MeterReading(at, battery.amps, self._reads, battery.power_w, soc=soc)
        amps = self._amps(meter)
        watts, counter = sum(amps) * self.site.voltage_v, None
        if meter.role is MeterRole.CIRCUIT:
            row = self._circuit(meter)
            watts = float(self.plant.flow.in_phase_a[row].sum()) * self.site.voltage_v
            counter = 1.0 + float(self.plant.import_wh[row])
        return MeterReading(now.monotonic_s, amps, self._reads, watts, import_wh=counter)

    def _amps(self, meter: Meter) -> PhaseAmps:
        if meter.role is MeterRole.CIRCUIT:
            row = self.plant.flow.signed_a[self._circuit(meter)]
            return (float(row[0]), float(row[1]), float(row[2]))
        if meter.role is MeterRole.EVSE:
            j = next(j for j, evse in enumerate(self.site.evses) if evse.meter == meter.id)
            return self.site.evses[j].wiring.on_site_phases(self.plant.outlets[j].leg_amps)
        return self.plant.world.generation_a(meter.id, self.plant.t) or (0.0, 0.0, 0.0)

    def _circuit(self, meter: Meter) -> int:
        return next(i for i, circuit in enumerate(self.site.circuits) if circuit.meter == meter.id)
