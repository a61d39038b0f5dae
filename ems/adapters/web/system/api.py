"""Backups and the support bundle over REST, and the state of every part."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path as File
from typing import Annotated

from fastapi import Path, Request, Response
from fastapi.responses import StreamingResponse
from typing_extensions import TypedDict

from ems.adapters.web.api import FRESH
from ems.adapters.web.body import Body
from ems.adapters.web.deed import GONE, carried_out, ok, who
from ems.adapters.web.needs import needs
from ems.adapters.web.problem import documented, problem
from ems.adapters.web.route import Router
from ems.adapters.web.values import number, plain, time_of
from ems.domain.access.account import Role
from ems.domain.system_status import BackupFile, PartStatus
from ems.ports.system import NoBackupError, SystemDesk

Name = Annotated[str, Path(max_length=200)]
PIECE = 256 * 1024
GZIP = "application/gzip"


class BackupBody(Body):
    """`with_secrets`: with the folder `secrets` of the site, so that such an archive must be kept safe."""

    with_secrets: bool = False


class BackupRow(TypedDict):
    """A backup that lies on this machine."""

    name: str
    size: int
    made: str
    with_secrets: bool


class BackupRows(TypedDict):
    """The backups that lie here, newest first."""

    backups: list[BackupRow]


class PartRow(TypedDict):
    """A part of the controller: `condition` is good, wait or bad; what its last word was, how old or quick that was,
    and what went wrong last.
    """

    name: str
    condition: str
    words: str
    age_s: float | None
    latency_s: float | None
    last_error: str
    last_error_at: str | None


class PartRows(TypedDict):
    """Every part as it is now."""

    parts: list[PartRow]


class AnswerRow(TypedDict):
    """The last answer of a station to a request of ours: how long it took, and how long ago that is, seconds."""

    station: str
    action: str
    took_s: float
    age_s: float


class AnswerRows(TypedDict):
    """Of every station that is connected and has answered something."""

    answers: list[AnswerRow]


def system_api(desk: SystemDesk) -> Router:
    """The side of programs."""
    router = Router(prefix="/api/v1", tags=["health"], dependencies=[needs(Role.VIEWER)])

    @router.get("/station-answers", summary="How quickly stations answer", responses=ok(AnswerRows, 400))
    async def answers() -> Response:
        """The last answer of each station that is connected."""
        told = [
            {
                "station": plain(one.station),
                "action": one.action,
                "took_s": number(one.took_s),
                "age_s": number(one.age_s),
            }
            for one in desk.answers()
        ]
        return Response(json.dumps({"answers": told}), headers=FRESH, media_type="application/json")

    @router.get("/parts", summary="How every part is doing", responses=ok(PartRows, 400))
    async def parts() -> Response:
        """Stations, meters, planner, database and what else there is, each with its age or latency and last error."""
        told = [part_row(one) for one in await desk.parts()]
        return Response(json.dumps({"parts": told}), headers=FRESH, media_type="application/json")

    @router.get("/backups", summary="Backups", dependencies=[needs(Role.ADMIN)], responses=ok(BackupRows, 401, 403))
    async def every() -> Response:
        """The backups that lie on this machine."""
        told = [backup_row(one) for one in await desk.backups()]
        return Response(json.dumps({"backups": told}), headers=FRESH, media_type="application/json")

    @router.post(
        "/backups",
        summary="Back up now",
        dependencies=[needs(Role.ADMIN, waits=True)],
        responses={**ok(BackupRow), 409: documented("no backup could be made")},
    )
    async def make(body: BackupBody, request: Request) -> Response:
        """Write the database as it is now and the site's folder into one archive. It holds the hashes of passwords and
        tokens, so only administrators see it; `ems restore SITE ARCHIVE` puts it back.
        """

        async def work() -> Response:
            try:
                made = await desk.back_up(body.with_secrets, who(request))
            except NoBackupError as failed:
                return problem(409, str(failed), "no-backup")
            return Response(json.dumps(backup_row(made)), headers=FRESH, media_type="application/json")

        return await carried_out(work)

    @router.get(
        "/backups/{name}",
        summary="Download a backup",
        dependencies=[needs(Role.ADMIN, waits=True)],
        responses={200: {"content": {GZIP: {}}, "description": "the archive"}, 404: documented("no such backup")},
    )
    async def download(name: Name) -> Response:
        """The archive."""
        path = await desk.backup(name)
        if path is None:
            return problem(404, "there is no backup of that name; the list names them", "unknown")
        headers = {"content-disposition": f'attachment; filename="{path.name}"', "cache-control": "no-store"}
        return StreamingResponse(_pieces(path), 200, headers, GZIP)

    @router.delete(
        "/backups/{name}", summary="Delete a backup", status_code=204, dependencies=[needs(Role.ADMIN)], responses=GONE
    )
    async def forget(name: Name, request: Request) -> Response:
        """Delete an archive."""
        if not await desk.forget(name, who(request)):
            return problem(404, "there is no backup of that name; the list names them", "unknown")
        return Response(status_code=204, headers=dict(FRESH))

    @router.get(
        "/support-bundle",
        summary="For somebody who helps from afar",
        dependencies=[needs(Role.INSTALLER, waits=True)],
        responses={200: {"content": {GZIP: {}}, "description": "the archive"}},
    )
    async def support(request: Request) -> Response:
        """Versions, the state of every part, the last warnings, what people did, and the site's files; without secrets,
        tags and names of people.
        """
        made = await desk.support_bundle(who(request))
        headers = {"content-disposition": 'attachment; filename="ems-support.tar.gz"', "cache-control": "no-store"}
        return Response(made, 200, headers, GZIP)

    return router


async def _pieces(path: File) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
    finally:
        file.close()


def backup_row(one: BackupFile) -> BackupRow:
    """A backup."""
    return {"name": one.name, "size": one.size, "made": time_of(one.made), "with_secrets": one.with_secrets}


def part_row(one: PartStatus) -> PartRow:
    """A part."""
    return {
        "name": plain(one.name),
        "condition": one.condition.value,
        "words": plain(one.words),
        "age_s": number(one.age_s),
        "latency_s": None if one.latency_s is None else round(one.latency_s, 4),
        "last_error": plain(one.last_error),
        "last_error_at": None if one.last_error_at is None else time_of(one.last_error_at),
    }
