"""A course of power at the grid connection, as a meter or a simulation gives it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ems.domain.local_clock import local

QUARTER_S = 900
MOST_W = 1e12
"""More than any site: a number beyond is an error of measurement."""


@dataclass(frozen=True, slots=True)
class Load:
    """Mean power of intervals of `step_s` from `begin` on, import positive; NaN where nothing was measured.

    `step_s` divides a quarter hour and `begin` is a multiple of it, so that no interval lies in two quarter hours.
    Raises ValueError otherwise, and for powers that no site has.
    """

    begin: datetime
    step_s: int
    mean_w: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.begin.tzinfo is None:
            raise ValueError("the begin of a load must state its time zone")
        if self.step_s <= 0 or QUARTER_S % self.step_s:
            raise ValueError(f"step_s must divide {QUARTER_S} s, got {self.step_s}")
        if self.begin.timestamp() % self.step_s:
            raise ValueError(f"the load begins at {self.begin}, which is no multiple of {self.step_s} s")
        if any(abs(watts) > MOST_W for watts in self.mean_w):
            raise ValueError(f"mean_w must lie within {MOST_W:g} W")

    @property
    def begin_s(self) -> int:
        """When it begins, seconds since 1970 UTC."""
        return int(self.begin.timestamp())

    @property
    def end_s(self) -> int:
        """When it ends, likewise."""
        return self.begin_s + self.step_s * len(self.mean_w)

    def edges_s(self) -> range:
        """The begin of every interval, and the end of the last."""
        return range(self.begin_s, self.end_s + 1, self.step_s)

    def unmeasured_s(self) -> Iterator[tuple[int, int]]:
        """Begin and end of every stretch without a measurement."""
        begun: int | None = None
        for at_s, watts in zip(self.edges_s(), (*self.mean_w, 0.0), strict=True):
            if math.isnan(watts) and begun is None:
                begun = at_s
            elif not math.isnan(watts) and begun is not None:
                yield begun, at_s
                begun = None

    def import_kw(self, length_s: int, zone: ZoneInfo) -> Iterator[tuple[int, float]]:
        """Begin and mean import of every interval of `length_s` (a multiple of 900 s) of the local clock."""
        total, current = 0.0, None
        for at_s, watts in zip(self.edges_s(), self.mean_w, strict=False):
            begin_s = at_s - (at_s + _offset_s(at_s, zone)) % length_s
            if current is not None and begin_s != current:
                yield current, total
                total = 0.0
            current = begin_s
            if watts > 0:
                total += watts * self.step_s / length_s / 1000.0
        if current is not None:
            yield current, total


def _offset_s(at_s: int, zone: ZoneInfo) -> int:
    offset = local(at_s, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
