"""The quarter hours of a period, and what of a quarter hour came from the grid and at what price."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from ems.domain.energy.load import Load
from ems.statistics.record import QUARTER_S, Facts, Past


@dataclass(frozen=True, slots=True)
class Quarters:
    """By position from `begin_s` on: mean power through the grid connection and from PV (NaN: not measured), power of
    all vehicles; the share of all that was used then which came from the grid (1 without PV), and what a kWh of it cost
    a vehicle, 0 without a tariff; what a kWh of it stands for, g of CO2, and the share of the time in which a series
    says so.
    """

    begin_s: int
    grid_w: tuple[float, ...]
    pv_w: tuple[float, ...]
    charging_w: tuple[float, ...]
    grid_share: tuple[float, ...]
    per_kwh: tuple[float, ...]
    co2_g: tuple[float, ...]
    co2_known: float
    assumed: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.grid_w)

    def load(self, watts: tuple[float, ...]) -> Load:
        """A course as bills want it."""
        return Load(datetime.fromtimestamp(self.begin_s, UTC), QUARTER_S, watts)


def quarters_of(past: Past, facts: Facts) -> Quarters:
    """The quarter hours of what has passed of a period.

    A vehicle gets of the PV power the share that it has of all consumption; the rest comes from the grid. What comes
    from PV costs what would have been paid for it.
    """
    begin_s = past.period.begin_s
    count = max(1, -(-(past.end_s - begin_s) // QUARTER_S))
    grid, pv, charging = [math.nan] * count, [math.nan] * count, [0.0] * count
    for flow in past.flows:
        k = (flow.starts_s - begin_s) // QUARTER_S
        if 0 <= k < count:
            grid[k] = math.nan if flow.grid_w is None else flow.grid_w
            pv[k] = math.nan if flow.pv_w is None else flow.pv_w
    for _, starts_s, energy_wh, _ in past.used:
        k = (starts_s - begin_s) // QUARTER_S
        if 0 <= k < count:
            charging[k] += energy_wh * 3600.0 / QUARTER_S
    shares = [_grid_share(through, sun) for through, sun in zip(grid, pv, strict=True)]
    prices, assumed = [0.0] * count, tuple[str, ...]()
    if facts.tariff is not None:
        edges = [datetime.fromtimestamp(begin_s + k * QUARTER_S, UTC) for k in range(count + 1)]
        known = facts.tariff.prices_over(edges)
        assumed = tuple(one.text for one in known.assumptions)
        pairs = zip(shares, known.import_per_kwh, known.feed_in_per_kwh, strict=True)
        prices = [share * bought + (1.0 - share) * sold for share, bought, sold in pairs]
    grams = facts.carbon.over(begin_s, QUARTER_S, count)
    sun_g = facts.carbon.pv_g_per_kwh
    return Quarters(
        begin_s,
        tuple(grid),
        tuple(pv),
        tuple(charging),
        tuple(shares),
        tuple(prices),
        tuple(share * one.g_per_kwh + (1.0 - share) * sun_g for share, one in zip(shares, grams, strict=True)),
        sum(one.share for one in grams) / count,
        assumed,
    )


def _grid_share(grid_w: float, pv_w: float) -> float:
    """Of what is consumed. Without a measurement all of it comes from the grid."""
    if math.isnan(grid_w) or math.isnan(pv_w) or pv_w <= 0.0:
        return 1.0
    consumed = grid_w + pv_w
    if consumed <= 0.0:
        return 0.0
    return min(1.0, max(0.0, grid_w) / consumed)
