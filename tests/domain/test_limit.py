"""Limits and the windows of the week in which they return, on days of 23, 24 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ems.domain.limit import Limit, LimitWindow

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = frozenset(range(7))
SPRING, AUTUMN = datetime(2024, 3, 31, tzinfo=BERLIN), datetime(2024, 10, 27, tzinfo=BERLIN)
"""The days on which Berlin's clocks go from 02:00 to 03:00, and from 03:00 back to 02:00."""


def window(when: str) -> LimitWindow:
    days, since, until = LimitWindow.parse_when(when)
    return LimitWindow("grid", "peak hours", days, since, until, max_w=80_000)


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("when", "at", "ends"),
    [
        ("Mon-Fri 17:00-20:00", "2024-01-10 16:59:59", None),
        ("Mon-Fri 17:00-20:00", "2024-01-10 17:00", "2024-01-10 20:00"),
        ("Mon-Fri 17:00-20:00", "2024-01-10 19:59:59", "2024-01-10 20:00"),
        ("Mon-Fri 17:00-20:00", "2024-01-10 20:00", None),
        ("Mon-Fri 17:00-20:00", "2024-01-13 18:00", None),
        ("Mon-Fri 17:00-20:00", "2024-07-10 18:00", "2024-07-10 20:00"),
        ("Sat,Sun 08:00-12:00", "2024-01-13 08:00", "2024-01-13 12:00"),
        ("Fri-Mon 08:00-12:00", "2024-01-15 08:00", "2024-01-15 12:00"),
        ("Fri-Mon 08:00-12:00", "2024-01-16 08:00", None),
        ("22:00-06:00", "2024-01-10 23:00", "2024-01-11 06:00"),
        ("22:00-06:00", "2024-01-11 05:59", "2024-01-11 06:00"),
        ("22:00-06:00", "2024-01-11 06:00", None),
        ("Fri 22:00-06:00", "2024-01-13 05:00", "2024-01-13 06:00"),
        ("Fri 22:00-06:00", "2024-01-12 05:00", None),
        ("Wed 00:00-24:00", "2024-01-10 00:00", "2024-01-11 00:00"),
        ("Wed 00:00-24:00", "2024-01-11 00:00", None),
        ("18:00-24:00", "2024-01-10 23:59", "2024-01-11 00:00"),
        ("Wed 12:00-12:00", "2024-01-11 11:59", "2024-01-11 12:00"),
        ("01:00-04:00", "2024-03-31 03:30", "2024-03-31 04:00"),
        ("01:00-04:00", "2024-10-27 03:30", "2024-10-27 04:00"),
    ],
)
def test_a_window(when: str, at: str, ends: str | None) -> None:
    """In local time; a window past midnight belongs to the day on which it began."""
    limit = window(when).limit_at(local(at), BERLIN)
    assert (None if limit is None else limit.ends) == (None if ends is None else local(ends))


def test_the_limit_of_a_window_says_who_and_how_much() -> None:
    limit = window("17:00-20:00").limit_at(local("2024-01-10 18:00"), BERLIN)
    assert limit == Limit("grid", "peak hours", None, 80_000, None, local("2024-01-10 20:00"))


def test_a_window_that_fills_every_day_never_ends() -> None:
    for when in ("00:00-24:00", "12:00-12:00"):
        limit = window(when).limit_at(local("2024-01-10 11:59"), BERLIN)
        assert limit is not None
        assert limit.ends is None


@given(
    st.builds(time, st.integers(0, 4), st.sampled_from([0, 30])),
    st.builds(time, st.integers(0, 4), st.sampled_from([0, 30])),
    st.sampled_from([SPRING, AUTUMN, datetime(2024, 6, 5, tzinfo=BERLIN)]),
    st.integers(0, 6 * 12),
)
@example(time(2, 30), time(3, 30), SPRING, 26)
@example(time(1, 0), time(2, 30), AUTUMN, 39)
def test_a_window_holds_whenever_the_clock_on_the_wall_shows_a_time_inside_it(
    since: time, until: time, day: datetime, five_minutes: int
) -> None:
    """Also in the hour that happens twice, and after the hour that does not happen."""
    utc = day.astimezone(UTC) + timedelta(minutes=5 * five_minutes)
    shown = utc.astimezone(BERLIN).time()
    inside = since <= shown < until if since < until else shown >= since or shown < until
    if inside:
        assert LimitWindow("grid", "x", EVERY_DAY, since, until, max_a=1).limit_at(utc, BERLIN) is not None


@given(st.integers(0, 7 * 24 * 60), st.integers(0, 1439), st.integers(0, 1439))
def test_a_window_ends_when_it_says(minute: int, since: int, until: int) -> None:
    """At its end it holds no longer; a minute before it does. (An end in the hour that spring skips is no moment.)"""
    assume(until // 60 != 2)
    utc = datetime(2024, 3, 28, tzinfo=UTC) + timedelta(minutes=minute)
    found = LimitWindow("grid", "x", EVERY_DAY, time(*divmod(since, 60)), time(*divmod(until, 60)), max_a=1)
    limit = found.limit_at(utc, BERLIN)
    if limit is not None and since != until:
        assert limit.ends is not None
        assert utc < limit.ends <= utc + timedelta(hours=25)
        assert found.limit_at(limit.ends - timedelta(minutes=1), BERLIN) is not None
        assert found.limit_at(limit.ends, BERLIN) is None


@pytest.mark.parametrize(
    ("text", "days", "since", "until"),
    [
        ("Mon-Fri 17:00-20:00", {0, 1, 2, 3, 4}, time(17), time(20)),
        ("sat,sun 8:00-12:30", {5, 6}, time(8), time(12, 30)),
        ("Saturday 08:00-12:00", {5}, time(8), time(12)),
        ("Fri-Mon,Wed 00:00-24:00", {4, 5, 6, 0, 2}, time(0), time(0)),
        ("22:00-06:00", set(range(7)), time(22), time(6)),
    ],
)
def test_when(text: str, days: set[int], since: time, until: time) -> None:
    assert LimitWindow.parse_when(text) == (frozenset(days), since, until)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "write for example 'Mon-Fri 17:00-20:00'"),
        ("weekdays 17:00", "cannot read 'weekdays 17:00': write for example 'Mon-Fri 17:00-20:00'"),
        ("Mon Tue 17:00-20:00", "cannot read"),
        ("Mon-Fri 17-20", "'17' is not a time of day: write for example 17:00"),
        ("Mon-Fri 17:00-25:00", "'25:00' is not a time of day"),
        ("Mo-Fr 17:00-20:00", "'Mo-Fr' is not a weekday"),
        ("Mon-Wed-Fri 17:00-20:00", "is not a weekday or a span"),
    ],
)
def test_what_says_no_time(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        LimitWindow.parse_when(text)


@pytest.mark.parametrize(("offset_s", "holds"), [(-1, False), (0, True), (59, True), (60, False)])
def test_a_limit_holds_from_its_start_to_just_before_its_end(offset_s: int, holds: bool) -> None:
    start = datetime(2024, 1, 10, tzinfo=UTC)
    limit = Limit("grid", "dso", 10, starts=start, ends=start + timedelta(seconds=60))
    assert limit.holds_at(start + timedelta(seconds=offset_s)) is holds
    assert Limit("grid", "dso", 10).holds_at(start)
