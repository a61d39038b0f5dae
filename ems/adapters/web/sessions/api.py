"""Sessions with filters, sums and everything about each; energy by interval; and files of both.

A session belongs to the period in which it began, whenever it ended; energy to the interval in which it flowed. Nothing
is deleted: what is wrong is corrected, with who said so and why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Path, Query, Request, Response

from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
from ems.adapters.web.needs import needs
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.adapters.web.sessions import shape
from ems.adapters.web.sessions.asked import SessionsPageAsked, mark_of, mark_text
from ems.adapters.web.sessions.body import CorrectionBody, ErasureBody, KeyBody
from ems.adapters.web.sessions.rows import detail_row, key_row, session_row, sums_row
from ems.adapters.web.sessions.transparency import as_xml
from ems.adapters.web.values import time_of
from ems.domain.access.account import Role
from ems.domain.record.session_detail import SessionDetail
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live
from ems.ports.sessions import NotReadError, SessionDesk, SessionList

Name = Annotated[str, Path(max_length=200)]
WRITES = [needs(Role.OPERATOR)]


def session_api(live: Live, clock: Clock, sessions: SessionList, desk: SessionDesk) -> Router:
    """Everything about sessions, but for files."""
    router = Router(prefix="/api/v1", tags=["sessions"], dependencies=[needs(Role.VIEWER)])
    _list(router, live, clock, sessions)
    _one(router, desk)
    _keys(router, desk)
    _erasure(router, live, desk)
    return router


def _list(router: Router, live: Live, clock: Clock, sessions: SessionList) -> None:
    @router.get("/sessions", summary="Sessions", responses=ok(shape.Sessions, 404, 422, 503))
    async def every(asked: Annotated[SessionsPageAsked, Query()]) -> Response:
        """Sessions that began in a span, sorted, a piece at a time. The first piece has the sums of all that the filter
        finds; the others are asked for with `after`.
        """

        async def work() -> Response:
            wanted = asked.wanted(live.state.site, clock.now().utc)
            mark, falling = mark_of(asked.after), asked.order == "falling"
            page = await sessions.page(wanted, asked.sort, falling=falling, after=mark, most=asked.limit)
            sums = None if mark is not None else await sessions.sums(wanted)
            return await answered(
                lambda: {
                    "since": time_of(wanted.since),
                    "until": time_of(wanted.until),
                    "sessions": [session_row(entry) for entry in page.entries],
                    "next": mark_text(page.next),
                    "sums": None if sums is None else sums_row(sums),
                }
            )

        return await read(work)


def _one(router: Router, desk: SessionDesk) -> None:
    async def detail(name: str) -> SessionDetail:
        found = await desk.detail(name)
        if found is None:
            raise UnknownError(f"there is no session {name!r:.80}")
        return found

    @router.get(
        "/sessions/{name:path}/signed.xml",
        summary="Signed values for transparency software",
        responses={**ok(shape.SessionDetailRow, 404, 503), 200: {"content": {"application/xml": {}}}},
    )
    async def signed(name: Name) -> Response:
        """The signed meter values of a session with the public key, as transparency software reads them: to the letter
        as the station sent them.
        """

        async def work() -> Response:
            found = await detail(name)
            if not found.signed:
                raise UnknownError("the station sent no signed meter values of this session")
            headers = {"cache-control": "no-store", "content-disposition": 'attachment; filename="signed-values.xml"'}
            return Response(as_xml(found.signed), headers=headers, media_type="application/xml")

        return await read(work)

    @router.post(
        "/sessions/{name:path}/corrections",
        dependencies=WRITES,
        summary="Correct a session",
        responses=ok(shape.SessionDetailRow),
    )
    async def correct(name: Name, body: CorrectionBody, request: Request) -> Response:
        """Correct a session that is over: its energy, whose it was, or that it does not count. What stood there before
        stays in the record of the correction, with who made it and why. A receipt that was made is not changed.
        """

        async def work() -> Response:
            await desk.correct(name, body.wanted(), who(request))
            found = await detail(name)
            return await answered(lambda: detail_row(found))

        return await read(work)

    @router.get("/sessions/{name:path}", summary="One session", responses=ok(shape.SessionDetailRow, 404, 503))
    async def one(name: Name) -> Response:
        """Everything about a session: its transactions, its energy by quarter hours, what it was offered and why, its
        corrections, and its signed meter values, examined now.
        """

        async def work() -> Response:
            found = await detail(name)
            return await answered(lambda: detail_row(found))

        return await read(work)


def _keys(router: Router, desk: SessionDesk) -> None:
    installs = [needs(Role.INSTALLER)]

    @router.get("/meter-keys", summary="Public keys of meters", responses=ok(shape.Keys, 503))
    async def every() -> Response:
        """The public keys of meters for which somebody vouches; with them signed meter values are verified."""

        async def work() -> Response:
            found = await desk.meter_keys()
            return await answered(lambda: {"keys": [key_row(one) for one in found]})

        return await read(work)

    @router.post(
        "/meter-keys/{evse:path}", dependencies=installs, summary="Vouch for a public key", responses=ok(shape.Keys)
    )
    async def vouch(evse: Name, body: KeyBody, request: Request) -> Response:
        """Vouch for the public key of the meter of an EVSE, as it is printed on it or as its station sent it. Whoever
        does has compared it with the meter. Keys of meters that were there before stay good for their sessions.
        """

        async def work() -> Response:
            await desk.vouch(evse, body.key, who(request))
            found = await desk.meter_keys(evse)
            return await answered(lambda: {"keys": [key_row(one) for one in found]})

        return await read(work)

    @router.delete(
        "/meter-keys/{evse:path}/{key}",
        dependencies=installs,
        summary="Vouch for a key no more",
        status_code=204,
        responses=GONE,
    )
    async def withdraw(evse: Name, key: Annotated[str, Path(max_length=2000)], request: Request) -> Response:
        """Vouch for a key no more; what it signed is not verified any longer."""
        return await done(desk.withdraw(evse, key, who(request)))


def _erasure(router: Router, live: Live, desk: SessionDesk) -> None:
    @router.post(
        "/erasures",
        dependencies=[needs(Role.ADMIN, in_person=True)],
        summary="Forget who charged",
        responses=ok(shape.Erased),
    )
    async def erase(body: ErasureBody, request: Request) -> Response:
        """Sessions of a person or a tag that are over and began before a day forget who charged, for good: person, tag
        and vehicle. Energy, times and money stay. Signed meter values stay as they are, because their signature
        covers them; so does what the audit tells of earlier changes.
        """

        async def work() -> Response:
            before = body.moment(live.state.site.zone)
            count = await desk.erase(body.person, body.tag, before, who(request))
            return await answered(lambda: {"sessions": count})

        return await read(work)


async def read(work: Callable[[], Awaitable[Response]]) -> Response:
    """The answer of something that reads the database, which may not be possible now."""
    try:
        return await carried_out(work)
    except NotReadError as wrong:
        return problem(503, str(wrong), "not-read")
