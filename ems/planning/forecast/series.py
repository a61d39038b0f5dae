"""A measured course of power, and the same by local days."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ems.planning.forecast.quantiles import Floats

Ints = NDArray[np.int64]

DAY_S = 86_400
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
SUNDAY = 6
LAST_WORKDAY = 4
MOST_W = 1e9
"""What claims to be more was not measured."""


@dataclass(frozen=True, slots=True)
class Series:
    """Mean power of intervals of equal length: `mean_w[i]` of the one that begins `i` steps after `begins` (UTC).

    What is not a finite number was not measured. Raises ValueError when the steps do not divide a day.
    """

    begins: datetime
    step_s: int
    mean_w: Floats

    def __post_init__(self) -> None:
        if self.begins.tzinfo is None:
            raise ValueError("a series begins at a time without a zone")
        if self.step_s <= 0 or DAY_S % self.step_s:
            raise ValueError(f"steps of {self.step_s} s do not divide a day")
        if self.mean_w.ndim != 1:
            raise ValueError(f"a series is one row of numbers, got shape {self.mean_w.shape}")

    @classmethod
    def of(cls, begins: datetime, step_s: int, mean_w: Iterable[float]) -> Series:
        """The same from plain numbers; raises likewise."""
        return cls(begins, step_s, np.array(tuple(mean_w), dtype=np.float64))

    def until(self, now: datetime) -> Series:
        """The intervals that have ended by `now`."""
        ended = int((now - self.begins).total_seconds() // self.step_s)
        return Series(self.begins, self.step_s, self.mean_w[: max(0, ended)])

    def since(self, moment: datetime) -> Series:
        """The intervals that begin at `moment` or later."""
        skip = max(0, -int((self.begins - moment).total_seconds() // self.step_s))
        return Series(self.begins + timedelta(seconds=skip * self.step_s), self.step_s, self.mean_w[skip:])

    def mean_over(self, edges_s: Floats) -> Floats:
        """Mean power between successive moments (seconds since 1970), W; NaN where any part was not measured."""
        return averaged(self.begins.timestamp(), self.step_s, self.mean_w, edges_s)


class LocalDays(NamedTuple):
    """Mean power by wall clock: `mean_w[c]` of the step that begins `first + c` steps after 1970 on the local clock.

    The hour that a clock shows twice is averaged, the one that it skips is NaN.
    """

    first: int
    step_s: int
    mean_w: Floats

    @property
    def per_day(self) -> int:
        """Steps of one day."""
        return DAY_S // self.step_s

    def at(self, cells: Ints) -> Floats:
        """Mean power of wall-clock steps; NaN for those outside."""
        inside = (cells >= self.first) & (cells < self.first + len(self.mean_w))
        if not len(self.mean_w):
            return np.full(cells.shape, np.nan)
        found: Floats = np.where(inside, self.mean_w[np.where(inside, cells - self.first, 0)], np.nan)
        return found

    def held(self, hours: float) -> LocalDays:
        """The same, but a missing value is the last measured one unless that is older than `hours`."""
        place = np.arange(len(self.mean_w))
        last = np.maximum.accumulate(np.where(np.isfinite(self.mean_w), place, -1))
        fresh = (last >= 0) & ((place - last) * self.step_s <= hours * 3600.0)
        return self._replace(mean_w=np.where(fresh, self.mean_w[np.maximum(last, 0)], np.nan))


def local_days(series: Series, zone: tzinfo) -> LocalDays:
    """The series as the clock on the wall shows it."""
    begin_s = series.begins.timestamp() + series.step_s * np.arange(len(series.mean_w), dtype=np.float64)
    cells = local_cells(begin_s, zone, series.step_s)
    if not len(cells):
        return LocalDays(0, series.step_s, np.empty(0))
    first = int(cells.min())
    measured = np.abs(series.mean_w) <= MOST_W
    size = int(cells.max()) - first + 1
    counts = np.bincount(cells[measured] - first, minlength=size)
    sums = np.bincount(cells[measured] - first, weights=series.mean_w[measured], minlength=size)
    return LocalDays(first, series.step_s, np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))


def local_cells(moments_s: Floats, zone: tzinfo, step_s: int) -> Ints:
    """Steps since 1970 on the local clock, of ascending moments in seconds since 1970 UTC."""
    cells: Ints = np.floor_divide(moments_s + local_offsets_s(moments_s, zone), step_s).astype(np.int64)
    return cells


def local_offsets_s(moments_s: Floats, zone: tzinfo) -> Floats:
    """How far the local clock is ahead of UTC at ascending moments. Asks the zone once a day and where it changes."""
    if not len(moments_s):
        return np.empty(0)
    first = int(moments_s[0] // DAY_S) * DAY_S
    begins, offsets = [float(first)], [_offset_s(first, zone)]
    for day in range(first, int(moments_s[-1]) + 1, DAY_S):
        after = _offset_s(day + DAY_S, zone)
        if after != offsets[-1]:
            begins.append(_change(day, day + DAY_S, zone))
            offsets.append(after)
    found: Floats = np.array(offsets)[np.searchsorted(begins, moments_s, side="right") - 1]
    return found


def _change(low: int, high: int, zone: tzinfo) -> float:
    """When the offset changes between two moments: at most once a day, on a full minute."""
    before = _offset_s(low, zone)
    while high - low > 60:
        middle = (low + high) // 120 * 60
        low, high = (middle, high) if _offset_s(middle, zone) == before else (low, middle)
    return float(high)


def _offset_s(moment_s: float, zone: tzinfo) -> float:
    offset = datetime.fromtimestamp(moment_s, UTC).astimezone(zone).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()


def day_types(days: Ints, holidays: Collection[date]) -> Ints:
    """Weekday of days since 1970, Monday 0; a holiday counts as Sunday."""
    weekdays = (days + 3) % 7
    if not holidays:
        return weekdays
    free = np.array(sorted(day.toordinal() - EPOCH_ORDINAL for day in holidays))
    types: Ints = np.where(np.isin(days, free), SUNDAY, weekdays)
    return types


def averaged(begin_s: float, step_s: float, values: Floats, edges_s: Floats) -> Floats:
    """Means of a course of steps between edges, along the last axis; NaN where a part is NaN or outside."""
    count = values.shape[-1]
    missing = ~np.isfinite(values)
    padded = np.zeros((*values.shape[:-1], count + 1))
    np.cumsum(np.where(missing, 0.0, values), axis=-1, out=padded[..., 1:])
    gaps = np.zeros_like(padded)
    np.cumsum(missing, axis=-1, out=gaps[..., 1:])
    place = (edges_s - begin_s) / step_s
    whole = np.clip(np.floor(place).astype(np.int64), 0, max(0, count - 1))
    part = np.clip(place - whole, 0.0, 1.0)
    if count == 0:
        return np.full((*values.shape[:-1], len(edges_s) - 1), np.nan)
    integral = padded[..., whole] + part * (padded[..., whole + 1] - padded[..., whole])
    holes = gaps[..., whole] + part * (gaps[..., whole + 1] - gaps[..., whole])
    outside = (place[:-1] < 0) | (place[1:] > count + 1e-9)
    clean = (np.diff(holes, axis=-1) <= 1e-9) & ~outside
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.diff(integral, axis=-1) / np.diff(place)
    found: Floats = np.where(clean, means, np.nan)
    return found
