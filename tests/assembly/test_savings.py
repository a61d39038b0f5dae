"""What control saved is counted once a day, of the days of the month that are over."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ems.assembly.savings import Savings, finished, saved_of
from ems.domain.instant import Instant
from ems.ports.reports import NoReportError, Saved
from ems.statistics.period import Period
from ems.statistics.report import Report, report_of
from tests.statistics.month import FACTS, OCTOBER, PAST

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("today", "days"),
    [
        (date(2026, 10, 2), "2026-10-01"),
        (date(2026, 10, 31), "2026-10-01 to 2026-10-30"),
        (date(2026, 11, 1), "2026-10"),
        (date(2027, 1, 1), "2026-12"),
    ],
)
def test_of_the_days_that_are_over(today: date, days: str) -> None:
    assert str(finished(today, BERLIN)) == days


def test_it_is_what_the_report_says() -> None:
    report = report_of(PAST, FACTS)
    saved = saved_of(report)
    sheet = report.sheet("comparison")
    assert saved is not None
    assert sheet is not None
    assert (saved.first, saved.last, saved.currency) == (OCTOBER.first, OCTOBER.last, "EUR")
    assert saved.amount == next(row["saved"] for row in sheet.records() if row["figure"] == "Bill of the site: total")


class Desk:
    """Makes reports of October, and counts them; a clock besides."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 1, 8, tzinfo=UTC)
        self.asked: list[str] = []
        self.fails = False

    def now(self) -> Instant:
        return Instant(0.0, self.at)

    async def report(self, period: Period) -> Report:
        self.asked.append(str(period))
        if self.fails:
            raise NoReportError("no disk")
        return report_of(PAST, FACTS)


def test_once_a_day_also_when_it_fails() -> None:
    desk = Desk()
    savings = Savings(desk, lambda: BERLIN, desk)  # type: ignore[arg-type]  # makes reports, and nothing else

    async def scenario() -> None:
        for _ in range(3):
            await savings.look()
        assert desk.asked == ["2026-10"]
        assert isinstance(savings.latest, Saved)
        assert isinstance(savings.latest.amount, Decimal)
        desk.at, desk.fails = datetime(2026, 11, 2, 8, tzinfo=UTC), True
        for _ in range(3):
            await savings.look()
        assert desk.asked == ["2026-10", "2026-11-01"]

    asyncio.run(scenario())
