"""The pages of stations as the server renders them: all of them with rounds, and one with everything about it.

The browser sends what is asked and takes over parts of a new page; every word is from here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Path, Request, Response

from ems.adapters.web.api import answer
from ems.adapters.web.needs import needs, visitor
from ems.adapters.web.once import printed
from ems.adapters.web.page import environment, render
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.adapters.web.stations.api import station_api
from ems.adapters.web.stations.operations import OPERATIONS
from ems.adapters.web.stations.rows import configuration_row, detail, message_row, round_row, summary
from ems.adapters.web.stations.shape import AskedRow, OutletRow
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import time_of
from ems.domain.access.account import Role
from ems.domain.daybook import UnknownError
from ems.domain.remote.outcome import Verdict
from ems.domain.remote.request import Triggered
from ems.domain.remote.rules import station_of
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.ports.controller import Clock, Live
from ems.ports.stations import Remote, Rounds

_HTML = "text/html; charset=utf-8"
SHOWN = 12
"""Requests that are shown of a station."""

SOURCE = "operator"
"""The name of a limit that is set here."""

FIRST = 100
"""The class of service of a vehicle that goes before the others."""

IN_ROUNDS = ("reset", "availability", "trigger", "clear-cache", "list-version", "read-configuration")
TONES = {
    None: "wait",
    Verdict.ACCEPTED.value: "good",
    Verdict.SCHEDULED.value: "good",
    Verdict.REBOOT.value: "good",
    Verdict.KEPT.value: "wait",
}
OPERATION_WORDS = {
    "start": "Start",
    "stop": "Stop",
    "unlock": "Unlock",
    "reset": "Restart",
    "availability": "Service",
    "trigger": "Say again",
    "reserve": "Reserve",
    "cancel-reservation": "Cancel reservation",
    "clear-cache": "Clear cache",
    "list-version": "List version",
    "schedule": "Limits in force",
    "read-configuration": "Read configuration",
    "write-configuration": "Write configuration",
    "send-list": "Send list",
    "firmware": "Firmware",
    "diagnostics": "Diagnostics",
    "vendor-data": "Vendor data",
    "set-profile": "Raw profile",
    "clear-profile": "Clear profiles",
    "release": "Give its own limits back",
}


def station_ways(live: Live, clock: Clock, remote: Remote, rounds: Rounds) -> tuple[Router, Router]:
    """Everything about stations: the interface and the pages."""
    return station_api(live, clock, remote, rounds), station_pages(live, clock, remote, rounds)


def station_pages(live: Live, clock: Clock, remote: Remote, rounds: Rounds) -> Router:
    """The pages of stations."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])
    whole, single = (environment().get_template(name) for name in ("stations.html", "station.html"))

    async def page(request: Request, template: Any, **values: Any) -> Response:
        calendar = Calendar(live.state.site.zone, time_of(clock.now().utc))
        shown = await render(template, **_frame(request, live, calendar, clock), **values)
        return answer(request, await printed(shown), _HTML)

    @router.get("/stations")
    @router.head("/stations")
    async def stations(request: Request) -> Response:
        state = live.state
        rows = [summary(state, one, remote) for one in state.site.stations]
        told = [round_row(one) for one in rounds.rounds()[:3]]
        chosen = [(name, OPERATION_WORDS[name], OPERATIONS[name].role) for name in IN_ROUNDS]
        return await page(request, whole, rows=rows, rounds=told, operations=chosen, words=OPERATION_WORDS)

    @router.get("/stations/{station}")
    @router.head("/stations/{station}")
    async def station(request: Request, station: Annotated[str, Path(max_length=64)]) -> Response:
        state = live.state
        try:
            known = station_of(state.site, station)
        except UnknownError as wrong:
            return problem(404, str(wrong), "unknown")
        role = visitor(request).role or Role.VIEWER
        row = detail(state, known, remote)
        return await page(
            request,
            single,
            row=row,
            outlets=[outlet(state, one, clock.now().utc) for one in row["evses"]],
            last=[last(one) for one in row["asked"][:SHOWN]],
            kept=[last(one) for one in row["kept_requests"]],
            configuration=configuration_row(remote, known.id) if role >= Role.INSTALLER else None,
            messages=_lines(remote, known.id, state.site.zone) if role >= Role.OPERATOR else [],
            triggers=[one.value for one in Triggered],
            observes=state.site.policy.observes,
            source=SOURCE,
            first=FIRST,
        )

    return router


def _frame(request: Request, live: Live, calendar: Calendar, clock: Clock) -> dict[str, Any]:
    role = visitor(request).role or Role.VIEWER
    return {
        "site": live.state.site.name,
        "zone": live.state.site.zone.key,
        "now": calendar.clock(time_of(clock.now().utc)),
        "moment": _moment(calendar),
        "operates": role >= Role.OPERATOR,
        "installs": role >= Role.INSTALLER,
        "role": role,
    }


def outlet(state: SiteState, row: OutletRow, now: datetime) -> dict[str, Any]:
    """An EVSE with what people told the controller about its power."""
    limits = [one for one in state.limits if (one.scope, one.source) == (row["id"], SOURCE)]
    limit = next((one for one in limits if one.ends is None or one.ends > now), None)
    session = state.evse(row["id"]).session
    return {
        **row,
        "free": row["status"] != EvseStatus.UNAVAILABLE.value,
        "limit_a": None if limit is None else limit.max_a,
        "until": None if limit is None or limit.ends is None else time_of(limit.ends),
        "plugged": session is not None,
        "first": session is not None and session.need.service_class == FIRST,
    }


def _moment(calendar: Calendar) -> Callable[[str | None], str]:
    return lambda at: "" if at is None else calendar.moment(at)


def last(row: AskedRow) -> dict[str, Any]:
    """What came of a request, as it is shown."""
    tone = TONES.get(row["verdict"], "bad")
    if row["effect"] == "missed":
        tone = "bad"
    return {**row, "tone": tone, "what": OPERATION_WORDS[row["operation"]], "about": _about(row)}


def _about(row: AskedRow) -> str:
    """What the request was about, in a few words."""
    told = row["request"]
    parts = [f"EVSE {told['evse']}"] if told.get("evse") else []
    parts += [str(told[name]) for name in ("kind", "message", "id_tag", "version", "vendor") if told.get(name)]
    if row["operation"] == "availability":
        parts.append("into service" if told["operative"] else "out of service")
    if row["operation"] == "write-configuration":
        parts += [f"{name}={value}" for name, value in told["values"].items()][:4]
    return " ".join(parts)


def _lines(remote: Remote, station: str, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The line to a station, newest first."""
    lines = []
    for one in reversed(remote.messages(station)):
        row = message_row(one)
        local = datetime.fromisoformat(row["at"]).astimezone(zone)
        side = "link" if one.kind == "link" else "in" if one.from_station else "out"
        lines.append({**row, "clock": f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}", "side": side})
    return lines
