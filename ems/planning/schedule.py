"""What the optimiser found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ems.planning.arrays import Floats
from ems.planning.problem import ChargingProblem, window_means


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Currents per request and step, ampere per leg; what the battery takes (positive) or gives, W per step."""

    problem: ChargingProblem
    amps: Floats
    battery_w: Floats

    @property
    def delivered_wh(self) -> Floats:
        """Energy per request."""
        return self.problem.delivered_wh(self.amps)

    @property
    def short_wh(self) -> Floats:
        """What each request misses; never negative."""
        needs = np.array([request.need_wh for request in self.problem.requests])
        return np.maximum(needs - self.delivered_wh, 0.0)

    @property
    def site_w(self) -> Floats:
        """Power through the grid connection at every step; negative when it feeds in."""
        economy = self.problem.economy
        return np.asarray(self.problem.vehicles_w(self.amps) + economy.base_w - economy.generation_w + self.battery_w)

    @property
    def energy_cost(self) -> float:
        """Of the whole site over the horizon, by the economy's prices, without demand charges."""
        economy, kwh = self.problem.economy, self.site_w * self.problem.horizon.hours / 1000.0
        return float(np.where(kwh > 0.0, kwh * economy.import_per_kwh, kwh * economy.feed_in_per_kwh).sum())

    @property
    def demand_cost(self) -> float:
        """Demand charges that this schedule adds to what is paid already."""
        total = 0.0
        for charge in self.problem.economy.demand:
            means = window_means(self.problem.horizon, charge, self.site_w)[2]
            total += charge.per_kw * max(0.0, float(means.max(initial=0.0)) - charge.paid_w) / 1000.0
        return total
