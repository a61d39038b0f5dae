"""The page of people and tags as the server renders it: unknown cards first, then who may charge, and what is held.

The browser tells the interface what is pressed and takes over parts of a new page; every word is from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response

from ems.adapters.web.access.api import access_api
from ems.adapters.web.access.rows import (
    card_row,
    list_row,
    reservation_row,
    searched,
    tag_row,
    waiting_row,
)
from ems.adapters.web.access.shown import places_of, shown_groups, shown_people, shown_tag
from ems.adapters.web.api import FRESH
from ems.adapters.web.needs import needs, visitor
from ems.adapters.web.page import environment, render
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import moment_of
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import time_of
from ems.domain.access.account import Role
from ems.domain.access.admission import Usage
from ems.domain.access.book import AccessBook, AccessMode, Doors
from ems.domain.access.tag import MAX_TAG, Period, Tag
from ems.domain.billing.price_list import PriceList
from ems.domain.site import Site
from ems.ports.controller import AccessDesk, Clock, Live, Operations

_HTML = "text/html; charset=utf-8"
SHOWN = 500
"""Tags on the page; who has more looks for them there."""

SHOWN_CARDS = 5


def access_ways(live: Live, clock: Clock, operations: Operations, desk: AccessDesk) -> tuple[Router, Router]:
    """Everything about who may charge: the interface and the page."""
    return access_api(live, clock, operations, desk), access_pages(live, clock, operations, desk)


def access_pages(live: Live, clock: Clock, operations: Operations, desk: AccessDesk) -> Router:
    """The page of people and tags."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])
    template = environment().get_template("access.html")

    @router.get("/access")
    @router.head("/access")
    async def page(request: Request, words: Annotated[str, Query(max_length=100)] = "") -> Response:
        now, site, book = clock.now().utc, live.state.site, operations.daybook.access
        calendar, told = Calendar(site.zone, time_of(now)), desk.told()
        held = sorted(book.reservations.values(), key=lambda one: (one.starts, one.id))
        lists = operations.daybook.prices.lists.values()
        found = await asyncio.to_thread(_found, book, words)
        # What was spent changes with every sample: it is read where it is written, in the loop.
        tags = [(tag, desk.spent(tag)) for tag in found[:SHOWN]]
        shown = await render(
            template,
            now=calendar.clock(time_of(now)),
            moment=moment_of(calendar),
            operates=(visitor(request).role or Role.VIEWER) >= Role.OPERATOR,
            cards=[card_row(one) for one in desk.cards],
            shown_cards=SHOWN_CARDS,
            endings=desk.endings(),
            reservations=[reservation_row(one, told.get(one.id)) for one in held if one.ends > now],
            waiting=[waiting_row(book, one) for one in book.waiting],
            lists=[list_row(station, one) for station, one in desk.lists().items()],
            **_of_site(site, desk.doors),
            words=words,
            tags=await asyncio.to_thread(_tags, tags, book, (now, calendar, desk.doors.currency)),
            more=max(0, len(found) - SHOWN),
            people=shown_people(book),
            groups=await asyncio.to_thread(shown_groups, book, _priced(tuple(lists))),
        )
        return Response(shown, headers=dict(FRESH), media_type=_HTML)

    return router


def _of_site(site: Site, doors: Doors) -> dict[str, Any]:
    """What the file of the site says."""
    evses = [evse.id for evse in site.evses]
    return {
        "site": site.name,
        "zone": site.zone.key,
        "currency": doors.currency,
        "mode": _mode(doors, evses),
        "evses": evses,
        "places": places_of(site),
        "periods": [period.value for period in Period],
        "most_characters": MAX_TAG,
    }


def _found(book: AccessBook, words: str) -> list[Tag]:
    """Tags in which such words are, by id."""
    wanted = words.strip().casefold()
    return [tag for _, tag in sorted(book.tags.items()) if not wanted or wanted in searched(book, tag)]


def _tags(
    spent: Sequence[tuple[Tag, Usage]], book: AccessBook, seen: tuple[datetime, Calendar, str]
) -> list[dict[str, Any]]:
    """Tags with what was spent of each, as they are seen now."""
    now, calendar, currency = seen
    rows = (tag_row(tag, usage, currency) for tag, usage in spent)
    return [shown_tag(row, book, time_of(now), calendar.moment_or_date, currency) for row in rows]


def _priced(lists: Sequence[PriceList]) -> Mapping[str, Sequence[str]]:
    """The price lists that name each group."""
    found: dict[str, list[str]] = {}
    for one in lists:
        for group in one.groups:
            found.setdefault(group, []).append(one.title)
    return found


def _mode(doors: Doors, evses: list[str]) -> str:
    """Who may charge, in a sentence."""
    free = [evse for evse in evses if doors.mode_of(evse) is AccessMode.FREE]
    if len(free) == len(evses):
        return "Everybody may charge here, with or without a tag; tags say who it is. The site file says so: access."
    if not free:
        return "Only tags that are known here may charge."
    return f"Only tags that are known here may charge, but everybody at {', '.join(free[:8])}."
