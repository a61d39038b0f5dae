"""Limits: values with a source and a validity, which may only tighten what the ratings allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from ems.domain.units import not_negative

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `max_a` per phase and at most `max_w` in all through `scope`, from `starts` until `ends` (UTC).

    `scope` is the id of a circuit or of an EVSE ('CP-01/1'). None means unlimited in that respect, or open-ended.
    """

    scope: str
    source: str
    max_a: float | None = None
    max_w: float | None = None
    starts: datetime | None = None
    ends: datetime | None = None

    def __post_init__(self) -> None:
        if self.max_a is None and self.max_w is None:
            raise ValueError(f"limit '{self.source}' on {self.scope} states neither max_a nor max_w")
        for name, value in (("max_a", self.max_a), ("max_w", self.max_w)):
            if value is not None:
                not_negative(f"{name} of limit '{self.source}' on {self.scope}", value)

    def holds_at(self, utc: datetime) -> bool:
        """Whether the limit is in force at `utc`."""
        return (self.starts is None or self.starts <= utc) and (self.ends is None or utc < self.ends)


@dataclass(frozen=True, slots=True)
class LimitWindow:
    """A limit that returns every week, in the site's local time.

    A window whose `until` is not after `since` runs past midnight and belongs to the day on which it began; one that
    fills every day never ends.
    The core evaluates windows at every tick, so no missed timer can miss a limit, and a day with a changed clock
    needs no special case.
    """

    scope: str
    source: str
    days: frozenset[int]
    since: time
    until: time
    max_a: float | None = None
    max_w: float | None = None

    def limit_at(self, utc: datetime, zone: ZoneInfo) -> Limit | None:
        """The limit this window imposes at `utc`, with its end; None outside the window."""
        if self.since == self.until and len(self.days) == len(WEEKDAYS):
            return Limit(self.scope, self.source, self.max_a, self.max_w)
        local = utc.astimezone(zone)
        for began in (local.date(), local.date() - timedelta(days=1)):
            if began.weekday() not in self.days:
                continue
            last_day = began if self.until > self.since else began + timedelta(days=1)
            begun = began < local.date() or self.since <= local.time()
            over = last_day < local.date() or (last_day == local.date() and self.until <= local.time())
            if begun and not over:
                # The later one where the clock shows `until` twice.
                end = datetime.combine(last_day, self.until, zone).replace(fold=1)
                return Limit(self.scope, self.source, self.max_a, self.max_w, ends=end.astimezone(utc.tzinfo))
        return None

    def begins_after(self, utc: datetime, zone: ZoneInfo) -> datetime:
        """When the window begins next."""
        local = utc.astimezone(zone)
        for ahead in range(9):
            day = local.date() + timedelta(days=ahead)
            start = datetime.combine(day, self.since, zone)
            if day.weekday() in self.days and start.timestamp() > utc.timestamp():
                return start.astimezone(utc.tzinfo)
        return utc + timedelta(days=9)

    @classmethod
    def parse_when(cls, text: str) -> tuple[frozenset[int], time, time]:
        """Read 'Mon-Fri 17:00-20:00', 'Sat,Sun 08:00-12:00' or '22:00-06:00' (every day).

        Raises ValueError with the remedy.
        """
        parts = text.split()
        if not parts:
            raise ValueError("say when: write for example 'Mon-Fri 17:00-20:00'")
        days_text, span = ("Mon-Sun", parts[0]) if len(parts) == 1 else (parts[0], parts[-1])
        if len(parts) not in {1, 2} or span.count("-") != 1:
            raise ValueError(f"cannot read '{text}': write for example 'Mon-Fri 17:00-20:00'")
        since, until = (_clock_time(half) for half in span.split("-"))
        return weekdays(days_text), since, until


def without(limits: Iterable[Limit], scope: str, source: str) -> tuple[Limit, ...]:
    """The limits that others have set, or this one elsewhere."""
    return tuple(limit for limit in limits if (limit.scope, limit.source) != (scope, source))


def _clock_time(text: str) -> time:
    if text == "24:00":
        return time(0)
    try:
        hour, minute = text.split(":")
        return time(int(hour), int(minute))
    except ValueError:
        raise ValueError(f"'{text}' is not a time of day: write for example 17:00") from None


def weekdays(text: str) -> frozenset[int]:
    """Read 'Mon-Fri' or 'Sat,Sun' (0: Monday). Raises ValueError with the remedy."""
    days: set[int] = set()
    for part in text.split(","):
        ends = [name[:3].capitalize() for name in part.split("-")]
        if not 1 <= len(ends) <= 2 or any(name not in WEEKDAYS for name in ends):
            raise ValueError(f"'{part}' is not a weekday or a span of them: write for example Mon-Fri or Sat,Sun")
        first, last = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[-1])
        days.update(d % 7 for d in range(first, last + 1 if last >= first else last + 8))
    return frozenset(days)
