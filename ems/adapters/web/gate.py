"""What every request passes and every answer carries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ems.adapters.web.entrance import (
    CSRF_FIELD,
    CSRF_HEADER,
    FORM_KEY,
    Asking,
    Entrance,
    fields_of,
    name_of,
)
from ems.adapters.web.navigation import Counts, Menu, offer
from ems.adapters.web.needs import SCOPE_KEY, Need
from ems.adapters.web.problem import problem, turned_away
from ems.domain.access.account import Kind, Role

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
STREAMS = frozenset({"/api/v1/events", "/api/v1/notices/stream"})
AT_ONCE = 4
READING = frozenset({"GET", "HEAD"})
WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
MAX_BODY, MAX_FORM = 500_000, 20_000
"""Bytes; reading JSON of that size takes no longer than a turn of the event loop may."""

BODY_S = 5.0
"""So long a body may take."""

JSON, FORM = "application/json", "application/x-www-form-urlencoded"

Needed = Callable[[str, str], Need | None]
"""What a method needs at a path; None where nothing takes it."""

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with none, browsers say of our own forms that they are from nowhere
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Gate:
    """Lets in who asks for one of our names, from no foreign page; finds out who it is; marks every answer.

    A page elsewhere can make a browser ask us under its own name (rebinding), so unknown names are refused; an address
    is no name, and the one that a connection came to is ours. Only a few questions are worked on at a time, so that no
    crowd of visitors can fill a turn of the event loop; what mostly waits is not one of them.

    Reading takes no body. Who writes must be allowed what the path needs before the body is read, whole and within
    bounds. No page of another site can write: browsers say where a page is from, forms of elsewhere are not JSON, and a
    login counts only together with its second secret (`entrance.py`).
    """

    def __init__(
        self,
        app: ASGIApp,
        names: Collection[str],
        needed: Needed = lambda _method, _path: None,
        entrance: Entrance | None = None,
        counts: Counts | None = None,
    ) -> None:
        """`needed` is how everybody finds out what a way through the gate needs."""
        self.app = app
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._names = LOOPBACK | {name.lower().strip("[]") for name in names}
        self.needed, self._entrance = needed, entrance or Entrance()
        self._menu = Menu(needed, counts=counts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] != "http":
            return
        headers, method = Headers(scope=scope), scope["method"]
        need = self.needed(method, scope["path"])
        asking = self._entrance.asking(scope, headers)
        scope[SCOPE_KEY] = asking.visitor
        offer(self._menu.tabs(asking.visitor, scope["path"]))
        app: ASGIApp = self._refuse(scope, headers, need, asking) or self.app
        if app is self.app and need is not None and method in WRITING:
            refused = need.refusal(asking.visitor)
            if refused is not None:
                app = await turned_away(Request(scope), refused)
            else:
                app, receive = await self._read(scope, headers, receive, need, asking)
        answer = self._watched(scope, headers, _marking(send)) if scope["path"] in STREAMS else _marking(send)
        if scope["path"] in STREAMS or (need is not None and need.waits):
            await app(scope, receive, answer)
            return
        async with self._turns:
            await app(scope, receive, answer)

    def _refuse(self, scope: Scope, headers: Headers, need: Need | None, asking: Asking) -> Response | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(name_of(hosts[0]), scope):
            return problem(400, "ask under a name that this controller is configured for", "unknown-host", _LAST)
        origin = headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != hosts[0].lower():
            return problem(403, "pages of other sites may not read this", "foreign-origin", _LAST)
        if asking.bad_token:
            detail = "this token opens nothing: it is unknown, expired or revoked, or its user is disabled"
            return problem(401, detail, "bad-token", {"www-authenticate": "Bearer", **_LAST})
        if scope["method"] in WRITING and need is not None:
            return _refuse_writing(scope["method"], headers, need)
        if scope["method"] not in READING:
            return self._not_taken(scope["path"])
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return problem(413, "nothing here takes a body", headers=_LAST)
        return None

    def _not_taken(self, path: str) -> Response:
        """What the path takes instead; where there is nothing, it is read at most."""
        taken = ", ".join(one for one in METHODS if self.needed(one, path) is not None) or "GET"
        return problem(405, f"this path takes {taken}", headers={"allow": taken, **_LAST})

    def _is_ours(self, name: str, scope: Scope) -> bool:
        server = scope.get("server")
        return name in self._names or (server is not None and name == server[0])

    async def _read(
        self, scope: Scope, headers: Headers, receive: Receive, need: Need, asking: Asking
    ) -> tuple[ASGIApp, Receive]:
        """What is to answer, and what hands on the body of something that may be written."""
        try:
            body, again = await whole(receive, int(headers.get("content-length", "0")))
            if need.takes_form:
                scope[FORM_KEY] = fields_of(body) if body else {}
            else:
                must_be_json(body)
        except ValueError as wrong:
            kind = "a form" if need.takes_form else "JSON"
            return problem(400, f"the body is not {kind} as it should be: {wrong}", "bad-body", _LAST), receive
        except TimeoutError:
            return problem(408, "the body took too long", headers=_LAST), receive
        if need.role is not None and asking.visitor.kind is Kind.PERSON:
            told = scope.get(FORM_KEY, {}).get(CSRF_FIELD, "") or headers.get(CSRF_HEADER, "")
            if not asking.brings(told):
                detail = f"the second secret of the login is missing: load the page again, or send it as {CSRF_HEADER}"
                return problem(403, detail, "csrf", _LAST), again
        return self.app, again

    def _watched(self, scope: Scope, headers: Headers, send: Send) -> Send:
        """An endless answer ends when its visitor may not see it any more."""
        over = False

        async def sent(message: Message) -> None:
            nonlocal over
            if over:
                return
            role = self._entrance.asking(scope, headers).visitor.role
            if message["type"] == "http.response.body" and (role or 0) < Role.VIEWER and message.get("more_body"):
                message, over = {"type": "http.response.body", "body": b"", "more_body": False}, True
            await send(message)

        return sent


def _refuse_writing(method: str, headers: Headers, need: Need) -> Response | None:
    site = headers.get("sec-fetch-site")
    if site not in {None, "none", "same-origin"}:
        return problem(403, "pages of other sites may not change this", "foreign-origin", _LAST)
    if need.takes_form and site is None and "origin" not in headers:
        return problem(403, "forms are sent by a browser, which says from which page", "foreign-origin", _LAST)
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not (length.isascii() and length.isdecimal()):
        return problem(411, "say how long the body is", headers=_LAST)
    most = 0 if method == "DELETE" else MAX_FORM if need.takes_form else MAX_BODY
    if len(length) > 9 or int(length) > most:
        return problem(413, "the body is larger than anything that can be told here", headers=_LAST)
    media, wanted = headers.get("content-type", "").partition(";")[0].strip().lower(), FORM if need.takes_form else JSON
    if method != "DELETE" and media != wanted:
        return problem(415, f"write the body as {wanted}", headers=_LAST)
    return None


async def whole(receive: Receive, length: int) -> tuple[bytes, Receive]:
    """Read a body to its end; returns it, and what hands it on. Raises TimeoutError."""
    body = b""
    async with asyncio.timeout(BODY_S):
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] != "http.request" or not message.get("more_body", False) or len(body) > length:
                break
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, again


def must_be_json(body: bytes) -> None:
    """Raises ValueError when a body is there and is no JSON, or has a key twice or a number that is none."""
    if body:
        try:
            json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


_LAST = {"connection": "close"}


def _marking(send: Send) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return marked
