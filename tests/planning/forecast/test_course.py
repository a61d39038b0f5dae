"""A forecast that has checked itself."""

from __future__ import annotations

import numpy as np
import pytest

from ems.planning.forecast.course import Course, checked, forecast_course
from ems.planning.forecast.load import BUILDING, recent_days
from ems.planning.forecast.quantiles import EIGHTY_PERCENT, weighted_quantiles
from ems.planning.forecast.series import Series
from tests.planning.forecast.courses import BERLIN, NOW, course, hours, office, with_noise


def building(series: Series, most: float = np.inf) -> Course:
    past = recent_days(series, NOW, BUILDING.days, BERLIN)
    return Course(past, np.ones(past.per_day), BERLIN, BUILDING, 7, 15, least=0.0, most=most)


def restless() -> Series:
    """An office that became ten times as restless two weeks ago."""
    calm, wild = with_noise(course(office, days=75), 0.02), with_noise(course(office, days=75), 0.2)
    return Series(calm.begins, 3600, np.concatenate([calm.mean_w[: 61 * 24], wild.mean_w[61 * 24 :]]))


def test_an_interval_that_lately_held_too_little_is_wider_by_what_it_lacked() -> None:
    one = building(restless())
    check = checked(one, NOW)
    assert check.stretch > 1.2
    samples = one.samples(NOW.timestamp(), hours(24)[-1].timestamp())
    low, middle, high = weighted_quantiles(samples.values_w, samples.weights, EIGHTY_PERCENT)
    told = forecast_course(one, NOW, hours(24))
    np.testing.assert_allclose(told.at(0.9) - told.at(0.5), check.stretch * (high - middle))
    np.testing.assert_allclose(told.at(0.5) - told.at(0.1), np.minimum(check.stretch * (middle - low), middle))


def test_an_interval_that_held_what_it_promised_is_left_alone() -> None:
    check = checked(building(with_noise(course(office, days=75))), NOW)
    assert check.coverage == pytest.approx(0.8, abs=0.1)
    assert check.stretch < 1.2
    assert check.skill > 0


def test_no_value_leaves_what_can_be() -> None:
    told = forecast_course(building(restless(), most=31e3), NOW, hours(24), (0.01, 0.5, 0.99))
    assert told.values_w.max() == pytest.approx(31e3)
    assert told.values_w.min() >= 0
