"""Prices that come as a series, such as those of the day-ahead market, and what stands in where they are missing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.local_clock import local
from ems.domain.units import finite

DAYS_BACK = 7
GRAIN_S = 900
"""Missing prices are filled in quarter hours, the finest step of any day-ahead market."""


class PricePoint(NamedTuple):
    """`per_kwh` from `begin_s` until before `end_s`, seconds since 1970 UTC. Negative prices are legal."""

    begin_s: int
    end_s: int
    per_kwh: float


class PricePiece(NamedTuple):
    """A price and, where it is not the stated one, what was assumed in words."""

    begin_s: int
    end_s: int
    per_kwh: float
    assumed: str | None = None


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Prices per kWh in order of time, which do not overlap and may have gaps.

    Raises ValueError when they are not in order or not finite numbers.
    """

    points: tuple[PricePoint, ...] = ()

    def __post_init__(self) -> None:
        before = None
        for point in self.points:
            finite("a price", point.per_kwh)
            if point.end_s <= point.begin_s or (before is not None and point.begin_s < before):
                raise ValueError(f"prices overlap or run backwards at {_utc(point.begin_s):%Y-%m-%d %H:%M} UTC")
            before = point.end_s

    @classmethod
    def of(cls, prices: Iterable[tuple[datetime, float]], every: timedelta = timedelta(hours=1)) -> PriceSeries:
        """A series of prices that hold for `every` each, from their aware begins; in any order."""
        length_s = int(every.total_seconds())
        begins = sorted((int(begin.timestamp()), per_kwh) for begin, per_kwh in prices)
        return cls(tuple(PricePoint(begin_s, begin_s + length_s, per_kwh) for begin_s, per_kwh in begins))

    @property
    def begin(self) -> datetime | None:
        """When the first price begins, UTC; None when there is none."""
        return _utc(self.points[0].begin_s) if self.points else None

    @property
    def end(self) -> datetime | None:
        """When the last price ends, UTC; None when there is none."""
        return _utc(self.points[-1].end_s) if self.points else None

    def at(self, at_s: int) -> float | None:
        """The price at a moment, None in a gap."""
        if not self.points:
            return None
        point = self.points[self._last_before(at_s)]
        return point.per_kwh if point.begin_s <= at_s < point.end_s else None

    def until(self, end: datetime) -> PriceSeries:
        """What of it was known when prices were known until `end`: a back-test must not see later ones."""
        end_s = int(end.timestamp())
        return PriceSeries(tuple(p._replace(end_s=min(p.end_s, end_s)) for p in self.points if p.begin_s < end_s))

    def updated(self, newer: PriceSeries) -> PriceSeries:
        """The same with the prices of `newer` wherever it has some."""
        kept = [piece for point in self.points for piece in newer.outside(point)]
        return PriceSeries(tuple(sorted((*kept, *newer.points))))

    def outside(self, point: PricePoint) -> Iterator[PricePoint]:
        """The parts of `point` for which this series has no price."""
        begin_s = point.begin_s
        for i in range(self._last_before(begin_s), len(self.points)):
            known = self.points[i]
            if known.begin_s >= point.end_s:
                break
            if begin_s < known.begin_s:
                yield point._replace(begin_s=begin_s, end_s=known.begin_s)
            begin_s = max(begin_s, known.end_s)
        if begin_s < point.end_s:
            yield point._replace(begin_s=begin_s)

    def pieces(self, begin_s: int, end_s: int, zone: ZoneInfo, if_missing: float | None = None) -> Iterator[PricePiece]:
        """The prices from `begin_s` until `end_s` without gaps: where there is none, the mean of the last seven days at
        that time of day, else `if_missing`, else the mean of the whole series, else 0.
        """
        otherwise = cache(partial(self._otherwise, if_missing))
        at_s = begin_s
        for i in range(self._last_before(begin_s), len(self.points)):
            point = self.points[i]
            if point.begin_s >= end_s:
                break
            if point.end_s <= at_s:
                continue
            yield from self._filled(at_s, point.begin_s, zone, otherwise)
            at_s = min(point.end_s, end_s)
            yield PricePiece(max(point.begin_s, begin_s), at_s, point.per_kwh)
        yield from self._filled(at_s, end_s, zone, otherwise)

    def _filled(
        self, begin_s: int, end_s: int, zone: ZoneInfo, otherwise: Callable[[], tuple[float, str]]
    ) -> Iterator[PricePiece]:
        while begin_s < end_s:
            until_s = min(end_s, begin_s - begin_s % GRAIN_S + GRAIN_S)
            yield PricePiece(begin_s, until_s, *(self._usual(begin_s, zone) or otherwise()))
            begin_s = until_s

    def _usual(self, at_s: int, zone: ZoneInfo) -> tuple[float, str] | None:
        wall = local(at_s, zone)
        before = [self.at(int((wall - timedelta(days=n)).timestamp())) for n in range(1, DAYS_BACK + 1)]
        known = [price for price in before if price is not None]
        return (sum(known) / len(known), f"the mean of the last {DAYS_BACK} days at that hour") if known else None

    def _otherwise(self, if_missing: float | None) -> tuple[float, str]:
        if if_missing is not None:
            return if_missing, f"{if_missing:g} per kWh, as the tariff says"
        if not self.points:
            return 0.0, "0 per kWh"
        length_s = sum(point.end_s - point.begin_s for point in self.points)
        mean = sum(point.per_kwh * (point.end_s - point.begin_s) for point in self.points) / length_s
        return mean, "the mean of all prices that are known"

    def _last_before(self, at_s: int) -> int:
        """Position of the last price that begins at or before `at_s`; 0 when none does."""
        return max(bisect_right(self.points, at_s, key=attrgetter("begin_s")) - 1, 0)


def _utc(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
