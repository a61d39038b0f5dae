"""The forecast of one course by analog days, which has checked itself on the last days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from itertools import pairwise

import numpy as np

from ems.planning.forecast.analogs import Manner, Samples, analog_samples
from ems.planning.forecast.calibration import UNCHECKED, Calibration, calibration, with_naive_errors
from ems.planning.forecast.quantiles import (
    EIGHTY_PERCENT,
    Floats,
    Quantiles,
    between_levels,
    check_levels,
    weighted_quantiles,
)
from ems.planning.forecast.series import DAY_S, LocalDays, averaged, local_cells

CHECKED_DAYS = 14

SILENT_H = 24.0
"""A meter that was silent for longer tells nothing of today."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is forecast, and how.

    `past` is what was measured, each step divided by `scale_w` of its time of day (one value per step of a day; 1 where
    nothing is divided). Values outside `least`..`most` cannot be. `season_days` is what naive repeats.
    `enough_days` of history are needed to be sure.
    """

    past: LocalDays
    scale_w: Floats
    zone: tzinfo
    manner: Manner
    season_days: int
    enough_days: int
    least: float = -np.inf
    most: float = np.inf
    holidays: Collection[date] = ()

    def samples(self, now_s: float, until_s: float, every: int = 1) -> Samples:
        """What analog days say of the steps from `now_s` on, or of one of so many."""
        return analog_samples(self.past, now_s, until_s, self.zone, self.manner, self.holidays, every)

    def cell_of(self, now: datetime) -> int:
        """The step of the local clock in which `now` lies."""
        return int(local_cells(np.array([now.timestamp()]), self.zone, self.past.step_s)[0])

    def scale_at(self, samples: Samples) -> Floats:
        """The scale of each step."""
        scale: Floats = self.scale_w[samples.cells % self.past.per_day]
        return scale


def forecast_course(
    course: Course, now: datetime, edges: Sequence[datetime], levels: Sequence[float] = EIGHTY_PERCENT
) -> Quantiles:
    """Quantiles of the mean power between `edges`, which ascend and begin no earlier than the step of `now`."""
    check_levels(levels)
    edges_s = np.array([edge.timestamp() for edge in edges])
    begin_s = now.timestamp() // course.past.step_s * course.past.step_s
    if len(edges_s) < 2 or any(a >= b for a, b in pairwise(edges_s)) or edges_s[0] < begin_s:
        raise ValueError("edges of a forecast must ascend, be two at least, and not lie in the past")
    samples = course.samples(now.timestamp(), edges_s[-1])
    check = checked(course, now)
    wanted = sorted({*levels, 0.5})
    rows = weighted_quantiles(samples.values_w, samples.weights, wanted)
    scale = course.scale_at(samples)
    rows, unknown = _filled(course, rows, scale, wanted)
    middle = rows[wanted.index(0.5)]
    rows = np.clip(middle + check.stretch * (rows - middle), course.least, course.most) * scale
    rows = np.maximum.accumulate(averaged(samples.begin_s, samples.step_s, rows, edges_s))
    if course.least >= 0.0:
        rows = np.maximum(rows, 0.0)  # averaging may round below
    picked = np.vstack([between_levels(wanted, rows, level) for level in levels])
    return Quantiles(tuple(levels), picked, _doubt(course, now, check, unknown))


def checked(course: Course, now: datetime) -> Calibration:
    """How forecasts of a day did that were made at this time of the last two weeks' days, from what was known then.

    One step of each hour is looked at.
    """
    days = min(CHECKED_DAYS, days_of_history(course.past, course.cell_of(now)) - 2)
    origins = [now.timestamp() - back * DAY_S for back in range(1, days + 1)]
    if not origins:
        return UNCHECKED
    hourly = max(1, 3600 // course.past.step_s)
    made = [course.samples(origin, origin + DAY_S, hourly) for origin in origins]
    cells = np.concatenate([one.cells for one in made])
    scale = np.concatenate([course.scale_at(one) for one in made])
    values, weights = np.hstack([one.values_w for one in made]), np.hstack([one.weights for one in made])
    rows = np.clip(weighted_quantiles(values, weights, EIGHTY_PERCENT), course.least, course.most) * scale
    measured = course.past.at(cells) * scale
    naive = course.past.at(cells - course.season_days * course.past.per_day) * scale
    return calibration(EIGHTY_PERCENT, rows, measured, with_naive_errors(EIGHTY_PERCENT, naive, measured - naive))


def days_of_history(past: LocalDays, now: int) -> int:
    """Of the days before step `now`, those on which anything was measured."""
    cells = past.first + np.flatnonzero(np.isfinite(past.mean_w))
    return len(np.unique((now - 1 - cells) // past.per_day))


def _filled(course: Course, rows: Floats, scale: Floats, levels: Sequence[float]) -> tuple[Floats, int]:
    """Where no day has anything to say: whatever was ever measured; and for how many steps that is so."""
    missing = ~np.isfinite(rows).all(axis=0)
    known = course.past.mean_w[np.isfinite(course.past.mean_w)]
    anything = np.quantile(known, levels) if len(known) else np.zeros(len(levels))
    return np.where(missing, np.asarray(anything)[:, None], rows), int((missing & (scale > 0.0)).sum())


def _doubt(course: Course, now: datetime, check: Calibration, unknown: int) -> str:
    here = course.cell_of(now)
    days = days_of_history(course.past, here)
    if days == 0:
        return "nothing was measured yet"
    last = course.past.first + int(np.flatnonzero(np.isfinite(course.past.mean_w))[-1])
    silent_h = (here - last - 1) * course.past.step_s / 3600.0
    found = []
    if days < course.enough_days:
        found.append(f"only {days} {'day' if days == 1 else 'days'} of history")
    if silent_h > SILENT_H:
        found.append(f"nothing measured for {silent_h:.0f} h")
    if unknown:
        found.append("no earlier day was measured at some of these times")
    found += [check.doubt()] if check.doubt() else []
    return "; ".join(found)
