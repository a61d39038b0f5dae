"""The page of one EVSE, and its course over time for programs."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response

from ems.adapters.web import assets, texts
from ems.adapters.web.api import FRESH
from ems.adapters.web.deed import carried_out, ok
from ems.adapters.web.evse.course import EvseCourse, course
from ems.adapters.web.evse.rows import closing, key_row, limiters, reasons, stay_rows
from ems.adapters.web.needs import needs
from ems.adapters.web.picture import evse_row
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import Sheet, role_of
from ems.adapters.web.stations.page import FIRST, SHOWN, SOURCE, last, outlet
from ems.adapters.web.stations.rows import detail
from ems.domain.access.account import Role
from ems.domain.daybook import UnknownError
from ems.domain.record.past import EvsePast
from ems.domain.remote.rules import station_of
from ems.domain.station import Evse, EvseStatus
from ems.ports.controller import NotStoredError
from ems.ports.past import Past
from ems.ports.sessions import ToldKeys
from ems.ports.stations import Remote

MAX_HOURS = 24 * 14
HOURS = 24
MOST_STAYS = 10
MOST_AUDITS = 5

StationName = Annotated[str, Path(max_length=64)]
Number = Annotated[int, Path(ge=1, le=999)]
Hours = Annotated[float, Query(gt=0, le=MAX_HOURS, allow_inf_nan=False)]


def evse_ways(sheet: Sheet, past: Past, remote: Remote, keys: ToldKeys | None = None) -> tuple[Router, Router]:
    """Everything about one EVSE: the interface and the page."""
    return _api(sheet, past), _pages(sheet, past, remote, keys)


def _evse(sheet: Sheet, station: str, number: int) -> tuple[Evse, int]:
    """An EVSE and its place in the site's order. Raises UnknownError."""
    site = sheet.live.state.site
    index = site.evse_index(f"{station}/{number}")
    if index is None:
        raise UnknownError(f"the site has no EVSE {station[:64]}/{number}")
    return site.evses[index], index


def _api(sheet: Sheet, past: Past) -> Router:
    router = Router(prefix="/api/v1", tags=["site"], dependencies=[needs(Role.VIEWER)])

    @router.get(
        "/evses/{station}/{number}/course",
        summary="What an EVSE was offered and what was drawn",
        responses=ok(EvseCourse, 404, 422, 503),
    )
    async def evse_course(station: StationName, number: Number, hours: Hours = HOURS) -> Response:
        """Offered and measured currents of the last hours, in at most 720 steps that keep every peak."""

        async def work() -> Response:
            evse, _ = _evse(sheet, station, number)
            until = sheet.clock.now().utc
            since = until - timedelta(hours=hours)
            known = await past.evse(evse.id, since, until)
            text = await asyncio.to_thread(lambda: json.dumps(course(evse.id, known, since, until)))
            return Response(text, headers=FRESH, media_type="application/json")

        return await carried_out(work)

    return router


def _pages(sheet: Sheet, past: Past, remote: Remote, keys: ToldKeys | None) -> Router:
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])

    @router.get("/evses/{station}/{number}")
    @router.head("/evses/{station}/{number}")
    async def evse_page(request: Request, station: StationName, number: Number) -> Response:
        try:
            evse, index = _evse(sheet, station, number)
        except UnknownError as wrong:
            return problem(404, str(wrong), "unknown")
        values = _now(sheet, evse, index, remote)
        values |= await _before(sheet, past, evse, closed=values["out"])
        told = None if keys is None else await keys.told(evse.id)
        values["key"] = None if told is None else key_row(told, sheet.calendar())
        if role_of(request) < Role.OPERATOR:
            values["asked"] = []
        return await sheet.page(request, "evse.html", **values)

    return router


def _now(sheet: Sheet, evse: Evse, index: int, remote: Remote) -> dict[str, Any]:
    view, calendar = sheet.view(), sheet.calendar()
    state, row = view.state, evse_row(view, index)
    told = detail(state, station_of(state.site, evse.station), remote)
    outlets = {one["id"]: one for one in told["evses"]}
    session = state.evses[index].session
    asked = [last(one) for one in told["asked"] if one["request"].get("evse") in {evse.number, None}]
    return {
        "row": row,
        "texts": texts.of_evse(row, calendar),
        "one": outlet(state, outlets[evse.id], sheet.clock.now().utc),
        "holder": None if session is None or session.holder is None else session.holder.person,
        "limiters": limiters(view, evse.circuit),
        "asked": asked[:SHOWN],
        "charts": "uplot.js" in assets.load(),
        "source": SOURCE,
        "first": FIRST,
        "out": row["status"] == EvseStatus.UNAVAILABLE.value,
    }


async def _before(sheet: Sheet, past: Past, evse: Evse, closed: bool) -> dict[str, Any]:
    calendar, now = sheet.calendar(), sheet.clock.now().utc
    since = now - timedelta(hours=HOURS)
    try:
        known, stays = await past.evse(evse.id, since, now), await past.stays(evse.id, MOST_STAYS)
        words = f'SetAvailability "{evse.station}"'
        audits = await past.audits(None, MOST_AUDITS, words, None, None) if closed else ()
    except NotStoredError as wrong:
        return {"reasons": [], "stays": [], "closing": None, "unread": str(wrong)}
    told = await asyncio.to_thread(reasons, EvsePast(known.offered, ()), since, now, calendar)
    return {
        "reasons": told,
        "stays": list(stay_rows(stays, now, calendar)),
        "closing": closing(audits, evse.number, calendar),
        "unread": "",
    }
