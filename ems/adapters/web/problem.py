"""Errors as the interface reports them (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ems.adapters.web.needs import NotAllowedError
from ems.adapters.web.page import environment, render

MEDIA_TYPE = "application/problem+json"
_HTML = "text/html; charset=utf-8"
MOST_SHOWN = 100
_FIELDS = {"type": "string", "title": "string", "status": "integer", "detail": "string", "reason": "string"}


def documented(words: str) -> dict[str, object]:
    """How the OpenAPI document describes such an error."""
    properties = {name: {"type": kind} for name, kind in _FIELDS.items()}
    schema = {"title": "Problem", "type": "object", "properties": properties, "required": list(_FIELDS)}
    return {"description": words, "content": {MEDIA_TYPE: {"schema": schema}}}


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
    return Response(json.dumps(body), status, {"cache-control": "no-store", **(headers or {})}, MEDIA_TYPE)


async def of_http(request: Request, error: Exception) -> Response:
    """What routing refused: no such path, no such method. A browser that looks for a page gets one."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND and _wants_page(request):
        page = await render(environment().get_template("not_found.html"), path=request.url.path[:MOST_SHOWN])
        return Response(page, 404, {"cache-control": "no-store"}, _HTML)
    taken = (error.headers or {}).get("allow", "GET")
    details = {404: "there is nothing here; the interface is described at /docs", 405: f"this path takes {taken}"}
    return problem(error.status_code, details.get(error.status_code, str(error.detail)), headers=error.headers)


async def of_query(_: Request, error: Exception) -> Response:
    """A query that does not fit; names the parameter, and never repeats what was sent."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(str(part) for part in e['loc'][1:])}: {e['msg']}" for e in error.errors()[:5]]
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
