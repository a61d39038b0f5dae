"""Energy by the clock of a site: in quarter hours as it was measured, in hours, days and months."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.local_clock import day_begin_s, local


class Step(StrEnum):
    """How long a step is. Days and months are those of the site: the day on which the clock is set has 23 or 25 h."""

    QUARTER = "quarter"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class EnergyPoint(NamedTuple):
    """What flowed through a circuit or an EVSE (`kind` and `name`) in the time from `starts`, Wh, and the power, W: its
    mean over the `covered_s` seconds that are known, and its maximum; None where nothing was measured.
    """

    starts: datetime
    kind: str
    name: str
    energy_wh: int | None
    mean_w: int | None
    max_w: int | None
    covered_s: int


class _Sum:
    """What a subject had in a step so far."""

    def __init__(self) -> None:
        self.energy_wh: int | None = None
        self.max_w: int | None = None
        self.watt_seconds = 0
        self.measured_s = self.covered_s = 0

    def add(self, point: EnergyPoint) -> None:
        """A quarter hour of it."""
        self.covered_s += point.covered_s
        if point.energy_wh is not None:
            self.energy_wh = (self.energy_wh or 0) + point.energy_wh
        if point.max_w is not None:
            self.max_w = point.max_w if self.max_w is None else max(self.max_w, point.max_w)
        if point.mean_w is not None:
            self.watt_seconds += point.mean_w * point.covered_s
            self.measured_s += point.covered_s

    def point(self, starts: datetime, kind: str, name: str) -> EnergyPoint:
        """The whole step."""
        mean = round(self.watt_seconds / self.measured_s) if self.measured_s else None
        return EnergyPoint(starts, kind, name, self.energy_wh, mean, self.max_w, self.covered_s)


def in_steps(points: Iterable[EnergyPoint], step: Step, zone: ZoneInfo) -> Iterator[EnergyPoint]:
    """Quarter hours, in order, put together; what flowed in a quarter hour belongs to the step in which it lies."""
    if step is Step.QUARTER:
        yield from points
        return
    begins = ends = None
    sums: dict[tuple[str, str], _Sum] = {}
    for point in points:
        if begins is None or ends is None or point.starts >= ends:
            if begins is not None:
                yield from (one.point(begins, *of) for of, one in sorted(sums.items()))
            sums.clear()
            begins, ends = span_of(point.starts, step, zone)
        sums.setdefault((point.kind, point.name), _Sum()).add(point)
    if begins is not None:
        yield from (one.point(begins, *of) for of, one in sorted(sums.items()))


def span_of(at: datetime, step: Step, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the step began in which a moment lies, and when it ends; UTC."""
    here = at.astimezone(zone)
    if step in {Step.QUARTER, Step.HOUR}:
        size = timedelta(minutes=15) if step is Step.QUARTER else timedelta(hours=1)
        past = timedelta(minutes=here.minute, seconds=here.second, microseconds=here.microsecond)
        begins = at - past % size
        return begins, begins + size
    day = here.date()
    if step is Step.MONTH:
        first = day.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    else:
        first, after = day, day + timedelta(days=1)
    begin, end = (local(day_begin_s(one, zone), zone).astimezone(at.tzinfo) for one in (first, after))
    return begin, end
