"""A stationary battery in a run without event loop: it does at once what it is told."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ems.domain.battery import Battery
from ems.domain.phases import PhaseAmps

SMALL_WH = 1e-3

BEGIN_SOC = 0.5
"""Every run begins with a battery that is half full."""


@dataclass(slots=True)
class CoreBattery:
    """`soc` is a share; `power_w` flows into it (charging positive) since `t`. Its own program does nothing. One that
    `trips` neither takes nor gives anything; one that `refuses` cannot be told anything, and rests.
    """

    model: Battery
    voltage_v: float
    soc: float = BEGIN_SOC
    power_w: float = 0.0
    t: float = 0.0
    trips: bool = False
    refuses: bool = False
    _told_w: float | None = None

    def advance(self, t: float) -> bool:
        """Let time pass until `t`; whether it has come to where it is full or empty, for us or at all."""
        due = self.due_s
        small = SMALL_WH / self.model.capacity_wh
        self.soc += self._share_per_s * (t - self.t)
        self.t = t
        if self.soc >= 1.0 - small or self.soc <= small:
            self.soc = float(round(self.soc))
            self.power_w = 0.0 if self.power_w * (self.soc - 0.5) > 0.0 else self.power_w
        return t >= due

    def told(self, watts: float | None) -> bool:
        """A setpoint, None for its own program; whether what flows has changed."""
        self._told_w = watts
        if self.refuses:
            return False
        return self._follows(watts)

    def fails(self, *, trips: bool | None = None, refuses: bool | None = None) -> bool:
        """A fault begins or ends; whether what flows has changed."""
        self.trips = self.trips if trips is None else trips
        self.refuses = self.refuses if refuses is None else refuses
        return self._follows(None if self.refuses else self._told_w)

    def _follows(self, watts: float | None) -> bool:
        wanted = min(max(watts or 0.0, -self.model.discharge_w), self.model.charge_w)
        if (wanted > 0.0 and self.soc >= 1.0) or (wanted < 0.0 and self.soc <= 0.0):
            wanted = 0.0
        wanted = 0.0 if self.trips else wanted
        changed = wanted != self.power_w
        self.power_w = wanted
        return changed

    @property
    def due_s(self) -> float:
        """When it comes to the next state of charge that matters to anybody."""
        rate, model = self._share_per_s, self.model
        if rate == 0.0:
            return math.inf
        small = SMALL_WH / model.capacity_wh
        ahead = [(bound - self.soc) / rate for bound in (0.0, model.floor, model.highest, 1.0)]
        return self.t + min((s for s in ahead if s * abs(rate) > small), default=math.inf)

    @property
    def amps(self) -> PhaseAmps:
        """What flows, per phase of the site."""
        return self.model.amps(self.power_w, self.voltage_v)

    @property
    def _share_per_s(self) -> float:
        kept = self.power_w * self.model.efficiency if self.power_w > 0.0 else self.power_w / self.model.efficiency
        return kept / 3600.0 / self.model.capacity_wh
