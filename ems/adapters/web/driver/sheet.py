"""What operators have of the pages of drivers: stickers to print, a code that changes for displays, and reports."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from ems.adapters.web.api import FRESH
from ems.adapters.web.body import Body
from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
from ems.adapters.web.driver.bay import House
from ems.adapters.web.driver.code import VALID_S, code_at
from ems.adapters.web.driver.words import TROUBLES, sentence
from ems.adapters.web.entrance import is_loopback, name_of
from ems.adapters.web.needs import needs, visitor
from ems.adapters.web.page import environment, render
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import plain, time_of
from ems.domain.access.account import Role
from ems.domain.driver.sticker import Report, Sticker
from ems.ports.controller import NotStoredError

HTML = "text/html; charset=utf-8"
SHOWN_REPORTS = 100
SCAN = sentence("Scan to start, pay and follow your charge.")
LOOK = sentence("Scan to see how your charge is going.")

Slug = Annotated[str, Path(max_length=16)]


class StickerRow(TypedDict):
    """A sticker: the EVSE that it leads to, and under which address; `is_on_site` false when the site has that EVSE no
    more, so that it leads nowhere until it is moved. `svg`: the code as a picture, empty unless it was asked for.
    """

    slug: str
    evse: str
    url: str
    is_on_site: bool
    created: str
    svg: str


class Stickers(TypedDict):
    """All stickers in the order of the site's EVSEs; those that lead nowhere last. `rotating`: they begin nothing by
    themselves.
    """

    rotating: bool
    stickers: list[StickerRow]


class LinkRow(TypedDict):
    """The address that a display shows now as a code; it is good for `valid_s` seconds at least."""

    evse: str
    url: str
    valid_s: int


class ReportRow(TypedDict):
    """What a driver found wrong; `closed` when somebody has seen to it, by `closed_by`."""

    number: str
    at: str
    evse: str
    trouble: str
    text: str
    closed: str | None
    closed_by: str


class Reports(TypedDict):
    """What drivers found wrong, open ones first, then the newest."""

    reports: list[ReportRow]


class MoveBody(Body):
    """The EVSE that a sticker leads to from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"evse": "CP-01/1"}]})

    evse: str = Field(max_length=200)


def driver_api(house: House) -> Router:
    """Stickers, links for displays, and reports."""
    router = Router(prefix="/api/v1", tags=["drivers"])
    operators, viewers = [needs(Role.OPERATOR)], [needs(Role.VIEWER)]

    @router.get("/stickers", dependencies=operators, summary="The stickers of all EVSEs", responses=ok(Stickers))
    async def every(request: Request, pictures: bool = False) -> Response:
        """Every sticker with the address that its code holds; with `pictures=true` also the codes, as SVG."""
        rows = [_row(house, request, one) for one in house.drivers.stickers]
        rotating = house.imprint().is_rotating

        def told() -> Stickers:
            drawn: list[StickerRow] = []
            if pictures:
                drawn += ({**row, "svg": _svg(row["url"], alone=True)} for row in rows)
            return {"rotating": rotating, "stickers": drawn or rows}

        return await answered(told)

    @router.put("/stickers/{slug}", dependencies=operators, summary="Move a sticker", responses=GONE, status_code=204)
    async def move(slug: Slug, body: MoveBody, request: Request) -> Response:
        """Let a sticker lead to another EVSE, as after a station was renamed or replaced: what is glued on in the car
        park goes on working.
        """
        return await done(house.drivers.move(slug, body.evse, who(request)))

    @router.get(
        "/stickers/{slug}/link", dependencies=viewers, summary="The link for a display", responses=ok(LinkRow, 404)
    )
    async def link(slug: Slug, request: Request) -> Response:
        """The address that a display at the EVSE shows now: it changes every minute, and a photograph of it is soon
        worth nothing.
        """
        found = house.drivers.sticker(slug)
        if found is None:
            return problem(404, "there is no such sticker", "unknown")
        row = {"evse": found.evse, "url": _link(house, request, found), "valid_s": VALID_S}
        return await answered(lambda: row)

    @router.get("/driver-reports", dependencies=viewers, summary="What drivers found wrong", responses=ok(Reports, 503))
    async def reports() -> Response:
        """The newest reports of drivers, open ones first."""

        async def work() -> Response:
            found = await house.drivers.reports(SHOWN_REPORTS)
            return await answered(lambda: {"reports": [_report(one) for one in found]})

        return await carried_out(work)

    @router.post(
        "/driver-reports/{number}/close", dependencies=operators, summary="Close a report", responses=GONE,
        status_code=204,
    )  # fmt: skip
    async def close(number: Annotated[int, Path(ge=0, le=2**62)], request: Request) -> Response:
        """Somebody has seen to it."""
        return await done(house.drivers.close(number, who(request)))

    return router


def sticker_pages(house: House) -> Router:
    """The sheet of stickers, and the page for displays."""
    router = Router(include_in_schema=False, dependencies=[Depends(house.languages.ready)])

    @router.get("/stickers", dependencies=[needs(Role.OPERATOR)])
    async def sheet(request: Request) -> Response:
        now, site = house.clock.now().utc, house.live.state.site
        calendar = Calendar(site.zone, time_of(now))
        try:
            reports: Sequence[Report] | None = await house.drivers.reports(SHOWN_REPORTS)
        except NotStoredError:
            reports = None
        rows = [(_row(house, request, one), one) for one in house.drivers.stickers]
        imprint = house.imprint()
        # A code takes milliseconds, of which the loop has none to give.
        codes = await asyncio.to_thread(lambda: {row["url"]: _svg(row["url"]) for row, _ in rows})
        said = SCAN if house.payments is not None and not imprint.is_rotating else LOOK
        address = name_of(_base(house, request).partition("://")[2])
        shown = await render(
            environment().get_template("stickers.html"),
            site=plain(site.name),
            zone=site.zone.key,
            now=calendar.clock(time_of(now)),
            operates=(visitor(request).role or Role.VIEWER) >= Role.OPERATOR,
            here=[{"row": row, "code": codes[row["url"]]} for row, _ in rows if row["is_on_site"]],
            lost=[row for row, _ in rows if not row["is_on_site"]],
            evses=[evse.id for evse in site.evses],
            says=[(one.code, one.say(said)) for one in house.languages.shown],
            phone=imprint.phone,
            rotating=imprint.is_rotating,
            unreachable=is_loopback(address),
            insecure=not imprint.public_url,
            reports=None if reports is None else [_told(one, calendar) for one in reports],
        )
        return Response(shown, headers=dict(FRESH), media_type=HTML)

    @router.get("/stickers/display/{evse:path}", dependencies=[needs(Role.VIEWER)])
    async def display(evse: str, request: Request) -> Response:
        found = next((one for one in house.drivers.stickers if one.evse == evse), None)
        if found is None or house.live.state.site.evse_index(evse) is None:
            return problem(404, "there is no sticker for that EVSE", "unknown")
        shown = await render(
            environment().get_template("sticker_display.html"),
            site=plain(house.live.state.site.name),
            evse=found.evse,
            code=await asyncio.to_thread(_svg, _link(house, request, found)),
            says=[(one.code, one.say(SCAN)) for one in house.languages.shown],
        )
        return Response(shown, headers=dict(FRESH), media_type=HTML)

    return router


def _base(house: House, request: Request) -> str:
    """Where phones reach the pages: as the site file says, else as this page was reached."""
    return house.imprint().public_url or f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"


def _row(house: House, request: Request, one: Sticker) -> StickerRow:
    return {
        "slug": one.slug,
        "evse": one.evse,
        "url": f"{_base(house, request)}/c/{one.slug}",
        "is_on_site": house.live.state.site.evse_index(one.evse) is not None,
        "created": time_of(one.created),
        "svg": "",
    }


def _link(house: House, request: Request, one: Sticker) -> str:
    code = code_at(one.secret, house.clock.now().utc.timestamp())
    return f"{_base(house, request)}/c/{one.slug}/{code}"


@lru_cache(maxsize=1000)
def _svg(url: str, alone: bool = False) -> str:
    """A code as part of a page, or as a file of its own (`alone`); M forgives 15 % of dirt."""
    import segno  # noqa: PLC0415 - megabytes that a site without stickers has no use for

    code = segno.make(url, error="m", micro=False)
    if not alone:
        return code.svg_inline(omitsize=True, border=4, dark="#000", light="#fff")
    drawn = io.BytesIO()
    code.save(drawn, kind="svg", border=4, scale=8, dark="#000", light="#fff")
    return drawn.getvalue().decode("utf-8")


def _report(one: Report) -> ReportRow:
    return {
        "number": str(one.number),
        "at": time_of(one.at),
        "evse": plain(one.evse),
        "trouble": one.trouble.value,
        "text": one.text,
        "closed": None if one.closed is None else time_of(one.closed),
        "closed_by": plain(one.closed_by),
    }


def _told(one: Report, calendar: Calendar) -> dict[str, Any]:
    row = _report(one)
    return {
        **row,
        "at": calendar.moment(row["at"]),
        "what": TROUBLES[one.trouble],
        "closed": "" if row["closed"] is None else calendar.moment(row["closed"]),
    }
