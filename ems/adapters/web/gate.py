"""What every request passes and every answer carries."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ems.adapters.web.problem import problem

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
STREAM = "/api/v1/events"
AT_ONCE = 4
READING = frozenset({"GET", "HEAD"})

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
    """Lets in who asks for one of our names, from no foreign page, to read, and without a body; marks every answer.

    A page elsewhere can make a browser ask us under its own name (rebinding), so unknown names are refused. Only a few
    questions are worked on at a time, so that no crowd of visitors can fill a turn of the event loop; a stream, which
    mostly waits, is not one of them.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._names = LOOPBACK | {name.lower().strip("[]") for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] != "http":
            return
        app = self._refuse(scope["method"], Headers(scope=scope)) or self._app
        if scope["path"] == STREAM:
            await app(scope, receive, _marking(send))
            return
        async with self._turns:
            await app(scope, receive, _marking(send))

    def _refuse(self, method: str, headers: Headers) -> Response | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or name_of(hosts[0]) not in self._names:
            return problem(400, "ask under a name that this controller is configured for", "unknown-host", _LAST)
        origin = headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != hosts[0].lower():
            return problem(403, "pages of other sites may not read this", "foreign-origin", _LAST)
        if method not in READING:
            return problem(405, "everything here is read with GET", headers={"allow": "GET, HEAD", **_LAST})
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return problem(413, "nothing here takes a body", headers=_LAST)
        return None


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
