"""The demand of the window that runs, and the highest one before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ems.domain.demand import Demand, demand_of
from ems.domain.record.past import QuarterMeans

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def demand(
    means: dict[float, float], now: float, open_s: float, open_w: float | None, interval_s: int = 900,
    grid_w: float | None = None, zone: ZoneInfo = BERLIN,
) -> Demand:  # fmt: skip
    """Quarter hours by the minute after noon in which they began, W."""
    quarters = tuple((minutes(at), watts) for at, watts in means.items())
    running = QuarterMeans(quarters, minutes(now // 15 * 15), open_s, open_w)
    return demand_of(running, interval_s, zone, minutes(now), grid_w)


@pytest.mark.parametrize(
    ("told", "begins", "mean_w", "expected_w", "peak_w", "peak_at"),
    [
        pytest.param(demand({}, 5, 0, None), 0, None, None, None, None, id="nothing known"),
        pytest.param(demand({}, 5, 300, 6e3, grid_w=12e3), 0, 6e3, 10e3, None, None, id="goes on as now"),
        pytest.param(demand({}, 5, 300, 6e3), 0, 6e3, 6e3, None, None, id="no reading now"),
        pytest.param(demand({-30: 4e3, -15: 9e3}, 3, 180, 1e3, grid_w=1e3), 0, 1e3, 1e3, 9e3, -15, id="a peak before"),
        pytest.param(
            demand({-60: 8e3, -45: 0, -30: 0, -15: 0, 0: 6e3, 15: 2e3}, 40, 600, 4e3, 3600, 4e3),
            0, 4e3, 4e3, 2e3, -60, id="of an hour",
        ),
        pytest.param(demand({-15: -5e3}, 5, 300, -6e3, grid_w=-6e3), 0, 0, 0, 0, -15, id="what is fed in"),
        pytest.param(
            demand({0: 6e3}, 20, 300, 3e3, 3600, 3e3, KATHMANDU), 15, 3e3, 3e3, 1.5e3, -45,
            id="hours begin at a quarter past elsewhere",
        ),
    ],
)  # fmt: skip
def test_demand(
    told: Demand,
    begins: float,
    mean_w: float | None,
    expected_w: float | None,
    peak_w: float | None,
    peak_at: float | None,
) -> None:
    assert told.begins == minutes(begins)
    assert told.mean_w == (None if mean_w is None else pytest.approx(mean_w))
    assert told.expected_w == (None if expected_w is None else pytest.approx(expected_w))
    assert told.peak_w == (None if peak_w is None else pytest.approx(peak_w))
    assert told.peak_at == (None if peak_at is None else minutes(peak_at))
