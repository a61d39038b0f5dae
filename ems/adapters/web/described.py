"""Things that people describe: shown, described anew and removed, without overwriting what somebody else changed
meanwhile. With If-Match and the ETag of what was read a change that was overtaken is refused, with If-None-Match: *
nothing is described that is there already (RFC 9110, section 13.1).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
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

Answers = dict[int | str, dict[str, Any]]

CHANGED: Answers = {412: documented("somebody has changed it meanwhile")}
REMOVED: Answers = {**GONE, **CHANGED}


async def _if_match(
    _: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="the ETag of what was read, several of them, or * for whatever is there: where it is another by"
            " now nothing changes, and the answer is 412",
        ),
    ] = None,
) -> None:
    """Declares the header; `kept` and `removed` look at it in the turn of the change."""


async def _if_none_match(
    _: Annotated[
        str | None,
        Header(alias="If-None-Match", description="*: nothing changes if it is there already, and the answer is 412"),
    ] = None,
) -> None:
    """Declares the header, as above."""


OVERTAKEN = [Depends(_if_match)]
"""Declares that a path honours If-Match; its answers include `CHANGED`."""

ANEW = [*OVERTAKEN, Depends(_if_none_match)]
"""Declares besides that a path honours If-None-Match: *."""


ETAG = {"ETag": {"description": "names what is shown, as it is now", "schema": {"type": "string"}}}


def tagged(model: type, *errors: int) -> Answers:
    """The answers of a path that shows such a body with its ETag: all errors, or those that are named."""
    answers = ok(model, *errors)
    return {**answers, 200: {**answers[200], "headers": ETAG}}


def changed(model: type) -> Answers:
    """The answers of a path that changes what it shows then, unless somebody else did so meanwhile."""
    return {**tagged(model), **CHANGED}


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
