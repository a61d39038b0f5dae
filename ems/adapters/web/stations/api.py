"""Remote control of stations: what can be asked of them, what came of it, and what was said on the line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from ems.adapters.web.api import FRESH
from ems.adapters.web.deed import GONE, answered, carried_out, ok, who
from ems.adapters.web.needs import needs
from ems.adapters.web.problem import documented, problem
from ems.adapters.web.route import Router
from ems.adapters.web.stations import shape
from ems.adapters.web.stations.body import AskBody
from ems.adapters.web.stations.expert_body import DiagnosticsBody, TemplateBody
from ems.adapters.web.stations.operations import OPERATIONS, Operation
from ems.adapters.web.stations.rounds import or_objection, round_paths
from ems.adapters.web.stations.rows import asked_row, configuration_row, detail, message_row, summary
from ems.domain.access.account import Role
from ems.domain.remote.outcome import Asked, Verdict
from ems.domain.remote.request import WriteVariables
from ems.domain.remote.rules import station_of
from ems.domain.remote.variables import compared, merged, to_write
from ems.ports.controller import Clock, Live
from ems.ports.stations import ObjectionError, Remote, Rounds

ABOUT = {
    "name": "stations",
    "description": "Remote control. Power is not told to a station from here: limits, needs and the strategy are, to"
    " the controller. What a station refuses is 409 `station-refused` or `not-supported`, what speaks against a request"
    " 409 `objection` (with `may_insist`), a station that is not there 503 `offline`, one that does not answer 504"
    " `unanswered`; an answer that takes longer than `wait_s` is 202, and can be asked for again.",
}
Name = Annotated[str, Path(max_length=64)]
Wait = Annotated[float, Query(ge=0, le=60, description="so many seconds the answer is waited for")]
_ANSWERS: dict[int | str, dict[str, Any]] = {
    **ok(shape.AskedRow, 400, 403, 404, 415, 422),
    202: {"model": shape.AskedRow, "description": "No answer yet, or kept for when the station returns"},
    409: documented("the station refuses, or cannot do it, or something speaks against it"),
    503: documented("the station is not connected"),
    504: documented("the station does not answer"),
}
_PROBLEMS = {
    Verdict.REFUSED: (409, "station-refused"),
    Verdict.NOT_SUPPORTED: (409, "not-supported"),
    Verdict.OFFLINE: (503, "offline"),
    Verdict.UNANSWERED: (504, "unanswered"),
}


def station_api(live: Live, clock: Clock, remote: Remote, rounds: Rounds) -> Router:
    """Everything about stations that can be asked for or read."""
    router = Router(prefix="/api/v1", tags=["stations"], dependencies=[needs(Role.VIEWER)])
    _reading(router, live, remote)
    for operation in OPERATIONS.values():
        _operation(router, clock, remote, operation)
    _configuration(router, live, clock, remote)
    _diagnostics(router, remote)
    round_paths(router, clock, rounds)
    return router


def _reading(router: Router, live: Live, remote: Remote) -> None:
    @router.get("/stations", summary="All stations", responses=ok(shape.StationSummaries, 400))
    async def stations() -> Response:
        """Every station with its EVSEs and what was asked of it last."""
        state = live.state
        return await answered(lambda: {"stations": [summary(state, one, remote) for one in state.site.stations]})

    @router.get("/stations/{station}", summary="One station", responses=ok(shape.StationDetail, 404))
    async def one(station: Name) -> Response:
        """One station with what was asked of it and what came of that, newest first."""

        async def work() -> Response:
            state = live.state
            known = station_of(state.site, station)
            return await answered(lambda: detail(state, known, remote))

        return await carried_out(work)

    @router.get(
        "/stations/{station}/messages",
        summary="What was said on the line",
        responses=ok(shape.Messages, 403, 404),
        dependencies=[needs(Role.OPERATOR)],
    )
    async def messages(
        station: Name,
        action: Annotated[str, Query(max_length=64, description="only of this action, as BootNotification")] = "",
        side: Annotated[Literal["", "in", "out"], Query(description="only from the station (in), or to it (out)")] = "",
        text: Annotated[str, Query(max_length=200, description="only with this text in what they carry")] = "",
    ) -> Response:
        """The last frames between a station and this machine, in memory only; what is routine has a part of its own."""

        async def work() -> Response:
            name = station_of(live.state.site, station).id
            said = (one for one in remote.messages(name) if one.fits(action, side, text))
            return await answered(lambda: {"messages": [message_row(one) for one in said]})

        return await carried_out(work)

    @router.get(
        "/stations/{station}/requests/{number}",
        summary="What came of a request",
        responses=ok(shape.AskedRow, 404),
        dependencies=[needs(Role.VIEWER, waits=True)],
    )
    async def request_(station: Name, number: int, wait_s: Wait = 0.0) -> Response:
        """A request with what came of it until now."""

        async def work() -> Response:
            found = await remote.settled(number, wait_s)
            if found.station != station:
                return problem(404, "this station has no such request", "unknown")
            return await answered(lambda: asked_row(found))

        return await carried_out(work)

    @router.delete(
        "/stations/{station}/requests/{number}",
        summary="Take back what is kept",
        status_code=204,
        responses=GONE,
        dependencies=[needs(Role.OPERATOR)],
    )
    async def forget(station: Name, number: int, request: Request) -> Response:
        """Take back a request that waits for its station to return."""

        async def work() -> Response:
            if number not in {one.number for one in remote.kept(station)}:
                return problem(404, "nothing of that number waits for this station", "unknown")
            await remote.forget(number, who(request))
            return Response(status_code=204, headers=dict(FRESH))

        return await carried_out(work)


def _operation(router: Router, clock: Clock, remote: Remote, operation: Operation) -> None:
    async def ask(station: str, body: AskBody, request: Request) -> Response:
        asked_for = body.asked
        return await _asked(
            lambda: remote.ask(
                station, asked_for(clock.now().utc), who(request), insists=body.insists, when_back=body.when_back
            ),
            remote,
            body.wait_s,
        )

    # Each path takes its own body, which FastAPI reads from the annotation.
    ask.__annotations__ = {"station": Name, "body": operation.body, "request": Request, "return": Response}
    router.add_api_route(
        f"/stations/{{station}}/{operation.name}",
        ask,
        methods=["POST"],
        name=operation.name,
        summary=operation.summary,
        description=" ".join((operation.body.__doc__ or "").split()),
        responses=_ANSWERS,
        dependencies=[needs(operation.role, waits=True)],
    )


def _configuration(router: Router, live: Live, clock: Clock, remote: Remote) -> None:
    @router.get(
        "/stations/{station}/configuration",
        summary="The configuration beside its template",
        responses=ok(shape.ConfigurationRow, 403, 404),
        dependencies=[needs(Role.INSTALLER)],
    )
    async def configuration(station: Name) -> Response:
        """What was last read of a station's configuration, beside the template that its model's file has; nothing is
        asked of the station (`read-configuration` does that).
        """

        async def work() -> Response:
            name = station_of(live.state.site, station).id
            return await answered(lambda: configuration_row(remote, name))

        return await carried_out(work)

    @router.post(
        "/stations/{station}/apply-template",
        summary="Write what differs from the template",
        responses=_ANSWERS,
        dependencies=[needs(Role.INSTALLER, waits=True)],
    )
    async def apply(station: Name, body: TemplateBody, request: Request) -> Response:
        """Write what differs from the template, of what was last read of the configuration."""

        async def begin() -> Asked:
            name = station_of(live.state.site, station).id
            read = remote.configuration(name)
            if read is None:
                raise ObjectionError("the configuration was not read yet; do that first, so that you see what changes")
            template = merged(remote.template(name), body.values)
            values = to_write(compared(read[1].known, template))
            if not values:
                raise ObjectionError("nothing differs from the template")
            return await remote.ask(
                name, WriteVariables(values), who(request), insists=body.insists, when_back=body.when_back
            )

        return await _asked(begin, remote, body.wait_s)


def _diagnostics(router: Router, remote: Remote) -> None:
    @router.post(
        "/stations/{station}/diagnostics",
        summary="Have diagnostics uploaded",
        responses=_ANSWERS,
        dependencies=[needs(Role.INSTALLER, waits=True)],
    )
    async def diagnostics(station: Name, body: DiagnosticsBody, request: Request) -> Response:
        """Have a station upload its diagnostics to this machine: over HTTP, or FTP where it knows nothing else. The
        place is open for two hours; the file is listed with the station when it is there.
        """
        times = [None if at is None else at.astimezone(UTC) for at in (body.since, body.until)]
        return await _asked(
            lambda: remote.upload(station, times[0], times[1], body.ftp, who(request)), remote, body.wait_s
        )

    @router.get(
        "/stations/{station}/files/{number}",
        summary="A file that a station uploaded",
        responses={200: {"content": {"application/octet-stream": {}}}, 404: documented("there is no such file")},
        dependencies=[needs(Role.INSTALLER, waits=True)],
    )
    async def file(station: Name, number: int) -> Response:
        """A file that a station uploaded, as it came."""

        async def work() -> Response:
            found, pieces = await remote.read_file(station, number)
            headers = {**FRESH, "content-disposition": f'attachment; filename="{found.name}"'}
            return StreamingResponse(
                pieces, headers={**headers, "content-length": str(found.size)}, media_type="application/octet-stream"
            )

        return await carried_out(work)


async def _asked(begin: Callable[[], Awaitable[Asked]], remote: Remote, wait_s: float) -> Response:
    """Begin a request and answer with what came of it in that time."""

    async def work() -> Response:
        asked = await begin()
        if asked.outcome is None:
            asked = await remote.settled(asked.number, wait_s)
        return await _told(asked)

    return await or_objection(work)


async def _told(asked: Asked) -> Response:
    outcome, row = asked.outcome, asked_row(asked)
    if outcome is None or outcome.verdict is Verdict.KEPT:
        answer = await answered(lambda: row, {"location": f"/api/v1/stations/{asked.station}/requests/{asked.number}"})
        answer.status_code = 202
        return answer
    if outcome.verdict.is_yes:
        return await answered(lambda: row)
    status, reason = _PROBLEMS[outcome.verdict]
    return problem(status, row["words"], reason, more={"asked": row})
