"""Past days continued from where today stands: how every series is forecast.

Let t be a future step and k = 1..K days back. Day k offers the sample

    s_k(t) = y(t - k days) + b(t) * (d - d_k)

where d is by how much the mean of the last `recent` hours deviates from what is usual at this time on such a day, d_k
the same of day k, and b(t) between 0 and 1 tells how much of a deviation now is left at t. It is the weighted least-
squares slope of y(t - k days) on d_k over the days k, drawn towards exp(-(t - now)/fade) with the strength of
`prior_days` days. Usual is one mean for workdays and one for other days: of a Monday and a Tuesday the levels
themselves are compared, of a Wednesday and a Sunday what is odd about each. Quantiles of the samples are the forecast:
an hour ahead b is near 1 and only the differences within a day spread, a day ahead b is near 0 and the days themselves
do.

The weight of day k at t is half as much every `half_life` days, times how alike the two days are (`alike`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, tzinfo

import numpy as np

from ems.planning.forecast.quantiles import Floats
from ems.planning.forecast.series import LAST_WORKDAY, Ints, LocalDays, day_types, local_cells

SAME_TYPE, SAME_CLASS, OTHER = 1.0, 0.25, 0.001
"""How alike two days are: the same weekday; both workdays or both not; neither, which speaks when nobody else can."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How many days back, how fast they fade, which hours count as recent, how fast what they tell fades.

    `hold_h`: for so long the last measured value stands for those that are missing when the recent hours are judged.
    """

    days: int
    half_life_days: float
    recent_h: float
    fade_h: float
    prior_days: float
    by_weekday: bool
    hold_h: float = 0.0


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples and their weights by day back and step, from the step in which `now` lies on: `values_w[k, t]`.

    `cells[t]` is the step's place on the local clock, as in `LocalDays`.
    """

    begin_s: float
    step_s: int
    cells: Ints
    values_w: Floats
    weights: Floats


def analog_samples(
    past: LocalDays,
    now_s: float,
    until_s: float,
    zone: tzinfo,
    manner: Manner,
    holidays: Collection[date] = (),
    every: int = 1,
) -> Samples:
    """Samples for the steps from `now_s` to `until_s` (seconds since 1970), or of them only one of so many.

    Nothing of `past` after `now_s` is used.
    """
    step_s, per_day = past.step_s, past.per_day
    begin_s = now_s // step_s * step_s
    begins_s = np.arange(begin_s, max(until_s, begin_s + step_s), every * step_s)
    targets = local_cells(begins_s, zone, step_s)
    back = np.arange(1, manner.days + 1)[:, None]
    cells = targets[None, :] - back * per_day
    days = np.where(cells < targets[0], past.at(cells), np.nan)
    weights = np.exp2(-back / manner.half_life_days) * np.ones(len(targets))
    if manner.by_weekday:
        weights *= alike(targets // per_day, back, holidays)
    deviation, deviations = _deviations(past, int(targets[0]), manner, holidays)
    ahead_h = (begins_s - begin_s) / 3600.0
    prior = np.exp(-(ahead_h + 0.5 * step_s / 3600.0) / manner.fade_h)
    left = _left_of_deviation(days, deviations, weights, prior, manner.prior_days)
    apart = deviation - deviations
    moved = left * np.where(np.isfinite(apart), apart, 0.0)[:, None]
    return Samples(begin_s, step_s, targets, days + moved, weights)


def _deviations(past: LocalDays, now: int, manner: Manner, holidays: Collection[date]) -> tuple[float, Floats]:
    """By how much the last hours before step `now`, and the same hours of each earlier day, are not what is usual."""
    per_day = past.per_day
    back = np.arange(manner.days + 1)
    window = now - 1 - np.arange(max(1, round(manner.recent_h * 3600 / past.step_s)))
    held = past.held(manner.hold_h) if manner.hold_h > 0 else past
    levels = _mean(held.at(window - back[:, None] * per_day))
    likeness = np.exp2(-back[None, :] / manner.half_life_days) * np.isfinite(levels)
    if manner.by_weekday:
        at_work = day_types(now // per_day - back, holidays) <= LAST_WORKDAY
        likeness = likeness * np.where(at_work[:, None] == at_work[None, :], 1.0, OTHER)
    earlier = likeness * (back > 0)
    total = earlier.sum(axis=1)
    usual = earlier @ np.where(np.isfinite(levels), levels, 0.0) / np.where(total > 0.0, total, np.nan)
    deviations: Floats = levels - usual
    return float(deviations[0]), deviations[1:]


def alike(days: Ints, back: Ints, holidays: Collection[date]) -> Floats:
    """How alike each day and the one `back` days earlier are."""
    few, which = np.unique(days, return_inverse=True)
    then, there = day_types(few, holidays)[None, :], day_types(few[None, :] - back, holidays)
    same_class = (then <= LAST_WORKDAY) == (there <= LAST_WORKDAY)
    likeness: Floats = np.where(then == there, SAME_TYPE, np.where(same_class, SAME_CLASS, OTHER))
    return likeness[:, which]


def _mean(rows: Floats) -> Floats:
    """Of each row, what of it was measured."""
    measured = np.isfinite(rows)
    count = measured.sum(axis=-1)
    mean: Floats = np.where(measured, rows, 0.0).sum(axis=-1) / np.where(count > 0, count, np.nan)
    return mean


def _left_of_deviation(days: Floats, deviations: Floats, weights: Floats, prior: Floats, prior_days: float) -> Floats:
    """The slope b(t) of the module's formula."""
    known = np.isfinite(days) & np.isfinite(deviations)[:, None]
    weighing = np.where(known, weights, 0.0)
    total = weighing.sum(axis=0)
    share = weighing / np.where(total > 0.0, total, 1.0)
    y = np.where(known, days, 0.0)
    x = np.where(known, deviations[:, None], 0.0)
    x -= (share * x).sum(axis=0)
    variance = (share * x * x).sum(axis=0)
    covariance = (share * x * y).sum(axis=0)
    square = np.square(weighing).sum(axis=0)
    number = np.square(total) / np.where(square > 0.0, square, 1.0)
    slope = covariance / np.where(variance > 0.0, variance, 1.0)
    trust = np.where(variance > 0.0, number / (number + prior_days), 0.0)
    left: Floats = np.clip(trust * slope + (1.0 - trust) * prior, 0.0, 1.0)
    return left
