"""The forecast of a building."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ems.planning.forecast.load import forecast_load
from ems.planning.forecast.series import Series
from tests.planning.forecast.courses import BERLIN, NOW, course, hours, office, with_future, with_noise

DAY = timedelta(days=1)


def kilowatts(series: Series, now: datetime = NOW, count: int = 24, **more: object) -> list[float]:
    told = forecast_load(series, now, hours(count, now), BERLIN, **more)  # type: ignore[arg-type]  # names are the function's to check
    return [round(float(watts) / 1e3, 2) for watts in told.median_w]


def test_a_workday_is_forecast_from_workdays_by_local_time() -> None:
    assert kilowatts(course(office)) == [30.0] * 8 + [10.0] * 14 + [30.0] * 2


def test_saturday_is_forecast_from_saturdays() -> None:
    friday = NOW + 2 * DAY
    assert kilowatts(course(office, now=friday), friday)[-2:] == [10.0, 10.0]


def test_a_holiday_is_forecast_from_sundays() -> None:
    assert kilowatts(course(office), holidays={date(2024, 5, 16)})[-2:] == pytest.approx([10.0, 10.0], abs=0.1)


@pytest.mark.parametrize(
    ("now", "eight_o_clock"),
    [(datetime(2024, 3, 31, 22, tzinfo=UTC), 8), (datetime(2024, 10, 27, 23, tzinfo=UTC), 8)],
    ids=["the night after clocks went forward", "the night after clocks went back"],
)
def test_people_come_at_the_same_local_time_after_the_clocks_change(now: datetime, eight_o_clock: int) -> None:
    """Both are local midnight before a Monday."""
    assert now.astimezone(BERLIN).hour == 0
    assert kilowatts(course(office, now=now), now) == [10.0] * eight_o_clock + [30.0] * 10 + [10.0] * 6


@pytest.mark.parametrize("clocks", [datetime(2024, 3, 30, 23, tzinfo=UTC), datetime(2024, 10, 26, 22, tzinfo=UTC)])
def test_the_day_of_23_or_25_hours_is_a_day_like_others(clocks: datetime) -> None:
    """Sunday, whose Monday morning is still met."""
    told = kilowatts(course(office, now=clocks), clocks, count=48)
    expected = [office(edge.astimezone(BERLIN)) / 1e3 for edge in hours(47, clocks)]
    assert told == expected


def test_what_the_last_hour_shows_lasts_as_long_as_it_did_on_other_days() -> None:
    """Each afternoon had a level of its own from 8 to 18, which was gone by night; today's is 8 kW above the usual."""
    level = np.random.default_rng(5).normal(0, 4e3, 400)
    level[NOW.timetuple().tm_yday] = 8e3

    def moody(local: datetime) -> float:
        return 20e3 + (level[local.timetuple().tm_yday] if 8 <= local.hour < 18 else 0.0)

    told = forecast_load(course(moody), NOW, hours(24), BERLIN).median_w / 1e3 - 20
    assert min(told[:8]) > 6
    assert max(abs(told[8:22])) < 2


def test_the_interval_is_as_wide_as_days_differ_and_wider_later() -> None:
    """Each day has a level of its own, which its first hours tell."""
    level = dict(enumerate(np.random.default_rng(5).normal(0, 4e3, 400)))
    series = course(lambda local: 20e3 + level[local.timetuple().tm_yday] + local.hour * 100.0)
    told = forecast_load(series, NOW, hours(24), BERLIN)
    width = told.at(0.9) - told.at(0.1)
    assert width[0] < 0.3 * width[23]
    assert 6e3 < width[23] < 30e3


@pytest.mark.parametrize(
    ("days", "words"), [(1, "only 1 day of history"), (3, "only 3 days of history"), (14, "only 14 days of history")]
)
def test_little_history_is_told(days: int, words: str) -> None:
    told = forecast_load(course(office, days=days), NOW, hours(24), BERLIN)
    assert (told.is_unsure, told.why.split(";")[0]) == (True, words)
    assert np.isfinite(told.values_w).all()


def test_much_history_is_sure() -> None:
    assert forecast_load(with_noise(course(office)), NOW, hours(24), BERLIN).why == ""


def test_a_silent_meter_is_told() -> None:
    told = forecast_load(with_noise(course(office)).until(NOW - 2 * DAY), NOW, hours(24), BERLIN)
    assert told.why == "nothing measured for 48 h"


def test_a_building_that_changed_its_ways_is_told() -> None:
    """For two weeks all is shifted by half a day: naive follows after a week, the weight of eight weeks does not."""

    def moved(local: datetime) -> float:
        weeks_ago = (NOW.date() - local.date()).days / 7
        return office(local) if weeks_ago > 1 else 40e3 - office(local)

    assert "lately" in forecast_load(with_noise(course(moved)), NOW, hours(24), BERLIN).why


@pytest.mark.parametrize("step_s", [300, 900, 1800, 3600])
def test_edges_may_be_finer_and_coarser_than_the_history(step_s: int) -> None:
    edges = [NOW + timedelta(minutes=m) for m in (0, 5, 10, 15, 30, 45, 60, 120, 480, 540, 1440)]
    told = forecast_load(course(office, step_s=step_s), NOW, edges, BERLIN).median_w / 1e3
    np.testing.assert_allclose(told, [30] * 8 + [10] + [(14 - 1) / 15 * 10 + 2 / 15 * 30], atol=1e-6)


def test_now_may_lie_within_a_step() -> None:
    now = NOW + timedelta(minutes=20)
    told = forecast_load(course(office), now, [now, now + timedelta(minutes=5)], BERLIN)
    assert told.median_w.tolist() == pytest.approx([30e3])


@pytest.mark.parametrize(
    "edges", [hours(3, NOW - DAY), [NOW], [], [NOW, NOW], [NOW + DAY, NOW]], ids=["past", "one", "none", "same", "back"]
)
def test_edges_that_are_no_horizon_are_refused(edges: list[datetime]) -> None:
    with pytest.raises(ValueError, match="edges of a forecast must ascend"):
        forecast_load(course(office), NOW, edges, BERLIN)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30),
    st.integers(0, 50),
)
def test_nothing_that_comes_after_now_changes_a_forecast(future: list[float], missing: int) -> None:
    known = with_noise(course(office, days=30))
    known.mean_w[-missing - 1 : -1] = np.nan
    alone, with_more = (
        forecast_load(series, NOW, hours(24), BERLIN).values_w for series in (known, with_future(known, future))
    )
    np.testing.assert_array_equal(alone, with_more)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 5e3, -2e3, float("nan"), float("inf"), -float("inf"), 1e300]), max_size=400),
    st.sampled_from([300, 900, 3600]),
)
def test_whatever_the_history_every_interval_has_ascending_finite_quantiles(past: list[float], step_s: int) -> None:
    series = Series(NOW - timedelta(seconds=step_s * len(past)), step_s, np.array(past, dtype=np.float64))
    told = forecast_load(series, NOW, hours(30), BERLIN, (0.05, 0.5, 0.95))
    assert told.values_w.shape == (3, 30)
    assert np.isfinite(told.values_w).all()
    assert (np.diff(told.values_w, axis=0) >= 0).all()
    assert told.is_unsure
