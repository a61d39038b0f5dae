"""Which period somebody asks for."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query

from ems.statistics.period import Every, Period

Month = Annotated[str | None, Query(max_length=7, description="A month as 2026-10; the last whole one unless said")]
First = Annotated[date | None, Query(alias="from", description="The first day, in place of a month")]
Last = Annotated[date | None, Query(alias="to", description="The last day, which counts too")]


def period_of(month: str | None, first: date | None, last: date | None, now: datetime, zone: ZoneInfo) -> Period:
    """The period that is meant. Raises ValueError."""
    if month is not None and (first is not None or last is not None):
        raise ValueError("say a month, or from and to, not both")
    if month is not None:
        return Period.month(month, zone)
    today = now.astimezone(zone).date()
    if first is None and last is None:
        return Period.around(today, Every.MONTH, zone).before(Every.MONTH)
    if first is None:
        raise ValueError("say from which day: from=2026-10-01")
    found = Period(first, last or max(today, first), zone)
    if not 2000 <= found.first.year <= found.last.year <= 2200:
        raise ValueError("these are no days of our time")
    return found
