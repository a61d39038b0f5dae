"""How a forecast is judged by what came."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ems.planning.forecast.calibration import UNCHECKED, Calibration, calibration, pinball_loss, with_naive_errors
from ems.planning.forecast.quantiles import Floats

LEVELS = (0.1, 0.5, 0.9)


def band(low: float, middle: float, high: float, count: int = 100) -> Floats:
    return np.tile(np.array([[low], [middle], [high]]), (1, count))


MEASURED = np.linspace(0.5, 99.5, 100)
"""One to a hundred, evenly."""


def test_an_interval_that_keeps_its_promise_is_left_as_it_is() -> None:
    found = calibration(LEVELS, band(10, 50, 90), MEASURED, band(0, 40, 95))
    assert (found.checks, found.coverage, found.promised) == (100, 0.8, 0.8)
    assert found.stretch == pytest.approx(1.0, abs=0.01)
    assert 0 < found.skill < 0.1
    assert found.doubt() == ""


def test_a_narrow_interval_is_stretched_until_it_would_have_held() -> None:
    found = calibration(LEVELS, band(25, 50, 75), MEASURED, band(10, 50, 90))
    assert found.coverage == 0.5
    assert found.stretch == pytest.approx(1.6, abs=0.02)
    assert found.doubt() == "lately only 50% fell into the interval that should hold 80%"


def test_one_that_loses_to_naive_is_doubted() -> None:
    found = calibration(LEVELS, band(0, 90, 100), MEASURED, band(10, 50, 90))
    assert found.skill < -0.1
    assert found.doubt() == "lately worse than repeating the same time of an earlier day or week"


def test_what_cannot_be_compared_is_left_out() -> None:
    measured = np.where(MEASURED < 50, math.nan, MEASURED)
    measured[-10:] = 0.0
    forecast = band(10, 50, 90)
    forecast[:, -10:] = 0.0  # night: no width, nothing proven
    assert calibration(LEVELS, forecast, measured, band(0, 50, 95)).checks == 40
    assert calibration(LEVELS, forecast, np.full(100, math.nan), forecast) == UNCHECKED
    assert math.isnan(calibration(LEVELS, forecast, measured, forecast * math.nan).skill)


@pytest.mark.parametrize("checks", [0, 10, 23])
def test_few_checks_give_no_verdict(checks: int) -> None:
    assert Calibration(checks, 0.1, 0.8, -3.0, 1.0).doubt() == ""


def test_the_loss_at_the_median_is_half_the_mean_error() -> None:
    assert pinball_loss((0.5,), np.array([[1.0, 5.0]]), np.array([3.0, 4.0])) == pytest.approx(1.5 / 2)
    assert pinball_loss((0.9,), np.array([[0.0]]), np.array([10.0])) == pytest.approx(9.0)


def test_naive_gets_an_interval_from_its_errors() -> None:
    errors = np.array([-4.0, -2.0, 0.0, 2.0, 4.0, math.nan])
    np.testing.assert_allclose(
        with_naive_errors((0.25, 0.5, 0.75), np.array([10.0, 20.0]), errors), [[8, 18], [10, 20], [12, 22]]
    )
    np.testing.assert_allclose(with_naive_errors((0.1, 0.9), np.array([10.0]), np.array([math.nan])), [[10], [10]])
