"""The clock on the wall of a site: when it shows a time, when a day begins, and when it is set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MIDNIGHT = time(0)
ONE_DAY = timedelta(days=1)


def local(at_s: int, zone: ZoneInfo) -> datetime:
    """The local date and time at `at_s`, seconds since 1970 UTC."""
    return datetime.fromtimestamp(at_s, zone)


def day_begin_s(day: date, zone: ZoneInfo) -> int:
    """When a local day begins, seconds since 1970 UTC."""
    return int(datetime.combine(day, MIDNIGHT, zone).timestamp())


def clock_change_s(day: date, zone: ZoneInfo) -> int | None:
    """When the clock is set on a local day, seconds since 1970 UTC; None on all but a few days of a year."""
    low, high = day_begin_s(day, zone), day_begin_s(day + ONE_DAY, zone)
    before = local(low, zone).utcoffset()
    if local(high, zone).utcoffset() == before:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if local(middle, zone).utcoffset() == before else (low, middle)
    return high


def turns_s(begin_s: int, end_s: int, zone: ZoneInfo, times: Iterable[time] = ()) -> list[int]:
    """Where anything that follows the local clock may change: `begin_s`, `end_s` and between them, in order, every
    midnight, every moment at which the clock shows one of `times`, and every moment at which it is set.
    """
    shown = {MIDNIGHT, *times}
    found: set[int] = set()
    day, last = local(begin_s, zone).date(), local(end_s, zone).date()
    while day <= last:
        change = clock_change_s(day, zone)
        if change is not None:
            found.add(change)
        # A time that the clock shows twice turns twice; one that it skips turns when the clock is set.
        folds = (0,) if change is None else (0, 1)
        found.update(
            int(datetime.combine(day, at, zone).replace(fold=fold).timestamp()) for at in shown for fold in folds
        )
        day += ONE_DAY
    return sorted({begin_s, end_s, *(at for at in found if begin_s < at < end_s)})
