"""What a virtual station still has to say: in order, across lost links."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Payload = Mapping[str, object]

MAX_WAITING = 2000
"""So many messages are kept; then the oldest that may be lost goes."""


@dataclass(slots=True)
class Message:
    """A CALL of the station. `payload` is made when it is sent, since it may need an earlier answer.

    `lasting` messages belong to a transaction: they are kept while offline and sent again until answered (OCPP 1.6,
    section 3.7). `answered` gets the answer, None when there was none or an error.
    """

    action: str
    payload: Callable[[], Payload]
    lasting: bool = False
    answered: Callable[[Payload | None], None] | None = None
    attempts: int = 0


class Outbox:
    """Messages in order. The head stays until it is `done`; while not `open` only BootNotification passes."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._open = False
        self.dropped = 0

    @property
    def open(self) -> bool:
        """The central system has accepted the station (OCPP 1.6, section 4.2)."""
        return self._open

    @open.setter
    def open(self, is_open: bool) -> None:
        self._open = is_open
        self._changed.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Message, *, first: bool = False) -> None:
        """Add a message, at the end or before all others."""
        if len(self._waiting) >= MAX_WAITING:
            self._drop_one()
        if first:
            self._waiting.appendleft(message)
        else:
            self._waiting.append(message)
        self._changed.set()

    async def head(self) -> Message:
        """Wait for the oldest message that may be sent; it stays."""
        while True:
            for message in self._waiting:
                if self._open or message.action == "BootNotification":
                    return message
            self._changed.clear()
            # Waits for the station's own clockwork, not for the world; whoever cancels the link ends it.
            await self._changed.wait()

    def done(self, message: Message) -> None:
        """A message was answered or given up."""
        if message in self._waiting:
            self._waiting.remove(message)

    def forget_passing(self) -> None:
        """The link is gone: only what belongs to transactions is kept."""
        self._waiting = deque(message for message in self._waiting if message.lasting)

    def _drop_one(self) -> None:
        victim = next((m for m in self._waiting if not m.lasting), self._waiting[0])
        self._waiting.remove(victim)
        self.dropped += 1
