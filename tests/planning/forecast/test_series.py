"""A measured course by the clock on the wall, and between edges of any length."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.planning.forecast.series import Series, day_types, local_days, local_offsets_s

BERLIN = ZoneInfo("Europe/Berlin")
NAN = float("nan")


def moments(*texts: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """UTC times of 31 March 2024 in seconds."""
    return np.array([datetime.fromisoformat(f"2024-03-31T{text}Z").timestamp() for text in texts])


def counting(begins: datetime, hours: int) -> Series:
    """Each hour its number."""
    return Series(begins, 3600, np.arange(float(hours)))


def test_the_hour_that_clocks_skip_is_missing() -> None:
    days = local_days(counting(datetime(2024, 3, 30, 23, tzinfo=UTC), 6), BERLIN)
    np.testing.assert_equal(days.mean_w, [0, 1, NAN, 2, 3, 4, 5])
    assert days.first % 24 == 0


def test_the_hour_that_clocks_show_twice_is_averaged() -> None:
    days = local_days(counting(datetime(2024, 10, 26, 22, tzinfo=UTC), 6), BERLIN)
    np.testing.assert_equal(days.mean_w, [0, 1, 2.5, 4, 5])


@given(
    st.integers(0, 2 * 365 * 24), st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC"])
)
def test_offsets_are_those_of_the_zone(begin_h: int, name: str) -> None:
    zone = ZoneInfo(name)
    begin = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(hours=begin_h)
    times = [begin + timedelta(minutes=37 * k) for k in range(100)]
    expected = [(time.astimezone(zone).utcoffset() or timedelta()).total_seconds() for time in times]
    assert local_offsets_s(np.array([time.timestamp() for time in times]), zone).tolist() == expected


@pytest.mark.parametrize(
    ("edges", "means"),
    [
        (("00:00", "01:00", "02:00"), [0, 1]),
        (("00:00", "03:00"), [1]),
        (("00:30", "01:30", "01:45"), [0.5, 1]),
        (("03:00", "05:00"), [NAN]),  # the hour from 4 was not measured
        (("03:00", "04:00"), [3]),
        (("05:30", "06:00"), [5]),
        (("05:30", "06:30"), [NAN]),  # beyond its end
    ],
)
def test_means_between_edges(edges: tuple[str, ...], means: list[float]) -> None:
    series = counting(datetime(2024, 3, 31, tzinfo=UTC), 6)
    series.mean_w[4] = NAN
    np.testing.assert_allclose(series.mean_over(moments(*edges)), means)


def test_only_intervals_that_have_ended_are_known() -> None:
    begins = datetime(2024, 3, 31, tzinfo=UTC)
    series = counting(begins, 6)
    assert series.until(begins + timedelta(minutes=179)).mean_w.tolist() == [0, 1]
    assert series.until(begins - timedelta(days=1)).mean_w.tolist() == []
    later = series.since(begins + timedelta(minutes=61))
    assert (later.begins.hour, later.mean_w.tolist()) == (2, [2, 3, 4, 5])
    assert series.since(begins + timedelta(days=9)).mean_w.tolist() == []


def test_a_holiday_counts_as_sunday() -> None:
    days = np.array([date(2024, 5, day).toordinal() - date(1970, 1, 1).toordinal() for day in (1, 2, 4, 5)])
    assert day_types(days, ()).tolist() == [2, 3, 5, 6]
    assert day_types(days, {date(2024, 5, 1)}).tolist() == [6, 3, 5, 6]


@pytest.mark.parametrize(
    ("begins", "step_s", "row", "message"),
    [
        (datetime(2024, 1, 1), 3600, [1.0], "without a zone"),  # noqa: DTZ001
        (datetime(2024, 1, 1, tzinfo=UTC), 7000, [1.0], "do not divide a day"),
        (datetime(2024, 1, 1, tzinfo=UTC), 0, [1.0], "do not divide a day"),
        (datetime(2024, 1, 1, tzinfo=UTC), 3600, [[1.0]], "one row of numbers"),
    ],
)
def test_what_is_no_series_is_refused(begins: datetime, step_s: int, row: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Series(begins, step_s, np.array(row))
