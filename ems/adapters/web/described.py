"""Things that people describe: shown, described anew and removed, without overwriting what somebody else changed
meanwhile. With If-Match and the ETag of what was read a change that was overtaken is refused, with If-None-Match: *
nothing is described that is there already (RFC 9110, section 13.1).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Request, Response

from ems.adapters.web.deed import answered, carried_out, done
from ems.adapters.web.problem import documented, problem
from ems.domain.unknown import UnknownError

Row = Callable[[], Mapping[str, Any]]
"""What is described, as it is now; raises UnknownError where nothing is."""

BESIDE = frozenset({"soc_percent", "soc_at", "spent_kwh", "spent_cost", "tags", "station"})
"""What rows tell besides what people said: it changes by itself."""

CHANGED: dict[int | str, dict[str, Any]] = {412: documented("somebody has changed it meanwhile")}


def etag_of(row: Mapping[str, Any]) -> str:
    """A word for something as people described it, which differs once somebody described it otherwise."""
    said = {name: value for name, value in row.items() if name not in BESIDE}
    return f'"{hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]}"'


async def shown(row: Row) -> Response:
    """What is described, with its ETag."""

    async def work() -> Response:
        found = row()
        return await answered(lambda: found, {"etag": etag_of(found)})

    return await carried_out(work)


async def kept(request: Request, name: str, row: Row, change: Callable[[], Awaitable[None]]) -> Response:
    """The answer to somebody who describes something, unless somebody else did so meanwhile."""
    if _is_overtaken(request, row):
        return _overtaken(name)
    if request.headers.get("if-none-match") == "*" and _is_there(row):
        return problem(412, "it is there already: change that one, or choose another name", "exists")

    async def work() -> Response:
        await change()
        return await shown(row)

    return await carried_out(work)


async def removed(request: Request, name: str, row: Row, change: Callable[[], Awaitable[None]]) -> Response:
    """The answer to somebody who removes something, unless somebody else changed it meanwhile."""
    return _overtaken(name) if _is_overtaken(request, row) else await done(change())


def _is_overtaken(request: Request, row: Row) -> bool:
    wanted = request.headers.get("if-match")
    if wanted is None:
        return False
    try:
        return wanted not in {"*", etag_of(row())}
    except UnknownError:
        return True


def _is_there(row: Row) -> bool:
    try:
        row()
    except UnknownError:
        return False
    return True


def _overtaken(name: str) -> Response:
    return problem(412, f"somebody has changed {name!r:.80} meanwhile; read it again, then change that", "changed")
