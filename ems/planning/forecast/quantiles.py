"""A forecast as quantiles, and the quantiles of weighted samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EIGHTY_PERCENT = (0.1, 0.5, 0.9)
"""Levels of a median and an interval that holds eight of ten."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """For each interval of a horizon the levels below which the mean power falls so often, W.

    `values_w[l, i]` belongs to `levels[l]` (ascending) and interval `i`; never NaN, ascending in `l`. `why` says in
    words what is doubtful, and is empty if nothing is.
    """

    levels: tuple[float, ...]
    values_w: Floats
    why: str = ""

    def __post_init__(self) -> None:
        check_levels(self.levels)
        if self.values_w.ndim != 2 or len(self.values_w) != len(self.levels):
            raise ValueError(f"{len(self.levels)} levels, but values of shape {self.values_w.shape}")

    @property
    def is_unsure(self) -> bool:
        """Whether a plan should not build on this."""
        return bool(self.why)

    @property
    def median_w(self) -> Floats:
        """The middle of each interval's distribution."""
        return self.at(0.5)

    def at(self, level: float) -> Floats:
        """Each interval's value at `level`; linear between the levels held, the outermost beyond them."""
        return between_levels(self.levels, self.values_w, level)


def check_levels(levels: Sequence[float]) -> None:
    """Raises ValueError unless levels ascend between 0 and 1."""
    if not levels or any(not 0.0 < level < 1.0 for level in levels) or list(levels) != sorted(set(levels)):
        raise ValueError(f"levels of quantiles must ascend between 0 and 1, got {tuple(levels)}")


def between_levels(levels: Sequence[float], values: Floats, level: float) -> Floats:
    """Rows of `values` interpolated at `level`."""
    upper = int(np.searchsorted(levels, level))
    if upper == 0:
        return np.asarray(values[0])
    if upper == len(levels):
        return np.asarray(values[-1])
    share = (level - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
    between: Floats = values[upper - 1] * (1.0 - share) + values[upper] * share
    return between


def weighted_quantiles(samples: Floats, weights: Floats, levels: Sequence[float]) -> Floats:
    """Quantiles down the columns of `samples[sample, column]`; NaN in a column where nothing has weight.

    A sample that is NaN weighs nothing. The i-th of n equal samples stands at i/(n+1), so that a new value falls
    between two levels as often as they promise even if n is small (Weibull's positions; for unequal weights n is
    Kish's effective number). Beyond the outermost samples it stays there.
    """
    if not len(samples):
        return np.full((len(levels), samples.shape[1]), np.nan)
    weighing = np.where(np.isfinite(samples), weights, 0.0)
    order = np.argsort(np.where(weighing > 0.0, samples, np.inf), axis=0, kind="stable")
    values = np.take_along_axis(samples, order, axis=0)
    ranked = np.take_along_axis(weighing, order, axis=0)
    position = np.where(ranked > 0.0, _positions(ranked), np.nan)
    rows = np.empty((len(levels), samples.shape[1]))
    for row, level in enumerate(levels):
        rows[row] = _at_level(values, position, level)
    return rows


def ascending_quantiles(values: Floats, weights: Floats, levels: Sequence[float]) -> tuple[Floats, float]:
    """The same of one ascending row in which every sample has weight; and its effective number of samples."""
    found: Floats = np.interp(levels, _positions(weights), values)
    return found, float(np.square(weights.sum()) / np.square(weights).sum())


def _positions(weights: Floats) -> Floats:
    """At which level each of the samples that ascend down the rows stands."""
    until = np.cumsum(weights, axis=0)
    total, square = until[-1], np.square(weights).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        effective = np.square(total) / square
        place: Floats = 0.5 + ((until - 0.5 * weights) / total - 0.5) * (effective / (effective + 1.0))
    return place


def _at_level(values: Floats, position: Floats, level: float) -> Floats:
    """Between the last sample below `level` and the next, column by column; those without weight come last."""
    below = (position < level).sum(axis=0) - 1
    last = np.isfinite(position).sum(axis=0) - 1
    low, high = np.maximum(below, 0), np.clip(below + 1, 0, np.maximum(last, 0))
    columns = np.arange(values.shape[1])
    first, then = position[low, columns], position[high, columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(then > first, (level - first) / (then - first), 0.0)
        found: Floats = values[low, columns] + share * (values[high, columns] - values[low, columns])
    return np.where(last >= 0, found, np.nan)
