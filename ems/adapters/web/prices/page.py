"""The page of what drivers pay: every price list in words with what 30 kWh cost by it, and where which of them counts.

What is changed here goes through the interface, which says no with words; two people who change the same are told
(If-Match).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from fastapi import Request, Response

from ems.adapters.web.described import etag_of
from ems.adapters.web.needs import needs
from ems.adapters.web.prices.rows import price_list_row
from ems.adapters.web.prices.shape import PriceListRow
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import Sheet
from ems.adapters.web.values import plain
from ems.domain.access.account import Role
from ems.domain.billing.money import major
from ems.domain.billing.price_list import Fee, PriceList, Unit, chosen, quoted
from ems.domain.billing.receipt import receipt
from ems.domain.billing.usage import supposed
from ems.domain.daybook import Daybook
from ems.domain.departure import days_in_words
from ems.domain.limit import WEEKDAYS
from ems.domain.recurrence import DayWindow, MonthDay
from ems.domain.site import Site
from ems.ports.controller import Operations

SAMPLE_WH, SAMPLE_W = 30_000.0, 11_000.0
LEAP_YEAR = 2024
UNITS = {
    Unit.KWH: "kWh",
    Unit.MINUTE: "minute plugged in",
    Unit.IDLE_MINUTE: "idle minute",
    Unit.SESSION: "session",
}


def price_pages(sheet: Sheet, operations: Operations) -> Router:
    """The page at `/price-lists`."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])

    @router.get("/price-lists")
    @router.head("/price-lists")
    async def page(request: Request) -> Response:
        book, site, now = operations.daybook, sheet.live.state.site, sheet.clock.now().utc
        values = await asyncio.to_thread(_values, book, site, now)
        return await sheet.page(request, "price_lists.html", **values)

    return router


def _values(book: Daybook, site: Site, now: datetime) -> dict[str, Any]:
    lists = [book.prices.lists[name] for name in sorted(book.prices.lists)]
    groups = {group: group for prices in lists for group in prices.groups}
    groups |= {one.id: plain(one.label) for one in book.access.groups.values()}
    return {
        "rows": [_row(prices, site, now) for prices in lists],
        "places": list(_places(lists, site, now)),
        "groups": sorted(groups.items()),
        "evses": [evse.id for evse in site.evses],
        "units": [(unit.value, words) for unit, words in UNITS.items()],
        "currency": site.currency,
    }


def _row(prices: PriceList, site: Site, now: datetime) -> dict[str, Any]:
    row, today = price_list_row(prices), now.astimezone(site.zone).date()
    made = receipt(supposed("", now, SAMPLE_WH, SAMPLE_W, 0.0), prices, site.zone)
    last = prices.validity.last
    return {
        "id": prices.id,
        "title": plain(prices.title),
        "etag": etag_of(row),
        "is_over": last is not None and last < today,
        "scope": "; ".join(_scope(prices)),
        "fees": [
            {"price": said["price"], "unit": UNITS[fee.unit], "when": ", ".join(_times(fee))}
            for fee, said in zip(prices.fees, row["fees"], strict=True)
        ],
        "terms": "; ".join(_terms(prices, row)),
        "sample": str(major(made.total, prices.currency)),
        "currency": prices.currency,
    }


def _scope(prices: PriceList) -> Iterator[str]:
    """For whom, where and when it counts."""
    yield f"for {', '.join(prices.groups)}" if prices.groups else "for everybody"
    yield f"at {', '.join(prices.evses)}" if prices.evses else "at every EVSE"
    first, last = prices.validity.first, prices.validity.last
    if first is not None:
        yield f"from {_day(first)}"
    if last is not None:
        yield f"until {_day(last)}"


def _times(fee: Fee) -> Iterator[str]:
    """When it is so: seasons, and times of day in them; nothing for always."""
    if fee.times.seasons:
        yield " and ".join(f"{_month_day(one.first)} to {_month_day(one.last)}" for one in fee.times.seasons)
    if fee.times.windows:
        yield " and ".join(map(_window, fee.times.windows))


def _window(window: DayWindow) -> str:
    days = "" if len(window.days) == len(WEEKDAYS) else f"{days_in_words(window.days)} "
    return f"{days}{window.since:%H:%M} to {window.until:%H:%M}"


def _terms(prices: PriceList, row: PriceListRow) -> Iterator[str]:
    """Tax, idle time, and how a card pays."""
    yield f"{row['vat_percent']} % VAT inside" if prices.vat_percent else "no VAT"
    if any(fee.unit is Unit.IDLE_MINUTE for fee in prices.fees):
        if prices.idle_grace_min:
            yield f"the first {prices.idle_grace_min} idle minutes are free"
        if row["idle_at_most"] is not None:
            yield f"all idle minutes of a session cost {row['idle_at_most']} {prices.currency} at most"
    if row["hold"] is not None:
        yield f"up to {row['hold']} {prices.currency} are held on a card"
    elif not prices.costs_nothing:
        yield "no card pays, as it names no hold"


def _places(lists: list[PriceList], site: Site, now: datetime) -> Iterator[dict[str, Any]]:
    """What somebody of no group pays who plugs in now, by EVSE; those that are alike together."""
    found: dict[str, list[str]] = {}
    for evse in site.evses:
        prices = chosen(quoted(lists, evse.id, now, site.zone), ())
        found.setdefault("" if prices is None else prices.id, []).append(evse.id)
    titles = {prices.id: plain(prices.title) for prices in lists}
    for name, evses in sorted(found.items()):
        yield {"title": titles.get(name, ""), "evses": evses, "all": len(evses) == len(site.evses)}


def _day(day: date) -> str:
    return f"{day:%d %b %Y}".removeprefix("0")


def _month_day(day: MonthDay) -> str:
    return f"{date(LEAP_YEAR, *day):%d %b}".removeprefix("0")
