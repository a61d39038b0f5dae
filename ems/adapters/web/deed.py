"""How a change is answered: what came of it, or why nothing did, in words; and who asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response

from ems.adapters.web.api import FRESH
from ems.adapters.web.needs import visitor
from ems.adapters.web.problem import documented, problem
from ems.domain.daybook import UnknownError
from ems.domain.vehicle import plain_id
from ems.ports.controller import NotStoredError

WHO = "x-operator"
"""The header in which whoever asks without a login may give a name; nobody checks it."""

ERRORS: dict[int | str, dict[str, Any]] = {
    400: documented("not JSON, or asked under a foreign name"),
    401: documented("nobody knows who asks: there is no login or token, or it is over"),
    403: documented("the role does not allow it, or a page of another site asks"),
    404: documented("there is nothing of that name"),
    415: documented("the body is not application/json"),
    422: documented("it cannot be meant"),
    503: documented("it could not be stored, and nothing has changed"),
}
GONE: dict[int | str, dict[str, Any]] = {**ERRORS, 204: {"description": "done"}}


def ok(model: type, *errors: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a path that goes well with such a body: all errors, or those that are named."""
    wrong = {status: words for status, words in ERRORS.items() if not errors or status in errors}
    return {200: {"model": model, "description": (model.__doc__ or "").split(";")[0].strip()}, **wrong}


async def answered(rows: Callable[[], Any], headers: dict[str, str] | None = None) -> Response:
    """An answer, made in a thread: a large fleet is more than a turn of the loop may hold."""
    text = await asyncio.to_thread(lambda: json.dumps(rows()))
    return Response(text, 200, {**FRESH, **(headers or {})}, "application/json")


async def carried_out(work: Callable[[], Awaitable[Response]]) -> Response:
    """The answer of something that may be refused, or not be stored."""
    try:
        return await work()
    except UnknownError as wrong:
        return problem(404, str(wrong), "unknown")
    except ValueError as wrong:
        return problem(422, str(wrong), "refused")
    except OverflowError:
        return problem(422, "a date lies beyond the calendar", "refused")
    except NotStoredError as wrong:
        return problem(503, f"nothing has changed, because it could not be stored: {wrong}", "not-stored")


async def done(change: Awaitable[None]) -> Response:
    """The answer of a change after which there is nothing to show."""

    async def work() -> Response:
        await change
        return Response(status_code=204, headers=dict(FRESH))

    return await carried_out(work)


def who(request: Request) -> str:
    """Who asks, as far as anybody can know: the name of a login, else what somebody at this machine says."""
    told, client = visitor(request).name or request.headers.get(WHO, ""), request.client
    address = "here" if client is None else client.host
    try:
        return f"{plain_id('a name', told)} ({address})"
    except ValueError:
        return f"somebody ({address})"
