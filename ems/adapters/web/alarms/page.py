"""The page of alarms as the server renders it: what lasts first, then what was, then who is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query, Request, Response

from ems.adapters.web.alarms.api import alarm_api
from ems.adapters.web.alarms.notices import notice_api
from ems.adapters.web.alarms.rows import alarm_row, delivery_row, target_row
from ems.adapters.web.api import FRESH
from ems.adapters.web.navigation import Badged
from ems.adapters.web.needs import needs, visitor
from ems.adapters.web.page import environment, render
from ems.adapters.web.route import Router
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import time_of
from ems.adapters.web.words import MODES
from ems.domain.access.account import Role
from ems.domain.alarm.incident import Incident
from ems.ports.controller import Clock, Live, NotStoredError
from ems.ports.notices import Alarms, Notices, TargetState

_HTML = "text/html; charset=utf-8"
SHOWN = 50
SHOWN_MEMBERS = 12
SHOWN_DELIVERIES = 10
KINDS = {
    "offline": "Stations offline",
    "fault": "Faults",
    "control": "Not under control",
    "meter": "Meters",
    "contradiction": "Meters against stations",
    "clock": "Clocks of stations",
    "outlet": "Outlets nobody described",
    "phases": "Phase switching",
    "battery": "Batteries",
    "store": "Database",
    "settings": "Site file",
    "planner": "Planner",
    "stall": "Stalls",
    "restart": "Restarts",
    "guard": "Guard",
    "driver-report": "Reports of drivers",
    "target": "Who is told",
}


def alarm_ways(live: Live, clock: Clock, alarms: Alarms, notices: Notices) -> tuple[Router, ...]:
    """Everything about alarms and notices: the interface and the page."""
    return alarm_api(alarms), notice_api(live, notices), alarm_page(live, clock, alarms, notices)


def alarm_page(live: Live, clock: Clock, alarms: Alarms, notices: Notices) -> Router:
    """The page of alarms."""
    router = Badged(
        {"/alarms": lambda: sum(one.needs_attention for one in alarms.open)},
        include_in_schema=False,
        dependencies=[needs(Role.VIEWER)],
    )
    template = environment().get_template("alarms.html")

    @router.get("/alarms")
    @router.head("/alarms")
    async def page(
        request: Request,
        before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        kind: Annotated[str, Query(max_length=40)] = "",
        search: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        site, now = live.state.site, time_of(clock.now().utc)
        calendar = Calendar(site.zone, now)
        trouble, past = "", []
        try:
            past = [one for one in await alarms.history(before, SHOWN + 1, search, kind) if not one.is_open]
        except NotStoredError as wrong:
            trouble = str(wrong)
        shown = await render(
            template,
            site=site.name,
            zone=site.zone.key,
            now=calendar.clock(now),
            operates=(visitor(request).role or Role.VIEWER) >= Role.OPERATOR,
            open=[_shown(one, calendar) for one in _by_urgency(alarms.open)],
            past=[_shown(one, calendar) for one in past[:SHOWN]],
            more=past[SHOWN - 1].number if len(past) > SHOWN else None,
            trouble=trouble,
            kinds=KINDS,
            kind=kind,
            search=search,
            before=before,
            targets=[await _told(one, notices, calendar) for one in notices.targets()],
        )
        return Response(shown, headers=dict(FRESH), media_type=_HTML)

    return router


def _by_urgency(found: Any) -> list[Incident]:
    """What nobody has seen first, then what is most serious, then the newest."""
    return sorted(found, key=lambda one: (not one.needs_attention, -one.level, -one.number))


def _shown(one: Incident, calendar: Calendar) -> dict[str, Any]:
    row, when = alarm_row(one), _when(calendar)
    times = [f"since {when(row['began'])}"]
    if row["cleared"] is not None:
        times = [f"{when(row['began'])} to {when(row['cleared'])}"]
    if one.returns:
        times.append(f"came back {one.returns} times" if one.returns > 1 else "came back once")
    if one.into is not None:
        times.append(f"became part of alarm {one.into}")
    mode = MODES[row["level"]]
    return {
        "row": row,
        "tone": mode.tone if one.is_open else "over",
        "serious": mode.word if one.level else "",
        "times": ", ".join(times),
        "members": row["members"][:SHOWN_MEMBERS] if len(row["members"]) > 1 else [],
        "more_members": max(0, len(row["members"]) - SHOWN_MEMBERS),
        "seen": None
        if row["acknowledged"] is None
        else f"{row['acknowledged']['by']}, {when(row['acknowledged']['at'])}",
    }


async def _told(one: TargetState, notices: Notices, calendar: Calendar) -> dict[str, Any]:
    """Somebody who is told, with the newest of what they were told."""
    when = _when(calendar)
    try:
        last = await notices.deliveries(one.name, SHOWN_DELIVERIES)
    except NotStoredError:
        last = ()
    rows = [{**delivery_row(known), "when": when(time_of(known.notice.at))} for known in last]
    return {"row": target_row(one), "when": when, "last": rows}


def _when(calendar: Calendar) -> Callable[[str | None], str]:
    return lambda at: "" if at is None else calendar.moment_or_date(at)
