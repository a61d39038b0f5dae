"""Weighted quantiles and what is told with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ems.planning.forecast.quantiles import Quantiles, ascending_quantiles, weighted_quantiles

NAN = float("nan")


@pytest.mark.parametrize(
    ("samples", "weights", "level", "value"),
    [
        ([1, 2, 3], [1, 1, 1], 0.5, 2.0),
        ([3, 1, 2], [1, 1, 1], 0.5, 2.0),
        ([1, 2, 3], [1, 1, 1], 0.25, 1.0),  # the first of three stands at 1/4
        ([1, 2, 3], [1, 1, 1], 0.05, 1.0),  # nothing was seen below it
        ([1, 2, 3], [1, 1, 1], 0.99, 3.0),
        ([1, 2], [1, 1], 0.5, 1.5),
        ([1, 2, NAN], [1, 1, 5], 0.5, 1.5),
        ([1, 2, 9], [1, 1, 0], 0.5, 1.5),
        ([7], [0.1], 0.9, 7.0),
        ([1, 2], [0, 0], 0.5, NAN),
        ([], [], 0.5, NAN),
    ],
)
def test_the_quantiles_of_a_few_samples(samples: list[float], weights: list[float], level: float, value: float) -> None:
    column = np.array(samples, dtype=np.float64)[:, None]
    found = weighted_quantiles(column, np.array(weights, dtype=np.float64)[:, None], [level])
    np.testing.assert_allclose(found, [[value]])


def test_a_new_value_falls_below_a_level_as_often_as_it_promises_also_with_five_samples() -> None:
    rng = np.random.default_rng(3)
    samples, new = rng.normal(size=(5, 20_000)), rng.normal(size=20_000)
    low, high = weighted_quantiles(samples, np.ones((5, 20_000)), (1 / 6, 5 / 6))
    assert float((new < low).mean()) == pytest.approx(1 / 6, abs=0.01)
    assert float((new > high).mean()) == pytest.approx(1 / 6, abs=0.01)


def test_a_heavy_sample_draws_the_median_to_itself() -> None:
    samples = np.array([[1.0], [2.0], [3.0], [4.0]])
    light, heavy = (np.array([[1.0], [1.0], [1.0], [weight]]) for weight in (1.0, 9.0))
    assert weighted_quantiles(samples, heavy, [0.5]) > weighted_quantiles(samples, light, [0.5])


@settings(max_examples=30, deadline=None)
@given(
    arrays(np.float64, (9, 4), elements=st.floats(-1e6, 1e6) | st.just(NAN)),
    arrays(np.float64, (9, 4), elements=st.floats(0.01, 1) | st.just(0.0)),
)
def test_quantiles_ascend_lie_within_the_samples_and_are_the_same_one_by_one(
    samples: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    weights: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    levels = (0.05, 0.3, 0.5, 0.95)
    found = weighted_quantiles(samples, weights, levels)
    for column in range(samples.shape[1]):
        telling = np.isfinite(samples[:, column]) & (weights[:, column] > 0)
        row = found[:, column]
        if not telling.any():
            assert np.isnan(row).all()
            continue
        assert (np.diff(row) >= 0).all()
        assert samples[telling, column].min() <= row[0] <= row[-1] <= samples[telling, column].max()
        order = np.argsort(samples[telling, column], kind="stable")
        alone, _ = ascending_quantiles(samples[telling, column][order], weights[telling, column][order], levels)
        np.testing.assert_allclose(row, alone, atol=1e-6)


def test_values_between_levels_are_interpolated_and_beyond_them_the_outermost() -> None:
    told = Quantiles((0.1, 0.5, 0.9), np.array([[1.0], [3.0], [9.0]]))
    found = [float(told.at(level)[0]) for level in (0.01, 0.1, 0.3, 0.5, 0.7, 0.99)]
    assert found == pytest.approx([1, 1, 2, 3, 6, 9])
    assert (told.is_unsure, float(told.median_w[0])) == (False, 3.0)
    assert Quantiles((0.5,), np.zeros((1, 2)), "only 3 days of history").is_unsure


@pytest.mark.parametrize("levels", [(), (0.0, 0.5), (0.5, 1.0), (0.9, 0.1), (0.5, 0.5), (NAN,)])
def test_levels_must_ascend_between_0_and_1(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="levels of quantiles must ascend between 0 and 1"):
        Quantiles(levels, np.zeros((len(levels), 1)))
