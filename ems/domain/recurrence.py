"""Times that return: seasons of the year, days of the week and times of the day, on the local clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from ems.domain.local_clock import ONE_DAY

MonthDay = tuple[int, int]
"""Month and day, (6, 1) for the first of June."""

SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Season:
    """A part of every year, first and last day included; past new year when the last is before the first."""

    first: MonthDay
    last: MonthDay

    def holds(self, day: date) -> bool:
        """Whether `day` lies in it."""
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


@dataclass(frozen=True, slots=True)
class DayWindow:
    """From `since` until before `until` on some weekdays, 0 being Monday.

    One whose `until` is not after `since` runs past midnight and belongs to the day on which it began, as a
    `LimitWindow` does; from midnight to midnight is the whole day.
    """

    days: frozenset[int]
    since: time
    until: time

    @property
    def is_past_midnight(self) -> bool:
        """Whether it ends on the day after it began."""
        return self.until <= self.since


@dataclass(frozen=True, slots=True)
class Holidays:
    """Days on which most people do not work, of one year or of every year. Where a week says nothing of them they are
    Sundays.
    """

    dates: frozenset[date] = frozenset()
    yearly: frozenset[MonthDay] = frozenset()

    def holds(self, day: date) -> bool:
        """Whether `day` is one."""
        return day in self.dates or (day.month, day.day) in self.yearly

    def weekday(self, day: date) -> int:
        """0 Monday … 6 Sunday and holidays."""
        return SUNDAY if self.holds(day) else day.weekday()

    def between(self, first: date, last: date) -> frozenset[date]:
        """Those from `first` to `last`, both included."""
        days = (first + n * ONE_DAY for n in range((last - first).days + 1))
        return frozenset(day for day in days if self.holds(day))

    def around(self, today: date, days_back: int, days_ahead: int) -> frozenset[date]:
        """Those of the last and the next days."""
        return self.between(today - days_back * ONE_DAY, today + days_ahead * ONE_DAY)

    def also(self, others: Holidays) -> Holidays:
        """These and others."""
        return Holidays(self.dates | others.dates, self.yearly | others.yearly)


NO_HOLIDAYS = Holidays()


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A set of times that returns: in any of `seasons` (none: all year) and any of `windows` (none: all day)."""

    seasons: tuple[Season, ...] = ()
    windows: tuple[DayWindow, ...] = ()

    def holds(self, at: datetime, holidays: Holidays = NO_HOLIDAYS) -> bool:
        """Whether the local date and time `at` belongs to it. A time that the clock shows twice does so twice."""
        if not self.windows:
            return self._in_season(at.date())
        return any(self._holds(window, at, holidays) for window in self.windows)

    def clock_times(self) -> Iterator[time]:
        """The times of day at which it may begin or end."""
        for window in self.windows:
            yield from (window.since, window.until)

    def _holds(self, window: DayWindow, at: datetime, holidays: Holidays) -> bool:
        today, clock = at.date(), at.time()
        if not window.is_past_midnight:
            return window.since <= clock < window.until and self._on(window, today, holidays)
        if clock >= window.since and self._on(window, today, holidays):
            return True
        return clock < window.until and self._on(window, today - ONE_DAY, holidays)

    def _on(self, window: DayWindow, day: date, holidays: Holidays) -> bool:
        return holidays.weekday(day) in window.days and self._in_season(day)

    def _in_season(self, day: date) -> bool:
        return not self.seasons or any(season.holds(day) for season in self.seasons)


ALWAYS = Recurrence()
