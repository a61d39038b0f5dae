"""Histories for the tests of this room: days that are known exactly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import numpy as np

from ems.planning.forecast.past_sessions import PastSession
from ems.planning.forecast.series import Series

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2024, 5, 15, 8, 0, tzinfo=UTC)
"""A Wednesday, 10:00 in Berlin."""


def course(
    power_w: Callable[[datetime], float], days: int = 60, step_s: int = 3600, now: datetime = NOW, zone: tzinfo = BERLIN
) -> Series:
    """What was measured on so many days until `now`, from the local begin of each step."""
    begins = now - timedelta(days=days)
    moments = [begins + timedelta(seconds=step_s * k) for k in range(days * 86_400 // step_s)]
    return Series(begins, step_s, np.array([power_w(moment.astimezone(zone)) for moment in moments]))


def office(local: datetime) -> float:
    """10 kW, and 30 kW on workdays between 8 and 18."""
    return 30e3 if local.weekday() < 5 and 8 <= local.hour < 18 else 10e3


def hours(count: int, begin: datetime = NOW) -> list[datetime]:
    """Edges of so many hours."""
    return [begin + timedelta(hours=k) for k in range(count + 1)]


def with_noise(series: Series, share: float = 0.05, seed: int = 1) -> Series:
    """The same with every value off by so much."""
    noise = np.random.default_rng(seed).normal(1.0, share, len(series.mean_w))
    return Series(series.begins, series.step_s, series.mean_w * noise)


def with_future(series: Series, future_w: list[float]) -> Series:
    """The same, going on with these values."""
    return Series(series.begins, series.step_s, np.concatenate([series.mean_w, future_w]))


def visit(day: int, hour: float, stay_h: float, kwh: float, evse: str = "A/1", **said: object) -> PastSession:
    """A session so many days before NOW's (0 is today), at that local hour; `asked_kwh`, `stated_h`, `user`."""
    midnight = NOW.astimezone(BERLIN).replace(hour=0) - timedelta(days=day)
    arrival = (midnight + timedelta(hours=hour)).astimezone(UTC)
    asked, stated = said.get("asked_kwh"), said.get("stated_h")
    assert asked is None or isinstance(asked, int | float)
    assert stated is None or isinstance(stated, int | float)
    user = said.get("user")
    return PastSession(
        evse,
        arrival,
        arrival + timedelta(hours=stay_h),
        1e3 * kwh,
        user=None if user is None else str(user),
        requested_wh=None if asked is None else 1e3 * asked,
        stated_departure=None if stated is None else arrival + timedelta(hours=stated),
    )
