"""The requests we want to make of one station: one at a time, the important ones first, the newest limit only.

OCPP-J allows one outstanding request per direction (OCPP-J 1.6, section 4.1.1).
"""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

MAX_WAITING = 64
MAX_ABANDONED = 16


class Priority(IntEnum):
    """What overtakes what."""

    REDUCTION = 0
    LIMIT = 1
    STOP = 2
    READ_BACK = 3
    COMMAND = 4
    SET_UP = 5


@dataclass(frozen=True, slots=True)
class Answered:
    """The station answered with this payload."""

    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """The station answered with an error."""

    code: str
    description: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No answer in time, or the link broke; the request may have been carried out all the same."""

    reason: str


Outcome = Answered | Refused | Unanswered

Build = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request to be made. `build` makes the payload at the moment of sending, so that times in it are right.

    `key`: a newer request with the same key replaces one that is still waiting. `on_sent` is called just before the
    frame goes out, `on_outcome` once for each request that was sent, and possibly once more when an answer comes late.
    """

    action: str
    build: Build
    priority: Priority
    timeout_s: float
    on_outcome: Callable[[Outcome], None]
    on_sent: Callable[[], None] | None = None
    key: Hashable | None = None


class QueueFullError(RuntimeError):
    """Too many requests wait for this station."""


class CallQueue:
    """Waiting requests of one station, and the one that is under way."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, tuple[Priority, int, Request]] = {}
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._outstanding: tuple[str, asyncio.Future[Outcome]] | None = None
        self._abandoned: OrderedDict[str, Request] = OrderedDict()

    def put(self, request: Request) -> None:
        """Queue a request; raises QueueFullError beyond the bound. Requests with a key are bounded by their keys."""
        number = next(self._order)
        key = number if request.key is None else request.key
        if request.key is None and len(self._waiting) >= MAX_WAITING:
            raise QueueFullError(f"{MAX_WAITING} requests are waiting already")
        self._waiting[key] = (request.priority, number, request)
        self._wake.set()

    async def next(self, patience_s: float) -> Request | None:
        """The most important waiting request; None when there is none within `patience_s`."""
        if not self._waiting:
            self._wake.clear()
            alarm = asyncio.get_running_loop().call_later(patience_s, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                alarm.cancel()
            if not self._waiting:
                return None
        key = min(self._waiting, key=lambda k: self._waiting[k][:2])
        return self._waiting.pop(key)[2]

    def start(self, identity: str) -> asyncio.Future[Outcome]:
        """Mark the request with this message id as under way."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._outstanding = (identity, future)
        return future

    def abandon(self, identity: str, request: Request) -> None:
        """Give up waiting; a late answer still counts unless a newer request of the same key went out since."""
        self._outstanding = None
        self._abandoned[identity] = request
        while len(self._abandoned) > MAX_ABANDONED:
            self._abandoned.popitem(last=False)

    def supersede(self, key: Hashable | None) -> None:
        """A request of this key went out: late answers to older ones mean nothing any more."""
        if key is not None:
            for old, other in list(self._abandoned.items()):
                if other.key == key:
                    del self._abandoned[old]

    def resolve(self, identity: str, outcome: Outcome) -> bool:
        """Deliver an answer; False when nobody asked."""
        if self._outstanding is not None and self._outstanding[0] == identity:
            future = self._outstanding[1]
            self._outstanding = None
            if not future.done():
                future.set_result(outcome)
            return True
        late = self._abandoned.pop(identity, None)
        if late is None:
            return False
        late.on_outcome(outcome)
        return True

    def close(self, reason: str) -> None:
        """The link is gone: nobody will answer any more."""
        if self._outstanding is not None:
            identity, future = self._outstanding
            self._outstanding = None
            if not future.done():
                future.set_result(Unanswered(reason))
            self._abandoned.pop(identity, None)
        waiting, self._waiting = self._waiting, {}
        for _, _, request in waiting.values():
            if request.on_sent is None:
                request.on_outcome(Unanswered(reason))
