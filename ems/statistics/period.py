"""Spans of whole local days, and the calendar units that people ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ems.domain.local_clock import day_begin_s

ONE_DAY = timedelta(days=1)
MOST_DAYS = 400
"""A year and a month: more of a large site would take more memory than a small machine has beside control."""


class Every(StrEnum):
    """A unit of the calendar; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """The local days from `first` to `last`, both included, which begin at `begin_s` and are over at `end_s`, seconds
    since 1970 UTC. Raises ValueError.
    """

    first: date
    last: date
    zone: ZoneInfo
    begin_s: int = field(init=False, repr=False, compare=False)
    end_s: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"the period ends on {self.last}, before it begins on {self.first}")
        if (self.last - self.first).days >= MOST_DAYS:
            raise ValueError(f"a report covers {MOST_DAYS} days at most; ask for less")
        object.__setattr__(self, "begin_s", day_begin_s(self.first, self.zone))
        object.__setattr__(self, "end_s", day_begin_s(self.last + ONE_DAY, self.zone))

    @classmethod
    def month(cls, text: str, zone: ZoneInfo) -> Period:
        """A month as 2026-10. Raises ValueError."""
        match = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", text, re.ASCII)
        if match is None:
            raise ValueError(f"{text[:20]!r} is no month: write for example 2026-10")
        return cls.around(date(int(match[1]), int(match[2]), 1), Every.MONTH, zone)

    @classmethod
    def around(cls, day: date, every: Every, zone: ZoneInfo) -> Period:
        """The day, week or month in which a day lies."""
        if every is Every.DAY:
            return cls(day, day, zone)
        if every is Every.WEEK:
            monday = day - timedelta(days=day.weekday())
            return cls(monday, monday + timedelta(days=6), zone)
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=31)).replace(day=1) - ONE_DAY, zone)

    def before(self, every: Every) -> Period:
        """The unit of the calendar before the one in which this begins."""
        first = Period.around(self.first, every, self.zone).first
        return Period.around(first - ONE_DAY, every, self.zone)

    @classmethod
    def named(cls, text: str, zone: ZoneInfo) -> Period:
        """The period whose name `str` gives. Raises ValueError."""
        if len(text) == len("2026-10"):
            return cls.month(text, zone)
        first, _, last = text.partition(" to ")
        return cls(date.fromisoformat(first), date.fromisoformat(last or first), zone)

    @property
    def begin(self) -> datetime:
        """When it begins, UTC."""
        return datetime.fromtimestamp(self.begin_s, UTC)

    @property
    def end(self) -> datetime:
        """When it is over, UTC."""
        return datetime.fromtimestamp(self.end_s, UTC)

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def each_day(self) -> Iterator[tuple[date, int, int]]:
        """Each day with its begin and end, seconds since 1970 UTC."""
        begin_s = self.begin_s
        for number in range(self.days):
            day = self.first + timedelta(days=number)
            end_s = day_begin_s(day + ONE_DAY, self.zone)
            yield day, begin_s, end_s
            begin_s = end_s

    def __str__(self) -> str:
        """As it is named: 2026-10 for a whole month, else its days."""
        if self == Period.around(self.first, Every.MONTH, self.zone):
            return f"{self.first:%Y-%m}"
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    @property
    def slug(self) -> str:
        """Its name in names of files."""
        return str(self).replace(" to ", "_")
