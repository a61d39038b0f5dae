"""The price of a peak: what the highest mean import of a billing period costs per kilowatt."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.energy.load import Load
from ems.domain.local_clock import day_begin_s, local, turns_s
from ems.domain.recurrence import ALWAYS, Holidays, Recurrence
from ems.domain.units import not_negative
from ems.domain.validity import FOR_EVER, Validity, in_force

METERED_S = (900, 1800, 3600)
"""Lengths of the intervals over which utilities take the mean."""


class Per(StrEnum):
    """What an amount is due for."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class DemandCharge:
    """One version of a charge: `per_kw` for the highest mean import over `interval_s` in each billing `period`.

    The intervals are those of the local clock (every full quarter hour, half hour or hour); one counts when it begins
    in `times` and within the validity. Exported power counts as no import.
    """

    name: str
    per_kw: float
    interval_s: int = 900
    period: Per = Per.MONTH
    times: Recurrence = ALWAYS
    validity: Validity = FOR_EVER

    def __post_init__(self) -> None:
        not_negative("per_kw", self.per_kw)
        if self.interval_s not in METERED_S:
            raise ValueError(f"interval_s must be one of {METERED_S}, got {self.interval_s}")


@dataclass(frozen=True, slots=True)
class BillingPeriod:
    """A local month, year or day that may begin on another day than the first; `last` is included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"

    def length_s(self, zone: ZoneInfo) -> int:
        """How long it is; a day on which the clock is set has 23 or 25 hours."""
        return self.end_s(zone) - self.begin_s(zone)

    def begin_s(self, zone: ZoneInfo) -> int:
        """When it begins, seconds since 1970 UTC."""
        return day_begin_s(self.first, zone)

    def end_s(self, zone: ZoneInfo) -> int:
        """When it is over, seconds since 1970 UTC."""
        return day_begin_s(self.last + timedelta(days=1), zone)

    @classmethod
    def of(cls, day: date, per: Per, billing_day: int = 1) -> BillingPeriod:
        """The period in which `day` lies, when months begin on `billing_day` (1 … 28) and years in January."""
        if per is Per.DAY:
            return cls(day, day)
        begins = day.replace(day=billing_day) if day.day >= billing_day else _month_before(day).replace(day=billing_day)
        if per is Per.YEAR:
            begins = begins.replace(month=1)
            return cls(begins, begins.replace(year=begins.year + 1) - timedelta(days=1))
        return cls(begins, (begins + timedelta(days=31)).replace(day=billing_day) - timedelta(days=1))


class Peak(NamedTuple):
    """The highest mean import of a billing period: `kw`, in the interval that begins `at` (UTC)."""

    charge: DemandCharge
    period: BillingPeriod
    kw: float
    at: datetime


class DemandTerm(NamedTuple):
    """What a planner must know of one charge in one billing period: the highest mean import over `interval_s` costs
    `per_kw`. `share[i]` of the interval i counts; a peak that was already paid in the period costs nothing again.
    """

    name: str
    period: BillingPeriod
    per_kw: float
    interval_s: int
    share: tuple[float, ...]


class _Stretch(NamedTuple):
    """A time in which one version counts towards one period; `charge` None where none does."""

    begin_s: int
    end_s: int
    charge: DemandCharge | None
    period: BillingPeriod


@dataclass(frozen=True, slots=True)
class DemandRules:
    """The versions of the charge of one name, and the calendar by which they count."""

    versions: tuple[DemandCharge, ...]
    zone: ZoneInfo
    holidays: Holidays
    billing_day: int = 1

    def peaks(self, load: Load) -> Iterator[Peak]:
        """The first highest interval of each version and billing period, in order of time.

        An interval that the load covers in part counts with its energy over its whole length.
        """
        best: dict[tuple[DemandCharge, BillingPeriod], tuple[float, int]] = {}
        stretches = {length: self._stretches(load.begin_s - length, load.end_s) for length in self._lengths()}
        for length_s, found in stretches.items():
            at = 0
            for begin_s, kw in load.import_kw(length_s, self.zone):
                while found[at].end_s <= begin_s:
                    at += 1
                charge, period = found[at].charge, found[at].period
                if charge is None or charge.interval_s != length_s:
                    continue
                if (charge, period) not in best or kw > best[charge, period][0]:
                    best[charge, period] = (kw, begin_s)
        for (charge, period), (kw, begin_s) in sorted(best.items(), key=lambda item: item[0][1].first):
            yield Peak(charge, period, kw, datetime.fromtimestamp(begin_s, UTC))

    def terms(self, edges_s: Sequence[int]) -> Iterator[DemandTerm]:
        """A term for each version and billing period that counts anywhere between the edges."""
        shares: dict[tuple[DemandCharge, BillingPeriod], list[float]] = {}
        for stretch in self._stretches(edges_s[0], edges_s[-1]):
            if stretch.charge is None:
                continue
            share = shares.setdefault((stretch.charge, stretch.period), [0.0] * (len(edges_s) - 1))
            for i in range(bisect_right(edges_s, stretch.begin_s) - 1, bisect_left(edges_s, stretch.end_s)):
                counted_s = min(edges_s[i + 1], stretch.end_s) - max(edges_s[i], stretch.begin_s)
                share[i] += counted_s / (edges_s[i + 1] - edges_s[i])
        for (charge, period), share in shares.items():
            yield DemandTerm(charge.name, period, charge.per_kw, charge.interval_s, tuple(share))

    def _lengths(self) -> set[int]:
        return {version.interval_s for version in self.versions}

    def _stretches(self, begin_s: int, end_s: int) -> list[_Stretch]:
        """The time from `begin_s` until `end_s` without gaps, neighbours that are alike put together."""
        clock_times = [at for version in self.versions for at in version.times.clock_times()]
        found: list[_Stretch] = []
        for since_s, until_s in pairwise(turns_s(begin_s, end_s, self.zone, clock_times)):
            wall = local(since_s, self.zone)
            version, _ = in_force(self.versions, wall.date())
            charge = version if version.times.holds(wall, self.holidays) else None
            period = BillingPeriod.of(wall.date(), version.period, self.billing_day)
            if found and found[-1][2:] == (charge, period):
                found[-1] = found[-1]._replace(end_s=until_s)
            else:
                found.append(_Stretch(since_s, until_s, charge, period))
        return found


def _month_before(day: date) -> date:
    return day.replace(day=1) - timedelta(days=1)
