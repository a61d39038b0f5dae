"""What energy costs over the horizon, and what the site draws and generates beside the vehicles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ems.domain.energy.demand_charge import BillingPeriod
from ems.domain.energy.tariff import Tariff
from ems.planning.arrays import Floats
from ems.planning.horizon import Horizon
from ems.planning.imports import NOTHING_IMPORTED, Imports
from ems.planning.problem import Battery, DemandCharge, Economy
from ems.planning.surroundings import Surroundings

Paid = Mapping[tuple[str, BillingPeriod], float]
"""The highest mean import so far, kW, by name of the demand charge and billing period."""


class Peaks(NamedTuple):
    """What is known of peaks: those that are `paid` already, and the windows that are `running`."""

    paid: Paid
    running: Imports = NOTHING_IMPORTED


def economy_of(
    horizon: Horizon, tariff: Tariff | None, peaks: Peaks, beside: Surroundings, battery: Battery | None
) -> tuple[Economy, tuple[str, ...]]:
    """The economy of a tariff, and what had to be assumed. Without a tariff every kWh costs the same."""
    if tariff is None:
        ones, nothing = np.ones(horizon.steps), np.zeros(horizon.steps)
        economy = Economy(beside.base_w, beside.generation_w, ones, nothing, battery=battery)
        return economy, ("there is no tariff: every kWh from the grid counts the same, none fed in counts",)
    edges = horizon.edges()
    prices = tariff.prices_over(edges)
    demand = tuple(
        DemandCharge(
            term.per_kw,
            term.interval_s,
            _mostly(term.share),
            1000.0 * peaks.paid.get((term.name, term.period), 0.0),
            peaks.running.of(term.interval_s),
        )
        for term in tariff.demand_terms(edges)
    )
    economy = Economy(
        base_w=beside.base_w,
        generation_w=beside.generation_w,
        import_per_kwh=np.array(prices.import_per_kwh),
        feed_in_per_kwh=np.array(prices.feed_in_per_kwh),
        demand=demand,
        battery=battery,
    )
    return economy, tuple(assumption.text for assumption in prices.assumptions)


def _mostly(share: Sequence[float]) -> Floats:
    """A step of which any part counts, counts: its end may hold the peak."""
    return (np.array(share) > 0.0).astype(np.float64)
