"""The sun: what a PV plant produces.

There is no model of the plant or its place. What it gave at best at each time of day (UTC) during the last weeks is
its clear sky; forecast is the measured share of it, which analog days continue from the last hour. Where the clear
sky is next to nothing it is night, and a forecast of night is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from ems.planning.forecast.analogs import Manner
from ems.planning.forecast.course import Course, forecast_course
from ems.planning.forecast.load import recent_days
from ems.planning.forecast.quantiles import EIGHTY_PERCENT, Floats, Quantiles
from ems.planning.forecast.series import LocalDays, Series

SUN = Manner(
    days=28, half_life_days=10.0, recent_h=1.0, fade_h=4.0, prior_days=5.0, by_weekday=False, hold_h=20.0
)  # fmt: skip
CLEAR_DAYS = 28
CLEAR_LEVEL = 0.95
NIGHT = 0.02
"""Less than this share of the best time of day is night."""
BRIGHTEST = 1.2
"""Share of the clear sky above which nothing is believed: clouds at their edge mirror, and days lengthen."""
ENOUGH_DAYS = 8


def forecast_pv(
    history: Series, now: datetime, edges: Sequence[datetime], levels: Sequence[float] = EIGHTY_PERCENT
) -> Quantiles:
    """Quantiles of a plant's mean production between `edges`, W, never negative.

    `history` is production, positive; what its meter shows below zero (an inverter's own use at night) counts as 0.
    NaN where it was not measured; what had not ended by `now` is not looked at. `edges` ascend from `now` on,
    ValueError else.
    """
    measured = recent_days(history, now, SUN.days, UTC)
    produced = measured._replace(mean_w=np.maximum(measured.mean_w, 0.0))
    clear_w = clear_sky_w(produced)
    share = produced._replace(mean_w=_shares(produced, clear_w))
    course = Course(share, clear_w, UTC, SUN, 1, ENOUGH_DAYS, least=0.0, most=BRIGHTEST)
    return forecast_course(course, now, edges, levels)


def clear_sky_w(produced: LocalDays) -> Floats:
    """For each step of a UTC day what the plant gave at best in the last weeks, W; 0 at night and where unknown."""
    per_day = produced.per_day
    end = produced.first + len(produced.mean_w)
    cells = np.arange(end - CLEAR_DAYS * per_day, end)
    days = produced.at(cells).reshape(CLEAR_DAYS, per_day)
    dark = np.where(np.isfinite(days), days, -np.inf)
    count = np.isfinite(days).sum(axis=0)
    ranked = np.sort(dark, axis=0)[::-1]
    place = np.floor((1.0 - CLEAR_LEVEL) * count).astype(np.int64)
    best = np.where(count > 0, ranked[place, np.arange(per_day)], 0.0)
    clear = np.zeros(per_day)
    clear[cells[:per_day] % per_day] = best
    if not clear.any():
        return clear
    day: Floats = np.where(clear >= NIGHT * clear.max(), clear, 0.0)
    return day


def _shares(produced: LocalDays, clear_w: Floats) -> Floats:
    cells = produced.first + np.arange(len(produced.mean_w))
    clear = clear_w[cells % produced.per_day]
    share: Floats = np.where(clear > 0.0, produced.mean_w / np.where(clear > 0.0, clear, 1.0), np.nan)
    return share
