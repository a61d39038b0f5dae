"""The HTTP server, inside the event loop of the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from ems.adapters.web.accounts.port import Accounts
from ems.adapters.web.app import Document, WebOptions, create_app, described_by, warm_up
from ems.adapters.web.route import Router
from ems.adapters.web.stream import Hall
from ems.ports.controller import Clock, Live, Operations
from ems.ports.energy import Hindsight
from ems.ports.foresight import Foresight

_log = logging.getLogger(__name__)

STOP_S = 3.0
ROUND_S = 0.5
MAX_HEAD_BYTES = 16384
BACKLOG = 128
LOOPBACK_V4, LOOPBACK_V6 = "127.0.0.1", "::1"


class WebServer:
    """A `Service`: serves one site until it is cancelled, then lets everybody go within three seconds.

    Signals stay with the daemon. A connection that asks nothing, or takes nothing of its answer, is cut off: the web
    may cost a bounded amount of memory and sockets, whatever its visitors do.
    """

    name = "web"

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that a site may have or not
        self,
        live: Live,
        clock: Clock,
        options: WebOptions,
        operations: Operations | None = None,
        foresight: Foresight | None = None,
        further: Sequence[Router] = (),
        accounts: Accounts | None = None,
        hindsight: Hindsight | None = None,
        document: Document | None = None,
    ) -> None:
        self._options, self._accounts = options, accounts
        self._hall = Hall(options.max_streams)
        self._app = create_app(
            live, clock, options, self._hall, operations, foresight, further, accounts, hindsight, document
        )
        self.port = options.port

    def described(self) -> bytes:
        """The OpenAPI document, made here, as a gzip file. Takes seconds."""
        app = self._app.app
        assert isinstance(app, FastAPI)
        return described_by(app)

    @property
    def streams(self) -> int:
        """How many listen to the event stream now."""
        return self._hall.taken

    async def run(self) -> None:
        """Listen and serve; as long as there is no user, for this machine only. Raises OSError, with the remedy, when
        the address is taken or not ours.
        """
        wanted, accounts = self._options.host, self._accounts
        while accounts is not None and not accounts.anybody and not self._options.is_private:
            _log.warning("web.loopback-only wanted=%s: nobody can log in yet", wanted)
            await self._serve(LOOPBACK_V6 if ":" in wanted else LOOPBACK_V4, accounts.first())
        await self._serve(wanted, None)

    async def _serve(self, host: str, until: Coroutine[None, None, None] | None) -> None:
        """Listen there and serve until something happens, or until cancelled."""
        options = self._options
        listener = _listen(host, self.port)
        self.port = listener.getsockname()[1]
        self._hall.closing.clear()
        try:
            await warm_up(self._app)
        except BaseException:
            listener.close()
            raise
        server = _Server(_config(self._app, options))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        work = [serving, asyncio.create_task(_clean(server, options))]
        work += [] if until is None else [asyncio.create_task(until)]
        _log.info("web.listening address=%s port=%d", host, self.port)
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._hall.closing.set()
            server.should_exit = True
            try:
                await asyncio.wait((serving,), timeout=STOP_S)
            finally:
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)
                listener.close()
                _log.info("web.stopped port=%d", self.port)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the daemon."""
        yield


def _connection_class(most: int) -> type[H11Protocol]:
    """Connections of which there are `most`: a new one takes the place of one that asks nothing, or is not accepted."""

    class Connection(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrowed as uvicorn does
            super().connection_made(transport)
            others = [c for c in self.connections if isinstance(c, H11Protocol) and not c.transport.is_closing()]
            if len(others) > most:
                next((c for c in others if c is not self and _is_idle(c)), self).transport.abort()

    return Connection


def _is_idle(connection: H11Protocol) -> bool:
    return connection.cycle is None or connection.cycle.response_complete


def _config(app: Any, options: WebOptions) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return uvicorn.Config(
        app,
        http=_connection_class(options.max_connections),
        ws="none",
        lifespan="off",
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        proxy_headers=options.trusted_proxy is not None,
        forwarded_allow_ips=options.trusted_proxy or [],
        server_header=False,
        timeout_graceful_shutdown=int(STOP_S) - 1,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as refused:
        listener.close()
        remedy = "choose another with EMS_HTTP_PORT, or end the program that holds it"
        raise OSError(refused.errno, f"cannot serve the page on {host}:{port}: {refused.strerror}; {remedy}") from None
    listener.setblocking(False)
    return listener


async def _clean(server: _Server, options: WebOptions) -> None:
    """Cut off connections that have been waiting for a request, or for their visitor to read, for too long."""
    waits: WeakKeyDictionary[H11Protocol, tuple[object, float]] = WeakKeyDictionary()
    while True:
        await asyncio.sleep(ROUND_S)
        for connection in tuple(server.server_state.connections):
            assert isinstance(connection, H11Protocol)
            limit = _patience(connection, options)
            state = (connection.cycle, limit)
            known, waited = waits.get(connection, (None, 0.0))
            if limit is None or known != state:
                waits[connection] = (state, 0.0)
                continue
            waits[connection] = (state, waited + ROUND_S)
            if waited + ROUND_S >= limit:
                connection.transport.abort()


def _patience(connection: H11Protocol, options: WebOptions) -> float | None:
    if connection.flow.write_paused:
        return options.stalled_s
    return options.idle_s if _is_idle(connection) else None
