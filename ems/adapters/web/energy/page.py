"""The page of what is known of energy prices and the carbon intensity of the grid: how far it reaches, day by day, with
what is missing; a table is read before it is taken, and what was pushed is taken back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from ems.adapters.web.needs import needs
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import Sheet
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import plain, time_of
from ems.domain.access.account import Role
from ems.domain.energy.price_push import SERIES_KEPT, KnownSeries
from ems.domain.energy.price_series import PriceSeries
from ems.ports.energy import EnergyPrices

SHOWN = 70
"""Days of a series on the page; the interface has all."""

HOUR_S = 3600


def series_pages(sheet: Sheet, prices: EnergyPrices) -> Router:
    """The page at `/series`."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])

    @router.get("/series")
    @router.head("/series")
    async def page(request: Request) -> Response:
        known, doubts = await prices.known()
        site = sheet.live.state.site
        rows = await asyncio.to_thread(
            lambda: [_series(one, site.currency, site.zone, sheet.calendar()) for one in known]
        )
        said = [plain(text) for text in doubts]
        return await sheet.page(request, "series.html", rows=rows, doubts=said, kept_days=SERIES_KEPT.days)

    return router


def _series(one: KnownSeries, currency: str, zone: ZoneInfo, calendar: Calendar) -> dict[str, Any]:
    days = list(_days(one, zone))
    return {
        "name": plain(one.name),
        "what": "the carbon intensity of the grid, for reports" if one.in_ else "prices of energy, for the tariff",
        "unit": f"{one.in_ or currency}/kWh",
        "example": "start;intensity_g_kwh" if one.in_ else f"start;price_{currency.lower()}_mwh",
        "known": _span(one.prices, calendar),
        "count": len(one.prices.points),
        "pushed": _span(one.pushed, calendar),
        "pushed_count": len(one.pushed.points),
        "days": days[-SHOWN:][::-1],
        "more": max(0, len(days) - SHOWN),
    }


def _span(series: PriceSeries, calendar: Calendar) -> str:
    """From when till when, empty where nothing is known."""
    if series.begin is None or series.end is None:
        return ""
    return f"from {calendar.date(time_of(series.begin))} until {calendar.date(time_of(series.end))}"


def _days(one: KnownSeries, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    """Every day between the first and the last value, on the clock of the site."""
    if one.prices.begin is None or one.prices.end is None:
        return
    day, last = (at.astimezone(zone).date() for at in (one.prices.begin, one.prices.end - timedelta(seconds=1)))
    pushed = {point.begin_s for point in one.pushed.points}
    points, i = one.prices.points, 0
    while day <= last:
        begin_s, end_s = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
        while i < len(points) and points[i].end_s <= begin_s:
            i += 1
        k = i
        while k < len(points) and points[k].begin_s < end_s:
            k += 1
        within = [(min(p.end_s, end_s) - max(p.begin_s, begin_s), p.per_kwh) for p in points[i:k]]
        told = {point.begin_s in pushed for point in points[i:k]}
        yield _day(day, end_s - begin_s, within, "" if not told else "both" if len(told) > 1 else _origin(told.pop()))
        day += timedelta(days=1)


def _origin(is_pushed: bool) -> str:
    return "pushed" if is_pushed else "file"


def _day(day: date, length_s: int, within: Sequence[tuple[int, float]], origin: str) -> dict[str, Any]:
    """`within`: of each value for how long it counts that day, s, and what it is."""
    known_s = sum(seconds for seconds, _ in within)
    values = [value for _, value in within]
    mean = sum(seconds * value for seconds, value in within) / known_s if known_s else None
    return {
        "date": f"{day:%a %d %b %Y}",
        "count": len(within),
        "missing": "" if known_s >= length_s else f"{(length_s - known_s) / HOUR_S:g} h",
        "low": "–" if mean is None else f"{min(values):.4g}",
        "mean": "–" if mean is None else f"{mean:.4g}",
        "high": "–" if mean is None else f"{max(values):.4g}",
        "origin": origin,
    }


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp())
