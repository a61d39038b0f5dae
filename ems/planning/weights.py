"""The rungs of a ladder as numbers that are far enough apart, and near enough for a solver.

Let C be the most that delivering a kWh can cost: the dearest price both ways (import instead of feed-in), a peak that
this kWh alone makes, and the delay to the end. A missing kWh counts C / FAIR_STEP at least, so that one step of
fairness outweighs all cost; a class of service outweighs the one below by more than what a kWh can displace there (a
single-phase vehicle three times its own, where it stops a three-phase one), also with the start, a floor of service, of
who belongs to that; a guarantee outweighs every class.
All is divided by the dearest price, or by more when a demand charge makes C huge: solvers take differences below 1e-7
for nothing, and it is the last rung that may drown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ems.domain.strategy import Ladder
from ems.planning.arrays import Floats
from ems.planning.problem import ChargingProblem

THIRDS = 3
FAIR_STEP = 0.04
"""The first third of a need that goes missing weighs so much less than the next: all are short before one is left with
less than a third, the floor of service of who may leave any time (`requests.START_SHARE`). A plan leaves some at the
edge of a step, and quarters would leave them just below a quarter. All steps together stay below what a kWh of another
kind would displace, so that energy goes first.
"""

CLASS_FACTOR = 8.0
"""A kWh of one class of service outweighs so many of the class below."""

PRIORITY_RANGE = 512.0
"""Between the least and the most that a missing kWh counts; with more than four classes, or weights far apart, all move
together by the same power.
"""

WIDEST = 1e3
"""The most by which C may exceed the unit of the objective."""

HURRY = 1.0
"""To who hurries an hour of delay of a kWh counts as much as so many of the dearest kWh."""

STEADY = (0.05, 0.25)
"""What a kWh counts more that is drawn above a demand charge's peak, and made up for in the rest of its window: such a
share of the dearest kWh, and at least such a share of an hour of delay, lest hurry undoes it.
"""

HALVING_H = 4.0
"""Where only what is free is charged, a price of delay would eat up what a kWh is worth. To who hurries, one that comes
so many hours later is worth half as much instead: the sun of tomorrow is nothing to who left in the evening.
"""

FREE_KWH = (0.3, 0.5)
"""Where only what is free is charged: the worth of a kWh, lowest and highest class, as a share of one that costs."""


HOARDED = 0.98
"""What is left in the battery at the end is worth what it would save later; a little less, lest it is hoarded."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Prices per kWh (`import_` and `feed_in` per step), per kW of each demand charge and of the peak, per kWh at
    the peak (`even`; less below it), per kWh above a demand charge's peak for a part of its window (`steady`), of an
    hour of delay of a kWh (`hurry` for requests that hurry), of a kWh through the battery, of a missing kWh per
    request, also of one of a `start` (besides); worth of a kWh that is `stored` at the end. `unit` is what they were
    divided by.
    """

    import_: Floats
    feed_in: Floats
    demand: tuple[float, ...]
    peak: float
    early: float
    wear: float
    missing: Floats
    start: Floats
    guaranteed: Floats
    unit: float
    stored: float = 0.0
    even: float = 0.0
    steady: float = 0.0
    hurry: float = 0.0
    halving_h: float = math.inf

    @classmethod
    def of(cls, problem: ChargingProblem, ladder: Ladder) -> Weights:
        """Weights of `ladder` that are apart as far as they must be for this problem."""
        economy, hours = problem.economy, problem.horizon.hours
        import_ = ladder.cost * economy.import_per_kwh + ladder.grid
        # Whoever is paid more for feeding in than he pays would trade in a circle.
        feed_in = np.minimum(ladder.cost * economy.feed_in_per_kwh, import_)
        demand = tuple(ladder.cost * max(0.0, charge.per_kw) for charge in economy.demand)
        dearest = float(max(np.abs(import_).max(initial=0.0), np.abs(feed_in).max(initial=0.0))) or 1.0
        early = ladder.early * dearest
        tariff = float(np.abs(economy.import_per_kwh).max(initial=0.0)) or 1.0
        peak, even = ladder.peak * tariff, ladder.even * tariff
        # A kWh within one window of a demand charge raises its peak by as many kW as there are windows in an hour.
        windows = zip(demand, economy.demand, strict=True)
        by_peak = sum(per_kw * 3600.0 / charge.window_s for per_kw, charge in windows) + peak / float(hours.min())
        hurries = ladder.beyond_guarantee and any(request.hurries for request in problem.requests)
        hurry = max(early, HURRY * dearest) if hurries else early
        steady = max(STEADY[0] * dearest, STEADY[1] * hurry) if demand else 0.0
        most = 2.0 * dearest + even + by_peak + steady * len(demand) + hurry * float(hours.sum())
        unit = max(dearest, most / WIDEST)
        own, rank = _priorities(problem)
        surely = most / unit / FAIR_STEP
        low, high = FREE_KWH
        free = dearest / unit * (low + (high - low) * rank / max(1, int(rank.max(initial=0))))
        battery = economy.battery
        # Where every kWh counts the same, whatever its price, wear is the share of a price that it is.
        wear = 0.0 if battery is None else battery.wear_per_kwh * (1.0 if ladder.beyond_guarantee else dearest / tariff)
        # Where only what is free is charged, vehicles have it before the battery, which would wear for them later.
        free_later = max(0.0, low * dearest - wear)
        kept = HOARDED * float(import_.mean()) if ladder.beyond_guarantee else 0.9 * free_later
        return cls(
            import_=import_ / unit,
            feed_in=feed_in / unit,
            demand=tuple(per_kw / unit for per_kw in demand),
            peak=peak / unit,
            even=even / unit,
            early=early / unit,
            steady=steady / unit,
            hurry=hurry / unit,
            halving_h=math.inf if ladder.beyond_guarantee else HALVING_H,
            wear=wear / unit,
            missing=surely * own if ladder.beyond_guarantee else free,
            # A start makes nobody buy what he charges only where it is free.
            start=surely * own if ladder.beyond_guarantee else FAIR_STEP * free,
            guaranteed=np.full(len(own), surely * CLASS_FACTOR * float(own.max(initial=1.0))),
            unit=unit,
            stored=0.0 if battery is None else battery.efficiency * kept / unit,
        )


def _priorities(problem: ChargingProblem) -> tuple[Floats, Floats]:
    """How much a missing kWh of each request counts, from 1 on, and the rank of its class."""
    classes = np.array([request.service_class for request in problem.requests], dtype=np.float64)
    weight = np.array([request.weight for request in problem.requests], dtype=np.float64)
    present, rank = np.unique(classes, return_inverse=True)
    own, level = np.ones(len(classes)), 1.0
    for k in range(present.size):
        members = rank == k
        own[members] = level * weight[members] / float(weight[members].min())
        level = CLASS_FACTOR * float(own[members].max())
    widest = float(own.max(initial=1.0))
    return own ** min(1.0, math.log(PRIORITY_RANGE) / max(math.log(widest), SMALL)), rank.astype(np.float64)


SMALL = 1e-9
