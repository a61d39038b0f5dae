"""What a run without event loop measures."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ems.domain.units import PILOT_MIN_A
from ems.sim.core_outlet import CoreOutlet
from ems.sim.promise import PROMPT_S, Promised, is_there
from ems.sim.vehicle import Vehicle
from ems.sim.world import Floats, Flow

BIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a visit ended. `possible_wh` is what its stay allowed at the full current of vehicle and outlet; `starved_s`
    the longest that it wanted current and was offered none; `promised`: what it was promised, if anything.
    """

    id: str
    evse: str
    wanted_wh: float
    got_wh: float
    possible_wh: float
    starved_s: float
    promised: Promised | None = None

    @property
    def is_met(self) -> bool:
        """It got what it wanted."""
        return is_there(self.got_wh, self.wanted_wh)

    @property
    def is_possible(self) -> bool:
        """It could have been met if it had been alone."""
        return is_there(self.possible_wh, self.wanted_wh)

    @property
    def is_kept(self) -> bool:
        """What it was promised, if anything, it had."""
        one = self.promised
        return one is None or (one.had_energy and not (one.always and self.starved_s > PROMPT_S))


NO_VEHICLE, WAITING = -2, -1
"""In place of a current: nobody is there; somebody wants current and is offered none."""


@dataclass(slots=True)
class Series:
    """One value per bin of five minutes: mean powers; the highest current of every circuit, a row of three phases each;
    and at the end of the bin what each EVSE gives, in whole ampere, and its energy register, Wh.
    """

    at_s: list[float] = field(default_factory=list)
    site_w: list[float] = field(default_factory=list)
    evses_w: list[float] = field(default_factory=list)
    battery_w: list[float] = field(default_factory=list)
    circuit_a: list[Floats] = field(default_factory=list)
    evse_a: list[NDArray[np.int16]] = field(default_factory=list)
    register_wh: list[Floats] = field(default_factory=list)


class Tally:
    """Adds up while time passes; powers are constant between two calls of `flows`."""

    def __init__(self, voltage_v: float, circuits: int) -> None:
        self.series = Series()
        self.outcomes: list[Outcome] = []
        self.peak_w = 0.0
        self.delivered_wh = 0.0
        self.profiles = 0
        self.ticks = 0
        self.guarded = 0
        self.longest_starved_s = 0.0
        self.next_bin_s = BIN_S
        self._voltage_v = voltage_v
        self._site_w = self._evses_w = self._battery_w = 0.0
        self._site_ws = self._evses_ws = self._battery_ws = 0.0
        self._amps: Floats = np.zeros((circuits, 3))
        self._most_a = self._amps
        self._starving: dict[int, float] = {}
        self._starved: dict[int, float] = {}

    def flows(self, flow: Flow, evses_w: float, battery_w: float = 0.0) -> None:
        """What flows from now on; into batteries in all."""
        self._battery_w = battery_w
        self._site_w = float(flow.in_phase_a[0].sum()) * self._voltage_v
        self._evses_w = evses_w
        self._amps = flow.amps
        self._most_a = np.maximum(self._most_a, self._amps)
        self.peak_w = max(self.peak_w, self._site_w)

    def passes(self, seconds: float) -> None:
        """Time passes."""
        self._site_ws += self._site_w * seconds
        self._evses_ws += self._evses_w * seconds
        self._battery_ws += self._battery_w * seconds

    def closes_bin(self, t: float, outlets: list[CoreOutlet]) -> None:
        """A bin ends at `t`."""
        series = self.series
        series.at_s.append(t - BIN_S)
        series.site_w.append(self._site_ws / BIN_S)
        series.evses_w.append(self._evses_ws / BIN_S)
        series.battery_w.append(self._battery_ws / BIN_S)
        series.circuit_a.append(self._most_a)
        series.evse_a.append(np.array([self._shown_a(outlet) for outlet in outlets], dtype=np.int16))
        series.register_wh.append(np.array([outlet.energy_wh(t) for outlet in outlets]))
        self._site_ws = self._evses_ws = self._battery_ws = 0.0
        self._most_a = self._amps
        self.next_bin_s = t + BIN_S

    def open_bin(self, t: float) -> tuple[float, float]:
        """How much of the bin that is open at `t` has passed, s, and what flowed in it, Ws."""
        begins_s = self.next_bin_s - BIN_S
        return max(0.0, t - begins_s), self._site_ws

    def looks_at(self, outlet: CoreOutlet, t: float) -> None:
        """An outlet may have changed: who wants current and is offered none starves from now on."""
        starves = outlet.is_hungry and outlet.offered_a < PILOT_MIN_A
        if starves and outlet.index not in self._starving:
            self._starving[outlet.index] = t
        elif not starves and outlet.index in self._starving:
            self._fed(outlet.index, t)

    def leaves(self, outlet: CoreOutlet, vehicle: Vehicle, t: float) -> None:
        """The vehicle of an outlet departs; call it before it is unplugged."""
        visit = outlet.visit
        assert visit is not None
        if outlet.index in self._starving:
            self._fed(outlet.index, t)
        record = visit.record
        possible_wh = outlet.possible_wh((record.departure - record.arrival).total_seconds())
        self.outcomes.append(
            Outcome(
                id=record.id,
                evse=outlet.evse,
                wanted_wh=vehicle.wants_wh,
                got_wh=vehicle.energy_wh,
                possible_wh=possible_wh,
                starved_s=self._starved.pop(outlet.index, 0.0),
                promised=outlet.promised(t),
            )
        )
        self.delivered_wh += vehicle.energy_wh

    def _shown_a(self, outlet: CoreOutlet) -> int:
        if outlet.vehicle is None:
            return NO_VEHICLE
        return WAITING if outlet.index in self._starving else round(outlet.draw_a)

    def _fed(self, outlet: int, t: float) -> None:
        span = t - self._starving.pop(outlet)
        self._starved[outlet] = max(self._starved.get(outlet, 0.0), span)
        self.longest_starved_s = max(self.longest_starved_s, span)

    def ends(self, t: float) -> None:
        """The run is over."""
        for outlet in list(self._starving):
            self._fed(outlet, t)
        assert math.isfinite(self.delivered_wh)
