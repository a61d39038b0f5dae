"""The requests we make of one station: one at a time, the important ones first, the newest limit only.

OCPP-J allows one outstanding request per direction (OCPP-J 1.6, section 4.1.1).
"""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

MAX_WAITING = 64
MAX_ABANDONED = 16

PATIENCE = 1.5
MAX_PATIENCE_S = 30.0
"""A station is waited for as long as a request says, and at least so many times what its last answer to the same took:
many work off one request after the other, and to ask faster than they answer makes every answer later (Q111).
"""


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


class Request(NamedTuple):
    """A request to be made. `build` makes the payload at the moment of sending, so that times in it are right.

    `key`: a newer request with the same key replaces one that is still waiting. `on_sent` is called when the frame goes
    out, `on_outcome` once for each request that was sent, and possibly once more when an answer comes late. The answer
    is waited for up to `leisure_s`, where that is longer than `timeout_s`, as long as nothing more important waits.
    """

    action: str
    build: Build
    priority: Priority
    timeout_s: float
    on_outcome: Callable[[Outcome], None]
    on_sent: Callable[[], None] | None = None
    key: Hashable | None = None
    leisure_s: float = 0.0


class QueueFullError(RuntimeError):
    """Too many requests wait for this station."""


class _Sent(NamedTuple):
    identity: str
    request: Request
    at: float
    patience_s: float
    alarm: asyncio.TimerHandle
    is_outdated: bool = False


class LastAnswer(NamedTuple):
    """A request that was answered last: what it was, how long that took, and when, in the time of the loop."""

    action: str
    took_s: float
    at: float


class CallQueue:
    """Waiting requests of one station, and the one that is under way.

    `send` puts a request on the wire and returns its message id; None when it could not be made, and then the sender
    has told its outcome. `on_silence` is told the action of each request that got no answer in time.

    It lives on callbacks, without a task of its own: a limit to five hundred stations is five hundred small steps, and
    waking a task for each costs more than the step.
    """

    def __init__(self, send: Callable[[Request], str | None], on_silence: Callable[[str], None]) -> None:
        self._send = send
        self._on_silence = on_silence
        self._waiting: dict[Hashable, tuple[Priority, int, Request]] = {}
        self._order = itertools.count()
        self._under_way: _Sent | None = None
        self._abandoned: OrderedDict[str, _Sent] = OrderedDict()
        self._took_s: dict[str, float] = {}
        self.last: LastAnswer | None = None
        self._is_due = False
        self._closed: str | None = None

    def put(self, request: Request) -> None:
        """Queue a request; raises QueueFullError beyond the bound. Requests with a key are bounded by their keys."""
        if self._closed is not None:
            _tell_waiting(request, self._closed)
            return
        number = next(self._order)
        key = number if request.key is None else request.key
        if request.key is None and len(self._waiting) >= MAX_WAITING:
            raise QueueFullError(f"{MAX_WAITING} requests are waiting already")
        self._waiting[key] = (request.priority, number, request)
        self._hurry(request.priority)
        self._go_on()

    def resolve(self, identity: str, outcome: Outcome) -> bool:
        """Deliver an answer; False when nobody asked."""
        sent = self._under_way
        if sent is not None and sent.identity == identity:
            sent.alarm.cancel()
            self._under_way = None
        elif identity in self._abandoned:
            sent = self._abandoned.pop(identity)
        else:
            return False
        now = asyncio.get_running_loop().time()
        self._took_s[sent.request.action] = now - sent.at
        self.last = LastAnswer(sent.request.action, now - sent.at, now)
        self._go_on()
        if not sent.is_outdated:
            sent.request.on_outcome(outcome)
        return True

    def close(self, reason: str) -> None:
        """The link is gone: nobody will answer any more."""
        self._closed = reason
        self._abandoned.clear()
        under_way, self._under_way = self._under_way, None
        waiting, self._waiting = self._waiting, {}
        if under_way is not None:
            under_way.alarm.cancel()
            under_way.request.on_outcome(Unanswered(reason))
        for _, _, request in waiting.values():
            _tell_waiting(request, reason)

    def _go_on(self) -> None:
        """Send the next one soon: after whatever else is put now, so that the most important one goes first."""
        if self._waiting and self._under_way is None and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._send_next)

    def _send_next(self) -> None:
        self._is_due = False
        if self._under_way is not None or not self._waiting:
            return
        key = (
            min(self._waiting, key=lambda k: self._waiting[k][:2])
            if len(self._waiting) > 1
            else next(iter(self._waiting))
        )
        request = self._waiting.pop(key)[2]
        identity = self._send(request)
        if identity is None:
            self._go_on()
            return
        loop = asyncio.get_running_loop()
        patience_s = max(request.timeout_s, min(MAX_PATIENCE_S, PATIENCE * self._took_s.get(request.action, 0.0)))
        patience_s = max(patience_s, request.leisure_s)
        alarm = loop.call_later(patience_s, self._give_up)
        self._under_way = _Sent(identity, request, loop.time(), patience_s, alarm)
        self._supersede(request.key)
        if self._waiting:
            self._hurry(min(priority for priority, _, _ in self._waiting.values()))
        if request.on_sent is not None:
            request.on_sent()

    def _hurry(self, waiting: Priority) -> None:
        """A limit does not wait for what takes its time: that gets what its own time is, and no more."""
        sent = self._under_way
        if sent is None or waiting > Priority.STOP or not sent.request.leisure_s:
            return
        loop = asyncio.get_running_loop()
        due = sent.at + sent.request.timeout_s
        if due < sent.alarm.when():
            sent.alarm.cancel()
            alarm = loop.call_at(max(due, loop.time()), self._give_up)
            patience_s = max(sent.request.timeout_s, loop.time() - sent.at)
            self._under_way = sent._replace(patience_s=patience_s, alarm=alarm)

    def _supersede(self, key: Hashable | None) -> None:
        """A request of this key went out: late answers to older ones mean nothing any more."""
        if key is not None and self._abandoned:
            for identity, sent in self._abandoned.items():
                if sent.request.key == key:
                    self._abandoned[identity] = sent._replace(is_outdated=True)

    def _give_up(self) -> None:
        """Wait no longer; a late answer still counts unless a newer request of the same key went out since."""
        sent, self._under_way = self._under_way, None
        assert sent is not None
        request = sent.request
        self._abandoned[sent.identity] = sent
        while len(self._abandoned) > MAX_ABANDONED:
            self._abandoned.popitem(last=False)
        self._go_on()
        request.on_outcome(Unanswered(f"no answer within {sent.patience_s:.0f} s"))
        self._on_silence(request.action)


def _tell_waiting(request: Request, reason: str) -> None:
    """What was never sent has no outcome, but somebody who only waits for an answer is told that none will come."""
    if request.on_sent is None:
        request.on_outcome(Unanswered(reason))
