"""What drivers report: kept, in the audit, and an alarm until somebody has seen to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ems.domain.alarm.condition import Condition
from ems.domain.decision import Level
from ems.domain.driver.sticker import MAX_REPORT, Report, Trouble
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, NotStoredError
from ems.ports.drivers import StickerBook

log = logging.getLogger(__name__)

MOST, MOST_OPEN = 2000, 50
REPORT = "driver-report"
"""What alarms call a report of a driver."""

Audit = Callable[[datetime, str, str, Mapping[str, Any]], None]


class ReportDesk:
    """Takes reports and has them closed."""

    def __init__(self, book: StickerBook, clock: Clock, audit: Audit) -> None:
        self._book, self._clock, self._audit = book, clock, audit
        self._open: dict[int, Report] = {}
        self._has_read = False
        self._last_number = 0

    async def report(self, evse: str, trouble: Trouble, text: str) -> None:
        """A driver found something wrong."""
        now = self._clock.now().utc
        plain = "".join(c if c.isprintable() else " " for c in text)[:MAX_REPORT].strip()
        number = self._last_number = max(self._last_number + 1, int(now.timestamp() * 1000))
        told = Report(number, now, evse, trouble, plain)
        await self._book.report(told)
        if len(self._open) < MOST_OPEN:
            self._open[number] = told
        self._audit(
            now, f"driver at {evse}", "TroubleReported", {"evse": evse, "trouble": trouble.value, "text": plain}
        )
        log.warning("drivers.report evse=%s trouble=%s", evse, trouble.value)

    async def reports(self, most: int) -> Sequence[Report]:
        """The newest reports, open ones first."""
        return await self._book.reports(most)

    async def close(self, number: int, who: str) -> None:
        """Somebody has seen to a report."""
        known = next((one for one in await self.reports(MOST) if one.number == number), None)
        if known is None:
            raise UnknownError("there is no such report")
        if known.closed is None:
            await self._book.report(replace(known, closed=self._clock.now().utc, closed_by=who[:100]))
            self._open.pop(number, None)
            self._audit(
                self._clock.now().utc, who, "ReportClosed", {"evse": known.evse, "trouble": known.trouble.value}
            )

    def troubles(self) -> Iterator[Condition]:
        """What drivers report and nobody has seen to, for those who watch over alarms."""
        now = self._clock.now()
        for number, one in self._open.items():
            text = f"a driver at {one.evse} reports: {one.trouble.value.replace('-', ' ')}"
            detail = f"{text} ({one.text[:100]})" if one.text else text
            began_s = now.monotonic_at(one.at)
            key, remedy = f"{REPORT}:{number}", "see to it, then close the report on the page of stickers"
            yield Condition(key, REPORT, one.evse, Level.NORMAL, detail, remedy, one.evse, began_s)

    async def catch_up(self) -> None:
        """Read what the runs before left open; once that went well, nothing."""
        if self._has_read:
            return
        try:
            found = await self.reports(MOST_OPEN)
        except NotStoredError:
            return
        self._open = {one.number: one for one in reversed(found) if one.closed is None} | self._open
        self._has_read = True
