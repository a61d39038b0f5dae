"""What control saved this month, for the first page: counted from the report once a day, when another day is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from ems.ports.controller import Clock
from ems.ports.reports import NoReportError, Reports, Saved
from ems.statistics.period import Every, Period
from ems.statistics.report import Report

log = logging.getLogger(__name__)

FIRST_S, LOOK_S = 90.0, 600.0
"""A daemon that has just started has better things to do."""


class Savings:
    """A `Service`. `latest` None: the site has no tariff, or nothing has been counted yet."""

    name = "savings"

    def __init__(self, reports: Reports, zone: Callable[[], ZoneInfo], clock: Clock) -> None:
        self._reports, self._zone, self._clock = reports, zone, clock
        self._period: Period | None = None
        self.latest: Saved | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Count, if another day is over."""
        zone = self._zone()
        period = finished(self._clock.now().utc.astimezone(zone).date(), zone)
        if period == self._period:
            return
        try:
            self.latest = saved_of(await self._reports.report(period))
        except NoReportError as failed:
            log.warning("savings.not-counted cause=%r", str(failed))
        self._period = period


def finished(today: date, zone: ZoneInfo) -> Period:
    """The days of the month that are over; on its first day the month before."""
    yesterday = today - timedelta(days=1)
    return Period(Period.around(yesterday, Every.MONTH, zone).first, yesterday, zone)


def saved_of(report: Report) -> Saved | None:
    """What a report says was saved."""
    figures = report.sheet("figures")
    rows = () if figures is None else figures.records()
    amount = next((row["value"] for row in rows if row["name"] == "saved"), None)
    if not isinstance(amount, Decimal):
        return None
    return Saved(amount, report.currency, report.period.first, report.period.last)
