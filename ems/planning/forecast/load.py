"""The building: what a metered circuit carries besides vehicles."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta, tzinfo

import numpy as np

from ems.planning.forecast.analogs import Manner
from ems.planning.forecast.course import CHECKED_DAYS, Course, forecast_course
from ems.planning.forecast.quantiles import EIGHTY_PERCENT, Quantiles
from ems.planning.forecast.series import LocalDays, Series, local_days

BUILDING = Manner(days=56, half_life_days=14.0, recent_h=1.0, fade_h=24.0, prior_days=5.0, by_weekday=True)
WEEK = 7
ENOUGH_DAYS = 15
"""Two of the same weekday, and today."""


def forecast_load(
    history: Series,
    now: datetime,
    edges: Sequence[datetime],
    zone: tzinfo,
    levels: Sequence[float] = EIGHTY_PERCENT,
    holidays: Collection[date] = (),
) -> Quantiles:
    """Quantiles of a building's mean power between `edges`, W, from days of the same kind and the last hours.

    `history` may have gaps (NaN) and may be negative where a building feeds back; what had not ended by `now` is not
    looked at. `holidays` (past and coming, local dates) count as Sundays. `edges` ascend from `now` on, ValueError
    else.
    """
    past = recent_days(history, now, BUILDING.days, zone)
    course = Course(past, np.ones(past.per_day), zone, BUILDING, WEEK, ENOUGH_DAYS, holidays=holidays)
    return forecast_course(course, now, edges, levels)


def recent_days(history: Series, now: datetime, days: int, zone: tzinfo) -> LocalDays:
    """As much of the past as forecasts by so many days, and their check, can use."""
    since = now - timedelta(days=days + CHECKED_DAYS + 1)
    return local_days(history.until(now).since(since), zone)
