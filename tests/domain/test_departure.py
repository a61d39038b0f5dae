"""When a vehicle leaves next: every week, on single dates, and when the clock is set."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.departure import (
    HOLIDAY,
    LATE,
    Departure,
    Goal,
    WeeklyDeparture,
    days_in_words,
    days_of,
    due,
    moment,
    shows,
    shows_twice,
)
from ems.domain.recurrence import Holidays

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


STAYS = WeeklyDeparture(frozenset({HOLIDAY}), None)
LATER = WeeklyDeparture(frozenset({6, HOLIDAY}), time(9, 0))
EASTER = Holidays(frozenset({date(2026, 4, 3), date(2026, 4, 6)}), frozenset({(5, 1)}))


@pytest.mark.parametrize(
    ("weekly", "now", "leaves"),
    [
        ((WORKDAYS,), "2026-04-02 21:00", "2026-04-03 05:10"),  # nothing is said of holidays: a Friday
        ((WORKDAYS, STAYS), "2026-04-02 21:00", "2026-04-07 05:10"),  # Good Friday to Easter Monday
        ((WORKDAYS, LATER), "2026-04-02 21:00", "2026-04-03 09:00"),
        ((WORKDAYS, LATER), "2026-04-04 21:00", "2026-04-05 09:00"),  # a Sunday
        ((WORKDAYS, LATER, STAYS), "2026-04-02 21:00", "2026-04-03 09:00"),
        ((WORKDAYS, STAYS), "2027-04-30 21:00", "2027-05-03 05:10"),  # the first of May, a Saturday
        ((WORKDAYS, STAYS), "2026-04-30 21:00", "2026-05-04 05:10"),
        ((WeeklyDeparture(frozenset({0}), time(5)), STAYS), "2026-03-31 05:00", "2026-04-13 05:00"),
        ((STAYS,), "2026-04-02 21:00", None),
    ],
)
def test_a_week_may_say_what_holds_on_holidays(
    weekly: tuple[WeeklyDeparture, ...], now: str, leaves: str | None
) -> None:
    found = due(weekly, (), local(now), local(now), BERLIN, EASTER)
    assert (None if found is None else found.at) == (None if leaves is None else local(leaves))


def test_a_single_departure_counts_on_a_holiday_on_which_the_vehicle_would_stay() -> None:
    single = (Departure("Bus 17", local("2026-04-03 10:00")), Departure("Bus 17", local("2026-04-20 10:00")))
    found = due((WORKDAYS, STAYS), single, local("2026-04-02 20:00"), local("2026-04-02 21:00"), BERLIN, EASTER)
    assert found is not None
    assert found.at == local("2026-04-03 10:00")
    after = due((WORKDAYS, STAYS), single, local("2026-04-03 20:00"), local("2026-04-03 21:00"), BERLIN, EASTER)
    assert after is not None
    assert after.at == local("2026-04-07 05:10"), "the single one beyond it does not hide the next of the week"


@pytest.mark.parametrize(
    ("text", "days", "words"),
    [
        ("Mon-Fri", {0, 1, 2, 3, 4}, "Mon-Fri"),
        ("Sun, holidays", {6, HOLIDAY}, "Sun,Holiday"),
        ("Mon,Tue,Thu-Sun,Holiday", {0, 1, 3, 4, 5, 6, HOLIDAY}, "Mon,Tue,Thu-Sun,Holiday"),
        ("Holiday", {HOLIDAY}, "Holiday"),
    ],
)
def test_days_as_people_write_them(text: str, days: set[int], words: str) -> None:
    assert days_of(text) == days
    assert days_in_words(frozenset(days)) == words
    assert days_of(words) == days


@pytest.mark.parametrize("text", ["", "Holi", "Mon-Holiday"])
def test_days_that_nobody_knows_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a weekday"):
        days_of(text)


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
        lambda: WeeklyDeparture(frozenset({8}), time(5)),
        lambda: WeeklyDeparture(frozenset({7}), None, Goal(energy_wh=5e3)),
        lambda: Departure("Bus 17", datetime(2026, 3, 1)),  # noqa: DTZ001 - that is what is wrong
        lambda: Departure("", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match=r"\w"):
        wrong()
