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

from ems.adapters.web.deed import answered, carried_out, done, who
from ems.adapters.web.problem import documented, problem
from ems.domain.daybook import Change, Daybook
from ems.domain.unknown import UnknownError
from ems.ports.controller import Operations

Row = Callable[[], Mapping[str, Any]]
"""What is described, as it is now; raises UnknownError where nothing is."""

BESIDE = frozenset({"soc_percent", "soc_at", "spent_kwh", "spent_cost", "tags", "station"})
"""What rows tell besides what people said: it changes by itself."""

Wish = tuple[Operations, Callable[[], Change]]
"""Where a change is made, and which one."""

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


async def kept(request: Request, name: str, row: Row, wish: Wish) -> Response:
    """The answer to somebody who describes something, unless somebody else did so meanwhile."""

    async def work() -> Response:
        await _unless_overtaken(request, name, row, wish)
        return await shown(row)

    return await _carried_out(work)


async def removed(request: Request, name: str, row: Row, wish: Wish) -> Response:
    """The answer to somebody who removes something, unless somebody else changed it meanwhile."""
    return await _carried_out(lambda: done(_unless_overtaken(request, name, row, wish)))


class _OvertakenError(Exception):
    """What was to be changed is not what was looked at."""

    def __init__(self, words: str, reason: str) -> None:
        super().__init__(words)
        self.reason = reason


async def _unless_overtaken(request: Request, name: str, row: Row, wish: Wish) -> None:
    """Make the change in its turn: of two who looked at the same, and tell at the same moment, the second is told."""
    operations, change = wish

    def made(_: Daybook) -> Change:
        if not _is_meant(request.headers.get("if-match"), row):
            words = f"somebody has changed {name!r:.80} meanwhile; read it again, then change that"
            raise _OvertakenError(words, "changed")
        if request.headers.get("if-none-match") == "*" and _is_there(row):
            raise _OvertakenError("it is there already: change that one, or choose another name", "exists")
        return change()

    await operations.change_from(made, who(request))


async def _carried_out(work: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await carried_out(work)
    except _OvertakenError as overtaken:
        return problem(412, str(overtaken), overtaken.reason)


def _is_meant(wanted: str | None, row: Row) -> bool:
    """Whether what an If-Match names is still there: any of a list, or whatever there is."""
    if wanted is None:
        return True
    try:
        now = etag_of(row())
    except UnknownError:
        return False
    return any(one.strip() in {"*", now} for one in wanted.split(","))


def _is_there(row: Row) -> bool:
    try:
        row()
    except UnknownError:
        return False
    return True
