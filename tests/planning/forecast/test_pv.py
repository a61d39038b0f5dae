"""The forecast of a PV plant."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ems.planning.forecast.pv import BRIGHTEST, forecast_pv
from ems.planning.forecast.series import Series
from tests.planning.forecast.courses import course, hours, with_future, with_noise

MIDNIGHT = datetime(2024, 5, 15, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)


def clear(moment: datetime) -> float:
    """50 kW at noon UTC, nothing from 18 to 6."""
    hour = moment.hour + moment.minute / 60
    return max(0.0, 50e3 * math.sin(math.pi * (hour - 6) / 12))


def plant(now: datetime, step_s: int = 1800, days: int = 60) -> Series:
    """A clear sky until now."""
    return course(clear, now=now, step_s=step_s, days=days, zone=UTC)


def changeable(now: datetime, cloudy: int) -> Series:
    """A clear sky on every other day, three tenths of it on days whose number leaves the rest `cloudy`."""
    return course(
        lambda time: clear(time) * (0.3 if time.toordinal() % 2 == cloudy else 1.0), now=now, step_s=1800, zone=UTC
    )


def test_a_clear_spell_goes_on() -> None:
    told = forecast_pv(plant(MIDNIGHT), MIDNIGHT, hours(24, MIDNIGHT))
    expected = plant(MIDNIGHT + timedelta(days=1)).mean_over(np.array([e.timestamp() for e in hours(24, MIDNIGHT)]))
    np.testing.assert_allclose(told.median_w, expected, rtol=0.02, atol=1)


def test_night_is_exactly_nothing_although_the_meter_reads_negative() -> None:
    """The inverter draws 30 W from the grid while it is dark."""
    series = plant(MIDNIGHT)
    series.mean_w[series.mean_w == 0.0] = -30.0
    told = forecast_pv(series, MIDNIGHT, hours(24, MIDNIGHT))
    assert (told.values_w[:, :6] == 0.0).all()
    assert (told.values_w[:, 19:] == 0.0).all()
    assert (told.values_w >= 0.0).all()
    assert told.median_w[12] == pytest.approx(49e3, rel=0.05)
    assert told.why == ""


def test_clouds_now_are_clouds_in_the_next_hour_and_less_so_tomorrow() -> None:
    """Every other day was cloudy from morning to evening."""
    today = NOON.toordinal() % 2
    sunny, cloudy = (forecast_pv(changeable(NOON, rest), NOON, hours(25, NOON)) for rest in (1 - today, today))
    assert sunny.median_w[0] == pytest.approx(50e3, rel=0.1)
    assert cloudy.median_w[0] == pytest.approx(15e3, rel=0.2)
    for told in (sunny, cloudy):
        assert told.at(0.1)[24] < 20e3 < 40e3 < told.at(0.9)[24]


def test_never_more_than_a_little_above_the_clear_sky() -> None:
    series = with_noise(plant(NOON), 0.4, seed=2)
    told = forecast_pv(series, NOON, hours(24, NOON), (0.01, 0.5, 0.99))
    assert told.values_w.max() <= BRIGHTEST * series.mean_w.max()


@pytest.mark.parametrize(
    ("days", "words"), [(0, "nothing was measured yet"), (2, "only 2 days of history"), (7, "only 7 days of history")]
)
def test_little_history_is_told(days: int, words: str) -> None:
    told = forecast_pv(plant(NOON, days=days), NOON, hours(24, NOON))
    assert told.why.split(";")[0] == words
    assert np.isfinite(told.values_w).all()


def test_a_plant_that_never_produced_is_forecast_to_produce_nothing() -> None:
    series = plant(NOON)
    told = forecast_pv(Series(series.begins, series.step_s, 0.0 * series.mean_w - 20.0), NOON, hours(24, NOON))
    assert not told.values_w.any()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60), st.integers(0, 47))
def test_nothing_that_comes_after_now_changes_a_forecast(future: list[float], step: int) -> None:
    now = MIDNIGHT + timedelta(minutes=30 * step)
    known = with_noise(plant(now, days=30), 0.3)
    alone, with_more = (
        forecast_pv(series, now, hours(24, now)).values_w for series in (known, with_future(known, future))
    )
    np.testing.assert_array_equal(alone, with_more)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 5e3, -2e3, 7.0, float("nan"), float("inf"), 1e300]), max_size=400))
def test_whatever_the_history_no_quantile_is_negative_or_missing(past: list[float]) -> None:
    series = Series(NOON - timedelta(minutes=30 * len(past)), 1800, np.array(past, dtype=np.float64))
    told = forecast_pv(series, NOON, hours(30, NOON))
    assert np.isfinite(told.values_w).all()
    assert (told.values_w >= 0.0).all()
    assert (np.diff(told.values_w, axis=0) >= 0).all()
