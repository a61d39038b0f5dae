"""The page of people and tags as the server renders it: unknown cards first, then who may charge, and what is held.

The browser tells the interface what is pressed and takes over parts of a new page; every word is from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastapi import Request, Response

from ems.adapters.web.access.api import access_api
from ems.adapters.web.access.rows import (
    card_row,
    list_row,
    people_rows,
    reservation_row,
    tag_row,
    waiting_row,
)
from ems.adapters.web.access.shape import TagRow
from ems.adapters.web.api import FRESH
from ems.adapters.web.described import etag_of
from ems.adapters.web.needs import needs, visitor
from ems.adapters.web.page import environment, render
from ems.adapters.web.route import Router
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import time_of
from ems.domain.access.account import Role
from ems.domain.access.book import AccessMode, Doors
from ems.domain.access.tag import as_reported
from ems.ports.controller import AccessDesk, Clock, Live, Operations

_HTML = "text/html; charset=utf-8"
SHOWN = 500
"""Tags on the page; who has more looks for them in the list."""

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
    async def page(request: Request) -> Response:
        now, site = clock.now().utc, live.state.site
        calendar, book, told = Calendar(site.zone, time_of(now)), operations.daybook.access, desk.told()
        moment = _moment(calendar)
        tags = [tag_row(tag, desk.spent(tag), desk.doors.currency) for _, tag in sorted(book.tags.items())[:SHOWN]]
        names = {one.id: one.label for one in book.people.values()}
        held = sorted(book.reservations.values(), key=lambda one: (one.starts, one.id))
        shown = await render(
            template,
            site=site.name,
            zone=site.zone.key,
            now=calendar.clock(time_of(now)),
            moment=moment,
            operates=(visitor(request).role or Role.VIEWER) >= Role.OPERATOR,
            cards=[card_row(one) for one in desk.cards],
            shown_cards=SHOWN_CARDS,
            endings=desk.endings(),
            mode=_mode(desk.doors, [evse.id for evse in site.evses]),
            tags=[_shown(row, names, time_of(now), moment, desk.doors.currency) for row in tags],
            more=max(0, len(book.tags) - SHOWN),
            people=people_rows(book),
            reservations=[reservation_row(one, told.get(one.id)) for one in held if one.ends > now],
            waiting=[waiting_row(book, one) for one in book.waiting],
            lists=[list_row(station, one) for station, one in desk.lists().items()],
            evses=[evse.id for evse in site.evses],
        )
        return Response(shown, headers=dict(FRESH), media_type=_HTML)

    return router


def _mode(doors: Doors, evses: list[str]) -> str:
    """Who may charge, in a sentence."""
    free = [evse for evse in evses if doors.mode_of(evse) is AccessMode.FREE]
    if len(free) == len(evses):
        return "Everybody may charge here, with or without a tag; tags say who it is. The site file says so: access."
    if not free:
        return "Only tags that are known here may charge."
    return f"Only tags that are known here may charge, but everybody at {', '.join(free[:8])}."


def _shown(
    row: TagRow, names: Mapping[str, str], now: str, moment: Callable[[str | None], str], currency: str
) -> dict[str, Any]:
    person = "" if row["person"] is None else names.get(row["person"], "")
    about = [person, *_limits(row, moment, currency)]
    return {
        "row": row,
        "reported": as_reported(row["id"]),
        "name": row["name"] or person or row["id"],
        "about": "; ".join(part for part in about if part) or "anywhere at any time",
        "over": row["valid_to"] is not None and row["valid_to"] <= now,
        "words": f"{row['id']} {row['name']} {person} {row['person'] or ''} {' '.join(row['groups'])}".casefold(),
        "etag": etag_of(row),
    }


def _limits(row: TagRow, moment: Callable[[str | None], str], currency: str) -> Iterator[str]:
    """What limits a tag, in a few words."""
    if row["groups"]:
        yield f"in {', '.join(row['groups'])}"
    if row["valid_from"] is not None:
        yield f"from {moment(row['valid_from'])}"
    if row["valid_to"] is not None:
        yield f"until {moment(row['valid_to'])}"
    if row["places"]:
        yield f"at {', '.join(row['places'][:5])}"
    if row["hours"]:
        yield " and ".join(row["hours"])
    if row["budget_kwh"] is not None:
        spent = "" if row["spent_kwh"] is None else f"{row['spent_kwh']:.1f} of "
        yield f"{spent}{row['budget_kwh']:g} kWh a {row['budget_period']}"
    if row["budget_cost"] is not None:
        yield f"{row['spent_cost']} of {row['budget_cost']} {currency} a {row['budget_period']}"
    if row["priority"] is not None:
        yield f"priority {row['priority']}"
    if row["at_once"] != 1:
        yield "at any number of places at once" if row["at_once"] == 0 else f"at {row['at_once']} places at once"


def _moment(calendar: Calendar) -> Callable[[str | None], str]:
    return lambda at: "" if at is None else calendar.moment(at)
