"""Where stations put files over HTTP: a PUT, or a POST, of the file as it is, to a path that nobody can guess.

A server of its own, because stations must reach it and the page is for people: it listens in the stations' network, on
a port that the operating system gives where the settings name none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from urllib.parse import unquote

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ems.ports.stations import UploadBox, UploadRefusedError

log = logging.getLogger(__name__)

FOLDER = "/uploads/"
CHUNK_S = 60.0
"""So long a station may pause within a file; mobile links do."""

WHOLE_S = 3600.0
HEAD_S = 10.0
LISTEN_S = 5.0
MOST_AT_ONCE = 32
STOP_S = 3


class UploadServer:
    """A `Service`: takes files into the box until it is cancelled. `port` is 0 until it listens."""

    name = "uploads"

    def __init__(self, box: UploadBox, host: str, port: int = 0) -> None:
        self._box, self._host, self._wanted = box, host, port
        self._listening = asyncio.Event()
        self.port = 0

    async def url(self, host: str, word: str) -> str:
        """The folder into which a station that reaches us as `host` may put its file. Raises TimeoutError when nobody
        listens.
        """
        async with asyncio.timeout(LISTEN_S):
            await self._listening.wait()
        return f"http://{host}:{self.port}{FOLDER}{word}/"

    async def run(self) -> None:
        """Listen and serve. Raises OSError when the address is taken or not ours."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with socket.create_server((self._host, self._wanted), family=family) as listener:
            listener.setblocking(False)
            self.port = listener.getsockname()[1]
            self._listening.set()
            log.info("uploads.listening address=%s port=%d", self._host, self.port)
            server = _Server(
                uvicorn.Config(
                    self,
                    http=_Connection,
                    ws="none",
                    lifespan="off",
                    log_config=None,
                    access_log=False,
                    proxy_headers=False,
                    server_header=False,
                    limit_concurrency=MOST_AT_ONCE,
                    timeout_graceful_shutdown=STOP_S,
                )
            )
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await asyncio.shield(serving)
            finally:
                self._listening.clear()
                self.port = 0
                server.should_exit = True
                await asyncio.wait((serving,), timeout=STOP_S + 1)
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        word, _, name = path.removeprefix(FOLDER).partition("/")
        puts = scope["method"] in {"PUT", "POST"} and path.startswith(FOLDER)
        if not puts or not self._box.is_open(word):
            await _say(404, "nobody waits for a file here, or no longer", scope, receive, send)
            return
        try:
            async with asyncio.timeout(WHOLE_S):
                received = await self._box.receive(word, unquote(name), _chunks(receive))
        except UploadRefusedError as refused:
            await _say(refused.status, str(refused), scope, receive, send)
        except TimeoutError:
            await _say(408, "the file took too long", scope, receive, send)
        else:
            await _say(201, f"{received.size} bytes", scope, receive, send)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        async with asyncio.timeout(CHUNK_S):
            message = await receive()
        if message["type"] != "http.request":
            raise UploadRefusedError(400, "the file was cut off")
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


async def _say(status: int, words: str, scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(words, status, {"connection": "close"})(scope, receive, send)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the daemon."""
        yield


class _Connection(H11Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrowed as uvicorn does
        super().connection_made(transport)
        self.loop.call_later(HEAD_S, self._must_have_asked)

    def _must_have_asked(self) -> None:
        if not hasattr(self.cycle, "scope"):
            self.transport.abort()
