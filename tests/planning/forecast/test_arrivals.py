"""Who will come."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ems.planning.forecast.arrivals import Phantom, forecast_arrivals, phantoms
from ems.planning.forecast.past_sessions import PastSession, SessionHistory, session_history
from tests.planning.forecast.courses import BERLIN, NOW, hours, visit

TONIGHT = NOW + timedelta(hours=14)
"""Local midnight."""


def known(*sessions: PastSession, now: datetime = NOW, holidays: tuple[date, ...] = ()) -> SessionHistory:
    return session_history(sessions, now, BERLIN, holidays)


def told(found: tuple[Phantom, ...]) -> list[tuple[str, float, float, float]]:
    """Local hour of arrival, stay in hours, kWh, and the weight."""
    return [
        (
            f"{one.arrival.astimezone(BERLIN):%a %H:%M}",
            (one.departure - one.arrival).total_seconds() / 3600,
            one.need_wh / 1e3,
            round(one.weight, 3),
        )
        for one in found
    ]


def test_the_last_three_of_the_same_weekday_come_again_if_their_hour_is_still_ahead() -> None:
    """Today is Wednesday, 10:00."""
    history = known(
        visit(7, 11, 4, 12), visit(7, 9, 8, 30), visit(14, 12, 2, 6), visit(21, 15.5, 1, 3), visit(28, 13, 1, 99),
        visit(1, 13, 1, 99), visit(3, 13, 1, 99),
    )  # fmt: skip
    found = phantoms(history, [], NOW, TONIGHT, scale=1.2)
    pace = (0 + 5) / (1 / 3 + 5)
    assert told(found) == [
        ("Wed 11:00", 4, 12, round(0.4 * pace, 3)),
        ("Wed 12:00", 2, 6, round(0.4 * pace, 3)),
        ("Wed 15:30", 1, 3, round(0.4 * pace, 3)),
    ]


def test_tomorrow_is_forecast_from_its_own_weekday() -> None:
    history = known(visit(6, 9, 8, 20), visit(7, 9, 8, 30))
    assert told(phantoms(history, [], NOW, NOW + timedelta(hours=24), scale=1.0)) == [("Thu 09:00", 8, 20, 1.0)]


def test_a_day_of_which_the_weekday_was_never_seen_is_forecast_from_days_of_its_kind() -> None:
    """Monday and Tuesday are known, and a Sunday that is no model for a Wednesday."""
    history = known(visit(1, 12, 1, 1), visit(2, 13, 1, 2), visit(3, 14, 1, 3))
    assert [one[2] for one in told(phantoms(history, [], NOW, TONIGHT))] == [1, 2]


def test_a_holiday_is_forecast_from_sundays() -> None:
    history = known(visit(7, 12, 1, 1), visit(3, 14, 1, 3), holidays=(date(2024, 5, 15),))
    assert [one[2] for one in told(phantoms(history, [], NOW, TONIGHT))] == [3]


@pytest.mark.parametrize(
    ("came", "pace"), [(0, 5 / 15), (10, 1.0), (20, 25 / 15), (200, 2.0)], ids=["nobody", "as usual", "more", "a crowd"]
)
def test_today_goes_on_at_the_pace_at_which_it_began(came: int, pace: float) -> None:
    usual = [visit(7 * week, 8, 1, 5, evse=f"A/{k}") for week in (1, 2, 3) for k in range(10)]
    evenings = [visit(7 * week, 18, 1, 5) for week in (1, 2, 3)]
    here = [NOW - timedelta(hours=1)] * came
    found = phantoms(known(*usual, *evenings), here, NOW, TONIGHT, scale=1.0)
    assert sum(one.weight for one in found) == pytest.approx(pace)


def test_people_come_at_the_same_local_time_after_the_clocks_change() -> None:
    sunday = datetime(2024, 3, 31, 6, tzinfo=UTC)
    monday_before = datetime(2024, 3, 25, 8, tzinfo=UTC)
    session = PastSession("A/1", monday_before, monday_before + timedelta(hours=1), 1e3)
    found = phantoms(known(session, now=sunday), [], sunday, sunday + timedelta(days=2))
    assert [one.arrival for one in found] == [datetime(2024, 4, 1, 7, tzinfo=UTC)]


def test_energy_arrives_in_the_hours_in_which_vehicles_do() -> None:
    noisy = np.random.default_rng(3)
    days = [visit(day, 9.2, 4, float(noisy.uniform(18, 22))) for day in range(1, 60)]
    now = NOW - timedelta(hours=4)
    arrivals = forecast_arrivals(known(*days, now=now), [], now, hours(24, now))
    assert not arrivals.is_unsure
    coming = arrivals.arriving.median_w / 1e3
    assert coming[3] == pytest.approx(20, abs=1)
    assert coming.sum() == pytest.approx(coming[3])


def test_a_site_without_a_past_expects_nobody_and_says_so() -> None:
    arrivals = forecast_arrivals(known(), [NOW], NOW, hours(24))
    assert (arrivals.phantoms, arrivals.why) == ((), "nothing was measured yet")
    assert not arrivals.arriving.values_w.any()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(-6, 40), st.floats(0.1, 30), st.floats(0, 90)), max_size=8))
def test_nothing_that_ends_after_now_changes_a_forecast(later: list[tuple[float, float, float]]) -> None:
    """Sessions that begin around now or later, and end later than now."""
    past = [visit(day, 8 + day % 11, 3, 10, evse=f"A/{day % 4}") for day in range(1, 40)]
    future = [visit(0, 10 + begin, max(0.1, -begin) + stay, kwh) for begin, stay, kwh in later]
    with_more = session_history([*past, *future], NOW + timedelta(days=30), BERLIN)
    alone, knowing = (forecast_arrivals(one, [NOW], NOW, hours(24)) for one in (known(*past), with_more))
    assert alone.phantoms == knowing.phantoms
    np.testing.assert_array_equal(alone.arriving.values_w, knowing.arriving.values_w)
