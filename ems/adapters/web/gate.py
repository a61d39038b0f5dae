"""What every request passes and every answer carries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ems.adapters.web.needs import SCOPE_KEY, Need
from ems.adapters.web.problem import problem
from ems.domain.account import Role, Visitor

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
STREAM = "/api/v1/events"
AT_ONCE = 4
READING = frozenset({"GET", "HEAD"})
WRITING = frozenset({"POST", "PUT", "DELETE"})
MAX_BODY = 500_000
"""Bytes; reading JSON of that size takes no longer than a turn of the event loop may."""

BODY_S = 5.0
"""So long a body may take; it comes from this machine."""

Needed = Callable[[str, str], Need | None]
"""What a method needs at a path; None where nothing takes it."""

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Gate:
    """Lets in who asks for one of our names, from no foreign page; marks every answer.

    A page elsewhere can make a browser ask us under its own name (rebinding), so unknown names are refused. Only a few
    questions are worked on at a time, so that no crowd of visitors can fill a turn of the event loop; a stream, which
    mostly waits, is not one of them.

    Reading takes no body. Writing is for this machine alone, because nobody logs in: when the server `is_private`,
    under a name of this machine, not from a page of another site, and with JSON, which no form can send. Its body is
    read whole, within bounds, before its turn.
    """

    def __init__(
        self,
        app: ASGIApp,
        names: Collection[str],
        needed: Needed = lambda _method, _path: None,
        is_private: bool = True,
    ) -> None:
        self._app = app
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._names = LOOPBACK | {name.lower().strip("[]") for name in names}
        self._needed, self._is_private = needed, is_private

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        scope[SCOPE_KEY] = Visitor(role=Role.INSTALLER if self._is_private else Role.VIEWER)
        app: ASGIApp = self._refuse(scope["method"], scope["path"], headers) or self._app
        if app is self._app and scope["method"] in WRITING:
            try:
                receive = await whole(receive, int(headers.get("content-length", "0")))
            except ValueError as wrong:
                app = problem(400, f"the body is not JSON as it should be: {wrong}", "bad-json", _LAST)
            except TimeoutError:
                app = problem(408, "the body took too long", headers=_LAST)
        if scope["path"] == STREAM:
            await app(scope, receive, _marking(send))
            return
        async with self._turns:
            await app(scope, receive, _marking(send))

    def _refuse(self, method: str, path: str, headers: Headers) -> Response | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or name_of(hosts[0]) not in self._names:
            return problem(400, "ask under a name that this controller is configured for", "unknown-host", _LAST)
        origin = headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != hosts[0].lower():
            return problem(403, "pages of other sites may not read this", "foreign-origin", _LAST)
        if method in WRITING and self._needed(method, path) is not None:
            return self._refuse_writing(method, name_of(hosts[0]), headers)
        if method not in READING:
            return problem(405, "everything here is read with GET", headers={"allow": "GET, HEAD", **_LAST})
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return problem(413, "nothing here takes a body", headers=_LAST)
        return None

    def _refuse_writing(self, method: str, name: str, headers: Headers) -> Response | None:
        if not self._is_private or not _is_loopback(name):
            detail = (
                "nobody logs in here yet, so changes are taken on this machine only: serve on 127.0.0.1, and tunnel"
            )
            return problem(403, detail, "read-only", _LAST)
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return problem(403, "pages of other sites may not change this", "foreign-origin", _LAST)
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not (length.isascii() and length.isdecimal()):
            return problem(411, "say how long the body is", headers=_LAST)
        if len(length) > 9 or int(length) > (0 if method == "DELETE" else MAX_BODY):
            return problem(413, "the body is larger than anything that can be told here", headers=_LAST)
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        if method != "DELETE" and media != "application/json":
            return problem(415, "write the body as application/json", headers=_LAST)
        return None


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


async def whole(receive: Receive, length: int) -> Receive:
    """Read a body to its end; returns what hands it on. Raises ValueError when it is no JSON, or has a key twice or a
    number that is none; TimeoutError.
    """
    body = b""
    async with asyncio.timeout(BODY_S):
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] != "http.request" or not message.get("more_body", False) or len(body) > length:
                break
    if body:
        try:
            json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


_LAST = {"connection": "close"}


def name_of(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def _marking(send: Send) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return marked
