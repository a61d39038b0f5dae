"""One live link to one station: reads frames, answers requests, makes ours, notices when the peer is dead."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from ems.adapters.ocpp import frame
from ems.adapters.ocpp.call_queue import (
    Answered,
    CallQueue,
    Outcome,
    Priority,
    QueueFullError,
    Refused,
    Request,
    Unanswered,
)
from ems.adapters.ocpp.handshake import host_of
from ems.adapters.ocpp.schemas import OutgoingError
from ems.adapters.ocpp.socket import StationSocket
from ems.adapters.ocpp.timeline import Timeline
from ems.domain.instant import Instant
from ems.ports.controller import Clock

log = logging.getLogger(__name__)

WRITE_S = 5.0
ANSWER_S = 5.0
PING_EVERY_S = 10.0
PONG_SILENCE_S = 30.0
"""A station that ever answered a ping and then is silent for so long is gone (failsafe row 4)."""

HEARTBEATS_MISSED = 3
TIMEOUTS_TOLERATED = 3
MUTE_S = 60.0
"""So many requests in a row without an answer, not all of one kind, and none answered for so long, not even late: the
link is closed, because some stations only recover by reconnecting (Q81)."""

Reply = bytes | None


class Dialect(Protocol):
    """One OCPP version, speaking with one station."""

    version: str
    prompt: frozenset[str]
    """Requests that `handle` answers without waiting."""

    @property
    def heartbeat_s(self) -> float:
        """How often the station is told to say that it is there."""
        ...

    def handle(self, call: frame.Call, now: Instant) -> Reply | Awaitable[Reply]:
        """The frame that answers a request of the station, heard `now`; never raises for what the station sent."""
        ...


class Connection:
    """A socket with a generation number; it ends when the socket does, and never touches a successor."""

    def __init__(
        self, socket: StationSocket, station: str, generation: int, clock: Clock, timeline: Timeline | None = None
    ) -> None:
        self.station = station
        self.timeline = timeline or Timeline()
        self.generation = generation
        self.queue = CallQueue(self._make, self._unanswered)
        self.deviations: Counter[str] = Counter()
        self.opened_at = self.heard_at = clock.now().monotonic_s
        self.frames = 0
        self._silences: list[str] = []
        self._silent_since = self.opened_at
        self._mute = asyncio.Event()
        self._socket = socket
        self._clock = clock
        self._ponged = False
        self._numbers = itertools.count(1)

    async def run(self, dialect: Dialect, beside: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Serve the link until it ends; `beside` runs along and may end earlier."""
        self._socket.taker = partial(self._at_once, dialect)
        try:
            async with asyncio.TaskGroup() as tasks:
                others = [tasks.create_task(self._watch(dialect)), tasks.create_task(beside())]
                await self._read(dialect)
                for task in others:
                    task.cancel()
        except* (ConnectionClosed, TimeoutError, OSError):
            pass
        finally:
            self._socket.taker = None
            self.queue.close("the link ended")
            await self.close(1001, "bye")

    @property
    def called_as(self) -> str | None:
        """The name or address by which the station reaches this machine, without a port."""
        request, here = self._socket.request, self._socket.local_address
        named = None if request is None else host_of(request.headers)
        return named or (None if here is None else str(here[0]))

    async def close(self, code: int, reason: str) -> None:
        """End the link, politely if the peer allows it."""
        try:
            async with asyncio.timeout(WRITE_S):
                await self._socket.close(code, reason)
        except (TimeoutError, OSError, ConnectionClosed):
            self._socket.transport.abort()

    async def answers_ping(self, within_s: float) -> bool:
        """Whether the peer is alive: it answers a ping, or says anything, within the time."""
        frames = self.frames
        try:
            async with asyncio.timeout(within_s):
                await (await self._socket.ping())
        except (TimeoutError, ConnectionClosed, OSError):
            return self.frames > frames
        self._pong()
        return True

    def call(self, request: Request) -> None:
        """Queue a request."""
        self.queue.put(request)

    async def ask(
        self,
        action: str,
        payload: Mapping[str, Any],
        priority: Priority = Priority.COMMAND,
        timeout_s: float = 10.0,
        leisure_s: float = 0.0,
        late: Callable[[Outcome], None] = lambda _: None,
    ) -> Outcome:
        """Make a request and wait for what became of it; never longer than everything before it and its own time.
        `late` is told an answer that comes after that.
        """
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def done(result: Outcome) -> None:
            if outcome.done():
                late(result)
            else:
                outcome.set_result(result)

        try:
            self.queue.put(Request(action, lambda: payload, priority, timeout_s, done, leisure_s=leisure_s))
        except QueueFullError as full:
            return Unanswered(str(full))
        return await outcome

    def _at_once(self, dialect: Dialect, data: bytes) -> bool:
        """Deal with a message that needs no waiting; others are left to `_read`."""
        found = frame.parse(data)
        is_prompt = found.action in dialect.prompt if isinstance(found, frame.Call) else isinstance(found, frame.Result)
        if not is_prompt or self._socket.transport.get_write_buffer_size():
            return False
        reply = self._take(dialect, found, data)
        assert isinstance(reply, bytes | None)
        if reply is not None:
            self._write(reply)
        return True

    async def _read(self, dialect: Dialect) -> None:
        while True:
            data = await self._socket.recv(decode=False)
            reply = self._take(dialect, frame.parse(data), data)
            if reply is not None and not isinstance(reply, bytes):
                reply = await reply
            if reply is not None and not self._write(reply):
                await self._write_slowly(reply)
            self._socket.done()

    def _take(self, dialect: Dialect, found: frame.Frame, data: bytes) -> Reply | Awaitable[Reply]:
        """Deal with a message; what is to be answered to it, if anything."""
        now = self._clock.now()
        self.heard_at = now.monotonic_s
        self.frames += 1
        self.timeline.heard(now.utc, found, data)
        match found:
            case frame.Call() as call:
                reply = dialect.handle(call, now)
                if reply is not None and not isinstance(reply, bytes):
                    return self._answered_in_time(reply, call, now)
                if reply is not None:
                    self.timeline.answered(now.utc, call, reply)
                return reply
            case frame.Result(identity, payload):
                body = frame.decode_object(payload)
                self._resolve(identity, Answered(body) if body is not None else Refused("Payload", "not an object"))
            case frame.Error(identity, code, description):
                self._resolve(identity, Refused(code, description))
            case frame.Malformed(identity, reason):
                self._deviates("malformed frame", reason)
                if identity is not None:
                    return frame.error(identity, "FormationViolation", reason)
        return None

    async def _answered_in_time(self, reply: Awaitable[Reply], call: frame.Call, now: Instant) -> Reply:
        """An answer that takes a while, but not for ever."""
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await reply
        except TimeoutError:
            answer = frame.error(call.id, "InternalError", "busy")
        if answer is not None:
            self.timeline.answered(now.utc, call, answer)
        return answer

    def _resolve(self, identity: str, outcome: Outcome) -> None:
        self._silences.clear()
        if not self.queue.resolve(identity, outcome):
            self._deviates("answer nobody asked for", identity[:64])

    def _make(self, request: Request) -> str | None:
        """Put a request on the wire; its message id, or None when it would not be what the standard allows."""
        identity = f"{self.generation}-{next(self._numbers)}"
        try:
            data = frame.call(identity, request.action, request.build())
        except OutgoingError as wrong:
            log.exception("request.invalid id=%r action=%s", self.station, request.action)
            request.on_outcome(Refused("OutgoingError", str(wrong)))
            return None
        self.timeline.asked(self._clock.now().utc, identity, request.action, data)
        self._write(data, waits=True)
        return identity

    def _unanswered(self, action: str) -> None:
        now = self._clock.now().monotonic_s
        if not self._silences:
            self._silent_since = now
        self._silences = [*self._silences[-TIMEOUTS_TOLERATED:], action]
        several = len(self._silences) >= TIMEOUTS_TOLERATED and len(set(self._silences)) > 1
        if several and now - self._silent_since >= MUTE_S:
            self._mute.set()

    def _write(self, data: bytes, waits: bool = False) -> bool:
        """Hand a frame to the socket without waiting. False when earlier ones are still there, unless it `waits` behind
        them; whoever never reads is found by `_watch`, which does wait.
        """
        transport, protocol = self._socket.transport, self._socket.protocol
        if protocol.state is not State.OPEN or (not waits and transport.get_write_buffer_size()):
            return False
        protocol.send_text(data)
        for chunk in protocol.data_to_send():
            transport.write(chunk)
        return True

    async def _write_slowly(self, data: bytes) -> None:
        async with asyncio.timeout(WRITE_S):
            await self._socket.send(data, text=True)

    async def _watch(self, dialect: Dialect) -> None:
        """Look now and then whether the peer is alive; end the link of one that hears but does not answer."""
        while not self._mute.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(PING_EVERY_S):
                    await self._mute.wait()
                    break
            self._check_alive(dialect)
            await self._ping()
        log.warning("station.mute id=%r unanswered=%d", self.station, len(self._silences))
        await self.close(1008, "no answers")

    async def _ping(self) -> None:
        async with asyncio.timeout(WRITE_S):
            pong = await self._socket.ping()
        asyncio.ensure_future(pong).add_done_callback(self._pong_came)

    def _pong_came(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self._pong()

    def _pong(self) -> None:
        self._ponged = True
        self.heard_at = self._clock.now().monotonic_s

    def _check_alive(self, dialect: Dialect) -> None:
        silent = self._clock.now().monotonic_s - self.heard_at
        if silent > (PONG_SILENCE_S if self._ponged else HEARTBEATS_MISSED * dialect.heartbeat_s):
            raise TimeoutError(f"silent for {silent:.0f} s")

    def _deviates(self, kind: str, detail: str) -> None:
        self.deviations[kind] += 1
        if self.deviations[kind].bit_count() == 1:
            log.info("station.deviates id=%r kind=%r detail=%r count=%d", self.station, kind, detail[:64],
                     self.deviations[kind])  # fmt: skip
