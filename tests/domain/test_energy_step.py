"""Energy by the clock of a site: nothing is lost, and days have 23, 24 or 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ems.domain.energy.step import EnergyPoint, Step, in_steps, span_of

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
QUARTER = timedelta(minutes=15)


def quarters(begin: datetime, count: int, wh: int = 100) -> list[EnergyPoint]:
    return [EnergyPoint(begin + k * QUARTER, "evse", "CP-01/1", wh, 4 * wh, 5 * wh, 900) for k in range(count)]


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24), ((2028, 2, 29), 24)]
)
def test_a_day_is_as_long_as_the_clocks_say(day: tuple[int, int, int], hours: int) -> None:
    begin = datetime(*day, tzinfo=BERLIN).astimezone(UTC)
    (found,) = in_steps(quarters(begin, 4 * hours), Step.DAY, BERLIN)
    assert (found.starts, found.energy_wh, found.covered_s) == (begin, 400 * hours, 3600 * hours)
    assert (found.mean_w, found.max_w) == (400, 500)


def test_the_hour_that_comes_twice_is_two_steps() -> None:
    begin = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
    found = list(in_steps(quarters(begin, 16), Step.HOUR, BERLIN))
    assert [f"{one.starts.astimezone(BERLIN):%H:%M %z}" for one in found] == [
        "01:00 +0200", "02:00 +0200", "02:00 +0100", "03:00 +0100",
    ]  # fmt: skip


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("zone", [BERLIN, KOLKATA])
def test_nothing_is_lost_in_any_step(step: Step, zone: ZoneInfo) -> None:
    points = quarters(datetime(2026, 2, 27, 3, 15, tzinfo=UTC), 96 * 40, wh=7)
    found = list(in_steps(points, step, zone))
    assert sum(one.energy_wh or 0 for one in found) == 7 * 96 * 40
    assert [one.starts for one in found] == sorted({one.starts for one in found})
    assert all(span_of(one.starts, step, zone)[0] == one.starts for one in found)


def test_a_month_begins_at_local_midnight() -> None:
    begins, ends = span_of(datetime(2026, 10, 31, 22, 30, tzinfo=UTC), Step.MONTH, BERLIN)
    assert (begins, ends) == (datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC))


def test_what_nobody_measured_stays_unknown() -> None:
    begin = datetime(2026, 6, 1, tzinfo=UTC)
    points = [EnergyPoint(begin, "circuit", "grid", None, None, None, 0), *quarters(begin, 1)]
    unknown, known = in_steps(points, Step.HOUR, BERLIN)
    assert (unknown.energy_wh, unknown.mean_w, known.energy_wh) == (None, None, 100)
