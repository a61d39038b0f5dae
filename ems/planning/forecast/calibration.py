"""How well a forecast did in its own recent past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ems.planning.forecast.quantiles import Floats

ENOUGH = 24
"""With fewer checked values there is no verdict."""

MOST_MISSED = 0.2
"""An interval that held so much less than it promised is not believed."""

WORST_SKILL = -0.1
"""A forecast that lost so much more than seasonal naive is not believed."""

MOST_STRETCH = 2.0


class Calibration(NamedTuple):
    """Of `checks` values: which share lay in the interval and which should have, and the skill.

    `skill` is 1 - loss / loss of seasonal naive: 1 perfect, 0 no better, NaN where there is nothing to compare with.
    `stretch` (≥ 1) is by how much the interval has to be widened about its median to have held what it promised.
    """

    checks: int
    coverage: float
    promised: float
    skill: float
    stretch: float

    def doubt(self) -> str:
        """Why the forecast should not be built on, in words; empty when it did well or could not be checked."""
        if self.checks < ENOUGH:
            return ""
        if self.coverage < self.promised - MOST_MISSED:
            return f"lately only {self.coverage:.0%} fell into the interval that should hold {self.promised:.0%}"
        if self.skill < WORST_SKILL:
            return "lately worse than repeating the same time of an earlier day or week"
        return ""


UNCHECKED = Calibration(0, float("nan"), float("nan"), float("nan"), 1.0)


def calibration(levels: Sequence[float], forecast: Floats, measured: Floats, naive: Floats) -> Calibration:
    """Judge `forecast[level, i]` by `measured[i]` beside `naive[level, i]`; what is NaN in any is left out.

    Values whose interval has no width (the sun at night) prove nothing and are left out as well.
    """
    promised = levels[-1] - levels[0]
    low, middle, high = forecast[0], forecast[len(levels) // 2], forecast[-1]
    known = np.isfinite(measured) & np.isfinite(forecast).all(axis=0) & (high > low)
    count = int(known.sum())
    if not count:
        return UNCHECKED
    low, middle, high, value = low[known], middle[known], high[known], measured[known]
    coverage = float(np.mean((low <= value) & (value <= high)))
    width = np.where(value >= middle, high - middle, middle - low)
    distance = np.abs(value - middle) / np.maximum(width, 1e-9 + 0.05 * (high - low))
    stretch = float(np.clip(np.quantile(distance, promised), 1.0, MOST_STRETCH))
    compared = known & np.isfinite(naive).all(axis=0)
    lost = pinball_loss(levels, naive[:, compared], measured[compared]) if compared.any() else 0.0
    skill = 1.0 - pinball_loss(levels, forecast[:, compared], measured[compared]) / lost if lost > 0 else float("nan")
    return Calibration(count, coverage, promised, skill, stretch)


def pinball_loss(levels: Sequence[float], forecast: Floats, measured: Floats) -> float:
    """Mean over levels and values of the loss that each level's true quantile minimises; at 0.5 half the mean error."""
    error = measured[None, :] - forecast
    level = np.asarray(levels)[:, None]
    return float(np.mean(np.maximum(level * error, (level - 1.0) * error)))


def with_naive_errors(levels: Sequence[float], naive: Floats, errors: Floats) -> Floats:
    """Seasonal naive with an interval: its value plus the quantiles of errors it made."""
    known = errors[np.isfinite(errors)]
    spread = np.quantile(known, levels) if len(known) else np.zeros(len(levels))
    quantiles: Floats = naive[None, :] + np.asarray(spread)[:, None]
    return quantiles
