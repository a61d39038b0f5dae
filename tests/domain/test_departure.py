"""When a vehicle leaves next: every week, on single dates, and when the clock is set."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.departure import LATE, Departure, Goal, WeeklyDeparture, due, moment, shows, shows_twice

BERLIN = ZoneInfo("Europe/Berlin")
WORKDAYS = WeeklyDeparture(frozenset(range(5)), time(5, 10), Goal(energy_wh=55e3))
SATURDAYS = WeeklyDeparture(frozenset({5}), time(7, 0), Goal(soc_percent=90))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("plugged", "now", "leaves"),
    [
        ("2026-03-09 21:00", "2026-03-09 21:00", "2026-03-10 05:10"),
        ("2026-03-09 21:00", "2026-03-10 05:09", "2026-03-10 05:10"),
        ("2026-03-09 21:00", "2026-03-10 05:30", "2026-03-10 05:10"),  # late, and still meant for that one
        ("2026-03-09 21:00", "2026-03-10 05:41", "2026-03-11 05:10"),
        ("2026-03-10 05:20", "2026-03-10 05:30", "2026-03-11 05:10"),  # it came after it
        ("2026-03-13 06:00", "2026-03-13 06:00", "2026-03-14 07:00"),
        ("2026-03-14 08:00", "2026-03-14 08:00", "2026-03-16 05:10"),
        ("2026-01-01 08:00", "2026-03-10 04:00", "2026-03-10 05:10"),  # here for months
    ],
)
def test_the_next_weekly_departure(plugged: str, now: str, leaves: str) -> None:
    found = due((WORKDAYS, SATURDAYS), (), local(plugged), local(now), BERLIN)
    assert found is not None
    assert found.at == local(leaves)
    assert found.goal == (SATURDAYS if found.at.weekday() == 5 else WORKDAYS).goal


@pytest.mark.parametrize(
    ("single", "now", "leaves"),
    [
        (["2026-03-10 09:30"], "2026-03-09 21:00", "2026-03-10 09:30"),
        (["2026-03-10 09:30", "2026-03-10 13:00"], "2026-03-10 10:30", "2026-03-10 13:00"),
        (["2026-03-10 04:00"], "2026-03-10 04:50", "2026-03-11 05:10"),  # 05:10 of that date does not count any more
        (["2026-03-15 10:00"], "2026-03-14 12:00", "2026-03-15 10:00"),  # a Sunday
        (["2026-03-12 10:00"], "2026-03-09 21:00", "2026-03-10 05:10"),
        (["2027-03-12 10:00"], "2026-03-14 12:00", "2026-03-16 05:10"),
    ],
)
def test_a_single_departure_takes_the_place_of_the_weekly_ones_of_its_date(
    single: list[str], now: str, leaves: str
) -> None:
    ones = tuple(Departure("Bus 17", local(text)) for text in single)
    found = due((WORKDAYS,), ones, local("2026-03-09 20:00"), local(now), BERLIN)
    assert found is not None
    assert found.at == local(leaves)


def test_nobody_knows_when_a_vehicle_without_a_timetable_leaves() -> None:
    assert due((), (), local("2026-03-09 20:00"), local("2026-03-09 21:00"), BERLIN) is None


@pytest.mark.parametrize(
    ("day", "at", "utc", "is_shown", "is_double"),
    [
        ("2026-03-28", "02:30", "2026-03-28 01:30", True, False),
        ("2026-03-29", "02:30", "2026-03-29 01:00", False, False),  # skipped: when the clock is set
        ("2026-03-29", "03:00", "2026-03-29 01:00", True, False),
        ("2026-03-29", "05:10", "2026-03-29 03:10", True, False),
        ("2026-10-25", "02:30", "2026-10-25 00:30", True, True),  # twice: ready for the earlier one
        ("2026-10-25", "05:10", "2026-10-25 04:10", True, False),
    ],
)
def test_a_time_of_day_when_the_clock_is_set(day: str, at: str, utc: str, is_shown: bool, is_double: bool) -> None:
    wall = (date.fromisoformat(day), time.fromisoformat(at), BERLIN)
    assert moment(*wall) == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert (shows(*wall), shows_twice(*wall)) == (is_shown, is_double)


@given(
    st.integers(0, 2 * 365 * 86400).map(lambda s: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=s)),
    st.times(),
    st.sampled_from([BERLIN, ZoneInfo("America/Los_Angeles"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")]),
)
def test_a_daily_departure_lies_within_a_day_ahead(now: datetime, at: time, zone: ZoneInfo) -> None:
    daily = WeeklyDeparture(frozenset(range(7)), at.replace(microsecond=0))
    found = due((daily,), (), now, now, zone)
    assert found is not None
    assert timedelta(0) < found.at - now <= timedelta(hours=25)
    late = due((daily,), (), now - timedelta(days=3), now, zone)
    assert late is not None
    assert -LATE < late.at - now <= timedelta(hours=25)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Goal(soc_percent=0),
        lambda: Goal(soc_percent=100.5),
        lambda: Goal(soc_percent=float("nan")),
        lambda: Goal(energy_wh=-1),
        lambda: Goal(energy_wh=float("inf")),
        lambda: Goal(energy_wh=55e6),
        lambda: WeeklyDeparture(frozenset(), time(5)),
        lambda: WeeklyDeparture(frozenset({7}), time(5)),
        lambda: Departure("Bus 17", datetime(2026, 3, 1)),  # noqa: DTZ001 - that is what is wrong
        lambda: Departure("", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match=r"\w"):
        wrong()
