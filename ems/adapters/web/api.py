"""What can be asked under which path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import Query, Request, Response

from ems.adapters.web import metrics
from ems.adapters.web.frame import Press
from ems.adapters.web.needs import needs
from ems.adapters.web.once import Once, Printed
from ems.adapters.web.page import Pages
from ems.adapters.web.problem import documented, problem
from ems.adapters.web.route import Router
from ems.adapters.web.series import Archive
from ems.adapters.web.shape import Health, History, Picture
from ems.adapters.web.stream import MEDIA_TYPE as EVENTS
from ems.adapters.web.stream import EventStream, Hall
from ems.adapters.web.values import number
from ems.adapters.web.view import View
from ems.adapters.web.words import mode_of
from ems.domain.access.account import Role
from ems.domain.decision import Level
from ems.ports.controller import Clock, Live

TICK_LATE_S = 5.0
MAX_HOURS = 48
_JSON = "application/json"
FRESH: Mapping[str, str] = {"cache-control": "no-store", "vary": "accept-encoding"}


class Desk:
    """What the paths share."""

    def __init__(self, live: Live, clock: Clock, hall: Hall, pages: Pages, software: str) -> None:
        self.live = live
        self.clock = clock
        self.hall = hall
        self.pages = pages
        self.software = software
        self.press = Press(live, clock, software)
        self.archive = Archive(live, clock)

    def view(self) -> View:
        """What is to be seen at this moment."""
        live = self.live
        return View(live.state, live.decision, self.clock.now(), live.knocks(), live.version, self.software).checked()


def api(desk: Desk) -> Router:
    """The machine's side: all of it is read-only."""
    router = Router(prefix="/api/v1", tags=["site"], dependencies=[needs(Role.VIEWER)])

    @router.get(
        "/state",
        summary="The whole picture",
        responses={200: {"model": Picture, "description": "The whole picture of the site"}},
    )
    async def state(request: Request) -> Response:
        """The whole picture: mode, circuits, EVSEs with their reasons, meters with their age, stations, alarms. It is
        made once a second for all who ask.
        """
        frame = await desk.press.latest()
        return answer(request, Printed(frame.json, frame.gzipped()), _JSON)

    @router.get(
        "/events",
        summary="The picture, whenever it changes",
        responses={200: {"content": {EVENTS: {}}}, 503: documented("too many streams")},
    )
    async def events(request: Request) -> Response:
        """The same picture as server-sent events, whenever something was decided, at most once a second. Each is whole,
        so whoever comes again with Last-Event-ID has missed nothing, and is not told again what that was. What happened
        meanwhile, one by one, is at `/api/v1/notices/stream`.
        """
        told = request.headers.get("last-event-id", "")
        seen = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else None
        return EventStream(desk.press, desk.hall, takes_gzip(request), seen)

    @router.get(
        "/history",
        summary="What circuits carried",
        responses={
            200: {"model": History, "description": "What circuits carried"},
            404: documented("no such circuit"),
            422: documented("hours are no number between 0 and 48"),
        },
    )
    async def history(
        request: Request,
        hours: Annotated[float, Query(gt=0, le=MAX_HOURS, allow_inf_nan=False)] = 4,
        circuit: Annotated[str | None, Query(max_length=200, description="Only this circuit")] = None,
    ) -> Response:
        """Currents and limits of the last hours per circuit and phase, in at most 500 steps that keep every peak."""
        try:
            told = await desk.archive.of(hours, circuit)
        except KeyError:
            return problem(404, "this site has no such circuit; /api/v1/state lists them", "unknown-circuit")
        return answer(request, told, _JSON)

    return router


def watch(desk: Desk) -> Router:
    """For those who watch over the controller."""
    router = Router(tags=["health"])
    open_to_all, to_viewers = [needs(None)], [needs(Role.VIEWER)]
    scrape = Once(lambda: metrics.exposition(desk.view(), desk.hall.taken), desk.clock)

    @router.get(
        "/healthz",
        dependencies=open_to_all,
        summary="Whether the controller ticks",
        responses={200: {"model": Health}, 503: documented("the controller does not tick")},
    )
    @router.head("/healthz", dependencies=open_to_all, include_in_schema=False)
    async def healthz() -> Response:
        """Whether the controller ticks: 200 while the last tick is younger than 5 s."""
        decision = desk.live.decision
        if decision is None:
            return problem(503, "no decision has been made yet", "starting")
        age = desk.clock.now().monotonic_s - decision.at.monotonic_s
        if age >= TICK_LATE_S:
            return problem(503, f"the last tick is {age:.0f} s old; see the log of the controller", "tick-late")
        mode = mode_of(max(decision.level, Level.NORMAL))
        body: Health = {"status": "ok", "tick_age_s": number(age) or 0.0, "mode": mode}
        return Response(json.dumps(body), headers=FRESH, media_type=_JSON)

    @router.get(
        "/metrics",
        dependencies=to_viewers,
        summary="Prometheus metrics",
        responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text"}},
    )
    async def metrics_text(request: Request) -> Response:
        """Everything that is worth a graph or an alert."""
        return answer(request, await scrape.latest(), metrics.MEDIA_TYPE)

    return router


def takes_gzip(request: Request) -> bool:
    """Whether the client can read compressed answers."""
    return "gzip" in request.headers.get("accept-encoding", "")


def answer(request: Request, text: Printed, media_type: str, headers: Mapping[str, str] = FRESH) -> Response:
    """The form of `text` that the client can read."""
    if takes_gzip(request):
        return Response(text.gzipped, headers={**headers, "content-encoding": "gzip"}, media_type=media_type)
    return Response(text.plain, headers=headers, media_type=media_type)
