"""The page of roaming partners: how it stands with each, and the token that is handed over once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path, Request, Response

from ems.adapters.web.accounts.login import to
from ems.adapters.web.api import FRESH
from ems.adapters.web.deed import who
from ems.adapters.web.entrance import COOKIE, csrf_of, form
from ems.adapters.web.needs import needs, visitor
from ems.adapters.web.page import environment, render
from ems.adapters.web.problem import problem
from ems.adapters.web.roaming.api import partners_api
from ems.adapters.web.roaming.door import roaming_door
from ems.adapters.web.roaming.rows import partner_rows, record_row
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import HTML, Sheet
from ems.adapters.web.texts import Calendar
from ems.domain.access.account import Role
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live, NotStoredError
from ems.ports.roaming import Partners, RoamingDoor

RECORDS = 10
"""Records that are shown of a partner."""

Name = Annotated[str, Path(max_length=100)]
DONE = {
    "registered": "Both sides have new tokens.",
    "unregistered": "You have parted: no token is good any more.",
    "fetched": "The tokens are fetched.",
    "credited": "The record is taken back by another one.",
}
"""What was done, by the word that the address names it with."""


def roaming_ways(live: Live, clock: Clock, partners: Partners, door: RoamingDoor) -> tuple[Router, ...]:
    """Where partners ask, the interface, and the page."""
    return roaming_door(door), partners_api(partners), partner_pages(Sheet(live, clock), partners)


def partner_pages(sheet: Sheet, partners: Partners) -> Router:
    """The page at `/partners`."""
    router = Router(include_in_schema=False)

    async def shown(
        request: Request, status: int = 200, *, why: str = "", secret: str = "", for_whom: str = ""
    ) -> Response:
        calendar, rows = sheet.calendar(), partner_rows(partners)
        found = {row["id"]: await partners.records(row["id"], RECORDS) for row in rows["partners"]}
        values: dict[str, Any] = {
            **sheet.frame(visitor(request).role or Role.VIEWER),
            "csrf": csrf_of(request.cookies.get(COOKIE, "")),
            "versions_url": rows["versions_url"],
            "unsaid": rows["unsaid"],
            "partners": rows["partners"],
            "records": {name: [record_row(one) for one in told] for name, told in found.items()},
            "state": _states(rows["partners"], calendar),
            "done": DONE.get(request.query_params.get("done", ""), ""),
            "why": f"{why[:1].upper()}{why[1:]}." if why else "",
            "secret": secret,
            "for_whom": for_whom,
        }
        page = await render(environment().get_template("partners.html"), **values)
        return Response(page, status, FRESH, HTML)

    @router.get("/partners", dependencies=[needs(Role.INSTALLER)])
    async def page(request: Request) -> Response:
        try:
            return await shown(request)
        except NotStoredError as wrong:
            return problem(503, str(wrong), "not-stored")

    @router.post("/partners/{name}", dependencies=[needs(Role.INSTALLER, takes_form=True, waits=True)])
    async def change(name: Name, request: Request) -> Response:
        told = form(request)
        try:
            if told.get("do") == "invite":
                token = await partners.invite(name, who(request))
                return await shown(request, secret=token, for_whom=name)
            return to(f"/partners?done={await _changed(partners, name, told, who(request))}")
        except UnknownError as wrong:
            return await shown(request, 404, why=str(wrong))
        except ValueError as wrong:
            return await shown(request, 422, why=str(wrong))
        except NotStoredError as wrong:
            text = f"nothing has changed, because it could not be stored: {wrong}"
            return await shown(request, 503, why=text)

    return router


async def _changed(partners: Partners, name: str, told: Mapping[str, str], asking: str) -> str:
    """What was done, in the word of `DONE`. Raises UnknownError or ValueError, and NotStoredError."""
    match told.get("do", ""):
        case "register":
            await partners.register(name, asking)
            return "registered"
        case "unregister":
            await partners.unregister(name, asking)
            return "unregistered"
        case "pull":
            await partners.pull(name, asking)
            return "fetched"
        case "credit":
            await partners.credit(name, told.get("record", "")[:39], asking)
            return "credited"
    raise ValueError("nobody knows what to do with this partner")


def _states(rows: Any, calendar: Calendar) -> dict[str, dict[str, str]]:
    """What stands above each partner: a tone, and words."""
    return {row["id"]: _state(row, calendar) for row in rows}


def _state(row: Any, calendar: Calendar) -> dict[str, str]:
    if row["registered"] is None:
        if row["invited_until"] is not None:
            return {"tone": "wait", "words": f"may register until {calendar.moment(row['invited_until'])}"}
        return {"tone": "wait", "words": "registers by itself" if row["can_register"] else "is not registered"}
    if row["trouble"]:
        return {"tone": "bad", "words": f"has trouble since {calendar.moment(row['trouble_since'])}"}
    return {"tone": "good", "words": f"registered since {calendar.moment(row['registered'])}"}
