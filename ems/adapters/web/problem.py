"""Errors as they are reported: to programs as RFC 9457 says, to people as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from ems.adapters.web.needs import NotAllowedError
from ems.adapters.web.page import environment, render

MEDIA_TYPE = "application/problem+json"
_HTML = "text/html; charset=utf-8"
MOST_SHOWN = 100
HEADINGS = {
    400: "That cannot be read",
    404: "There is no such page",
    422: "That does not fit",
    500: "That went wrong",
    503: "Not at the moment",
}
_FIELDS = {"type": "string", "title": "string", "status": "integer", "detail": "string", "reason": "string"}


def documented(words: str) -> dict[str, object]:
    """How the OpenAPI document describes such an error."""
    properties = {name: {"type": kind} for name, kind in _FIELDS.items()}
    schema = {"title": "Problem", "type": "object", "properties": properties, "required": list(_FIELDS)}
    return {"description": words, "content": {MEDIA_TYPE: {"schema": schema}}}


class Problem(Response):
    """An error in the form that fits who asked: a problem document, or a page with the same words and a way back."""

    media_type = MEDIA_TYPE

    def __init__(self, body: Mapping[str, object], headers: Mapping[str, str]) -> None:
        """`body`: the problem document, with its `status` and `detail`."""
        self._status, self._detail, self._own_headers = int(str(body["status"])), str(body["detail"]), headers
        super().__init__(json.dumps(body), self._status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if not _wants_page(Request(scope)):
            await super().__call__(scope, receive, send)
            return
        said = HEADINGS.get(self._status) or HTTPStatus(self._status).phrase
        page = await render(environment().get_template("problem.html"), heading=said, words=self._detail)
        await Response(page, self._status, self._own_headers, _HTML)(scope, receive, send)


def problem(
    status: int,
    detail: str,
    reason: str | None = None,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> Response:
    """An error with its remedy in `detail`; `reason` is a word for programs, `more` what else they may want to know."""
    title = HTTPStatus(status).phrase
    body = {
        **(more or {}),
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "reason": reason or title.lower().replace(" ", "-"),
    }
    return Problem(body, {"cache-control": "no-store", **(headers or {})})


async def of_http(request: Request, error: Exception) -> Response:
    """What routing refused: no such path, no such method."""
    assert isinstance(error, HTTPException)
    taken, path = (error.headers or {}).get("allow", "GET"), request.url.path[:MOST_SHOWN]
    misspelt = f"{path} is not here: it is misspelt, or belongs to something that this site does not have"
    absent = misspelt if _wants_page(request) else "there is nothing here; the interface is described at /docs"
    details = {404: absent, 405: f"this path takes {taken}"}
    return problem(error.status_code, details.get(error.status_code, str(error.detail)), headers=error.headers)


_WORDS = {"extra_forbidden": "there is no such key here; /docs lists those that there are"}
"""What is said of a kind of fault instead of what its library says."""


async def of_query(_: Request, error: Exception) -> Response:
    """A query that does not fit; names the parameter, and never repeats what was sent."""
    assert isinstance(error, RequestValidationError)
    wrong = [
        f"{'.'.join(str(part) for part in e['loc'][1:])}: {_WORDS.get(e['type'], e['msg'])}" for e in error.errors()[:5]
    ]
    return problem(422, "; ".join(wrong) or "the query does not fit", "bad-query")


async def of_not_allowed(request: Request, error: Exception) -> Response:
    """Nobody logged in, or somebody who may not do this."""
    assert isinstance(error, NotAllowedError)
    return await turned_away(request, error)


async def turned_away(request: Request, error: NotAllowedError) -> Response:
    """The answer to a visitor who may not: the reason for a program, the way to the login for a browser."""
    wants_page = _wants_page(request)
    if not error.known and wants_page:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = quote(asked, safe="/") if request.method == "GET" else "/"
        return Response(status_code=303, headers={"location": f"/login?next={back}", "cache-control": "no-store"})
    if wants_page:
        page = await render(environment().get_template("refused.html"), why=str(error))
        return Response(page, 403, {"cache-control": "no-store"}, _HTML)
    if error.known:
        return problem(403, str(error), "role")
    return problem(401, str(error), "login", {"www-authenticate": "Bearer"})


def _wants_page(request: Request) -> bool:
    """Whether a person asks, with a browser."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


async def of_failure(_: Request, error: Exception) -> Response:
    """Our own fault; what it was stands in the log, not in the answer."""
    del error
    return problem(500, "the request failed inside the controller; its log says why")
