"""The WebSocket of a virtual station: OCPP-J 1.6, as a client, with calls in both directions."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import quote

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from ems.sim.outbox import Message, Outbox, Payload

log = logging.getLogger(__name__)

SUBPROTOCOL = Subprotocol("ocpp1.6")
CALL, RESULT, ERROR = 2, 3, 4
ANSWER_S = 30.0
OPEN_S = 10.0
BACKOFF_S = (1.0, 30.0)
MAX_LATE_ANSWERS = 32
HELD_S = 1e-3
"""What is left of a hold after it was waited for is rounding."""


class CallError(Exception):
    """A request that is answered with a CALLERROR."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(f"{code}: {description}")
        self.code, self.description = code, description


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request: after `after_s` (never, if infinite), and what the station does once it has left."""

    payload: Payload
    after_s: float = 0.0
    then: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where the central system listens, and as whom to call: `url` without the station's id."""

    url: str
    station: str
    password: str | None = None

    def target(self) -> str:
        """The whole URL."""
        return f"{self.url.rstrip('/')}/{quote(self.station, safe='')}"

    def headers(self) -> dict[str, str]:
        """HTTP Basic authentication, if there is a password."""
        if self.password is None:
            return {}
        token = base64.b64encode(f"{self.station}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {token}"}


Answers = Callable[[str, Mapping[str, Any]], Reply]
"""Handles a request of the central system; raises CallError."""


class StationLink:
    """Keeps a link up, sends what is in the outbox one by one, and answers what comes in."""

    def __init__(
        self,
        address: Address,
        outbox: Outbox,
        answers: Answers,
        changed: Callable[[bool], None],
        rng: np.random.Generator,
    ) -> None:
        self.address, self.outbox = address, outbox
        self._answers, self._changed, self._rng = answers, changed, rng
        self._connection: ClientConnection | None = None
        self._waiting: dict[str, asyncio.Future[Payload | None]] = {}
        self._ids = count(1)
        self._hold_until = -math.inf
        self._mute_until = -math.inf
        self._held = asyncio.Event()
        self.ping_s: float | None = 60.0
        self.attempts = 3
        self.retry_s = 10.0

    @property
    def is_up(self) -> bool:
        """A socket is open."""
        return self._connection is not None

    def cut(self, for_s: float = 0.0) -> None:
        """Break the link without a goodbye, and do not call again for so long."""
        self._hold_until = asyncio.get_running_loop().time() + for_s
        if self._connection is not None:
            self._connection.transport.abort()

    def mute(self, for_s: float) -> None:
        """Stay connected, but neither say nor answer anything for so long."""
        self._mute_until = asyncio.get_running_loop().time() + for_s

    async def run(self) -> None:
        """Call, serve, and call again with growing pauses, until cancelled."""
        pause_s, task = BACKOFF_S[0], asyncio.current_task()
        while True:
            held_s = self._hold_until - asyncio.get_running_loop().time()
            if held_s > HELD_S:
                await asyncio.sleep(held_s)
                continue
            try:
                async with connect(
                    self.address.target(),
                    subprotocols=[SUBPROTOCOL],
                    additional_headers=self.address.headers(),
                    compression=None,
                    open_timeout=OPEN_S,
                    ping_interval=self.ping_s,
                    proxy=None,
                ) as connection:
                    pause_s = BACKOFF_S[0]
                    await self._serve(connection)
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as wrong:
                log.debug("sim.station.no_link id=%s cause=%r", self.address.station, str(wrong)[:64])
            if task is not None and task.cancelling():
                # Before Python 3.13 a task group loses a cancellation that comes as one of its tasks fails (gh-116720).
                return
            await asyncio.sleep(pause_s * float(self._rng.uniform(0.8, 1.2)))
            pause_s = min(2.0 * pause_s, BACKOFF_S[1])

    async def _serve(self, connection: ClientConnection) -> None:
        self._connection = connection
        log.debug("sim.station.connected id=%s", self.address.station)
        self._changed(True)
        try:
            async with asyncio.TaskGroup() as group:
                sender = group.create_task(self._send_all(connection))
                await self._receive(connection, group)
                sender.cancel()
        except* ConnectionClosed:
            pass
        finally:
            self._connection = None
            for waiting in self._waiting.values():
                waiting.cancel()
            self._waiting.clear()
            self.outbox.forget_passing()
            self._changed(False)

    async def _receive(self, connection: ClientConnection, group: asyncio.TaskGroup) -> None:
        late: set[asyncio.Task[None]] = set()
        # The socket's own pings bound the wait; it ends with the link.
        async for frame in connection:
            if asyncio.get_running_loop().time() < self._mute_until:
                continue
            await self._take(connection, frame, group, late)
        for task in late:
            task.cancel()

    async def _take(
        self, connection: ClientConnection, frame: str | bytes, group: asyncio.TaskGroup, late: set[asyncio.Task[None]]
    ) -> None:
        try:
            content = json.loads(frame)
            kind, unique = content[0], content[1]
        except (ValueError, LookupError, TypeError):
            log.warning("sim.station.bad_frame id=%s frame=%r", self.address.station, frame[:64])
            return
        if kind in {RESULT, ERROR}:
            waiting = self._waiting.get(unique)
            if waiting is not None and not waiting.done():
                waiting.set_result(content[2] if kind == RESULT else None)
        elif kind == CALL and len(content) == 4:
            reply = self._reply(unique, content[2], content[3])
            if isinstance(reply, list):
                await connection.send(json.dumps(reply))
            elif reply.after_s <= 0:
                await self._answer(connection, unique, reply)
            elif math.isfinite(reply.after_s) and len(late) < MAX_LATE_ANSWERS:
                task = group.create_task(self._answer(connection, unique, reply))
                late.add(task)
                task.add_done_callback(late.discard)

    def _reply(self, unique: str, action: str, payload: Mapping[str, Any]) -> Reply | list[object]:
        try:
            return self._answers(action, payload)
        except CallError as wrong:
            return [ERROR, unique, wrong.code, wrong.description, {}]

    async def _answer(self, connection: ClientConnection, unique: str, reply: Reply) -> None:
        if reply.after_s > 0:
            await asyncio.sleep(reply.after_s)
        await connection.send(json.dumps([RESULT, unique, reply.payload]))
        if reply.then is not None:
            reply.then()

    async def _send_all(self, connection: ClientConnection) -> None:
        while True:
            message = await self.outbox.head()
            answer = await self._call(connection, message)
            message.attempts += 1
            if answer is None and message.lasting and message.attempts < self.attempts:
                await asyncio.sleep(self.retry_s * message.attempts)
                continue
            self.outbox.done(message)
            if message.answered is not None:
                message.answered(answer)

    async def _call(self, connection: ClientConnection, message: Message) -> Payload | None:
        """One CALL; None when it was answered with an error or not at all."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._mute_until - loop.time()))
        unique = f"{self.address.station}-{next(self._ids)}"
        self._waiting[unique] = loop.create_future()
        try:
            await connection.send(json.dumps([CALL, unique, message.action, message.payload()]))
            async with asyncio.timeout(ANSWER_S):
                return await self._waiting[unique]
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(unique, None)
