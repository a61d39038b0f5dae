"""How far a station's clock is off, told from the times it writes.

A time in a message says when it was written, not when it came: a station that was offline sends a backlog. So two
messages count only together, when the time between their stamps is the time between their arrivals.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

APART = timedelta(seconds=1)
PACE = 0.1
PACE_S = 2.0
FRESH_S = 60.0
"""A stamp this near is taken as it is before the clock has been measured."""

UNSET_S = 7 * 86_400.0
"""Further off than this is a clock that was never set, not a message that waited."""


@dataclass(slots=True)
class StationClock:
    """`skew_s`: how far the station's clock is ahead of ours (negative: behind); None until measured."""

    skew_s: float | None = None
    _last: tuple[datetime, datetime] | None = None
    _lowest_s: float = 0.0

    def heard(self, told: datetime, now: datetime) -> bool:
        """Learn from a stamp that came just now; whether the skew is known afresh."""
        before, ahead_s = self._last, (told - now).total_seconds()
        if before is not None and abs(now - before[1]) < APART:
            return False
        self._last = (told, now)
        if before is None:
            return False
        between_s = (now - before[1]).total_seconds()
        if abs((told - before[0]).total_seconds() - between_s) > PACE_S + PACE * between_s:
            self._lowest_s = min(self.skew_s or 0.0, ahead_s)
            return False
        self.skew_s = self._lowest_s = max(ahead_s, (before[0] - before[1]).total_seconds())
        return True

    def age_s(self, told: datetime, now: datetime) -> float:
        """How long ago something stamped `told` happened; never negative. 0 where the clock was never set."""
        age = (now - told).total_seconds() + (self.skew_s or 0.0)
        if self.skew_s is None and not -FRESH_S <= age <= UNSET_S:
            return 0.0
        return max(0.0, age)

    def now(self, now: datetime) -> datetime:
        """What the station's clock shows, at the earliest: schedules that start too early are in force, others not."""
        return now + timedelta(seconds=self._lowest_s)
