"""The way of notices to one target: in order, again and again until they have arrived."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from ems.domain.alarm.delivery import DEAD, Delivery, DeliveryState, pause_s
from ems.domain.alarm.notice import Topic
from ems.ports.controller import Clock
from ems.ports.delivery import NotDeliveredError
from ems.ports.notices import NoticeBook, Target, TargetState

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
MAX_SETTLED = 500
GONE = "nobody of this name is told any more"


class Round:
    """The way to one target."""

    def __init__(self, target: Target, book: NoticeBook, clock: Clock) -> None:
        self.target, self._book, self._clock = target, book, clock
        self.waiting: deque[Delivery] = deque()
        self.settled: deque[Delivery] = deque(maxlen=MAX_SETTLED)
        self._wakes, self._turned = asyncio.Event(), asyncio.Event()
        self._left: list[Target] = []
        self._is_over = False
        self._failures, self._lost = 0, 0
        self._failing_since: datetime | None = None
        self._delivered: datetime | None = None
        self._answer = ""

    def add(self, one: Delivery) -> None:
        """Something is to be told. Where too much waits, the oldest change of a status goes, else the oldest."""
        if len(self.waiting) >= MAX_WAITING:
            least = (k for k, known in enumerate(self.waiting) if known.notice.topic is Topic.STATUS_CHANGED)
            # The first is perhaps being sent.
            k = next((k for k in least if k >= self.target.most), min(self.target.most, len(self.waiting) - 1))
            self._book.delivered(self.waiting[k].dropped(self._clock.now().utc))
            del self.waiting[k]
            self._lost += 1
        self.waiting.append(one)
        self._wakes.set()

    def turn_to(self, target: Target) -> None:
        """What waits is for this one, of the same name; what is being sent goes where it went."""
        if target != self.target:
            self._left.append(self.target)
            self.target = target
            self._failures, self._failing_since, self._answer = 0, None, ""
            self._wake()

    def end(self) -> None:
        """Tell him nothing more, once what is being sent has arrived or failed."""
        self._is_over = True
        self._wake()

    def _wake(self) -> None:
        self._wakes.set()
        self._turned.set()

    async def run(self) -> None:
        """Tell the target, one after the other, until cancelled or it is over."""
        while not self._is_over:
            self._wakes.clear()
            self._turned.clear()
            while self._left:
                await self._left.pop().close()
            if not self.waiting:
                await self._wakes.wait()
                continue
            some = [one.notice for one in self.waiting]
            hold_s = self.target.hold_s(some, self._clock.now().utc)
            if hold_s > 0.0:
                await _passed(self._wakes, hold_s)
                continue
            await self._deliver([self.waiting[k] for k in range(min(self.target.most, len(self.waiting)))])
            if self._failures:
                # News do not shorten it: a target that is down is not asked more often because more happens.
                await _passed(self._turned, pause_s(self._failures))
        now = self._clock.now().utc
        while self.waiting:
            self._book.delivered(self.waiting.popleft().dropped(now, GONE))
        for target in (*self._left, self.target):
            await target.close()

    async def _deliver(self, some: Sequence[Delivery]) -> None:
        target = self.target
        try:
            answer = await target.deliver([one.notice for one in some], some[0].attempts + 1)
        except NotDeliveredError as failed:
            self._failed(target, some, str(failed), failed.is_final)
            return
        except Exception as fault:  # ours: it must not end the way to the others
            log.exception("notices.fault target=%r", self.target.name)
            self._failed(target, some, f"a fault of ours: {fault!r}"[:200], False)
            return
        now = self._clock.now().utc
        if self._failures:
            log.warning("notices.well target=%r after=%d", self.target.name, self._failures)
        self._failures, self._failing_since, self._delivered, self._answer = 0, None, now, answer
        self._settle(some, [one.delivered(now, answer) for one in some])

    def _failed(self, target: Target, some: Sequence[Delivery], why: str, is_refusal: bool) -> None:
        now = self._clock.now().utc
        if target is not self.target:
            # Where it went is no address of his any more: that says nothing of the new one, which is tried at once.
            self._settle(some, [one.failed(now, why[:500], is_refusal=False) for one in some])
            return
        if not self._failures:
            log.warning("notices.failed target=%r cause=%.200r", self.target.name, why)
            self._failing_since = now
        self._failures, self._answer = self._failures + 1, why
        self._settle(some, [one.failed(now, why[:500], is_refusal) for one in some])

    def _settle(self, some: Sequence[Delivery], after: Sequence[Delivery]) -> None:
        """Put what waits still in place of what it was, and leave out what is over."""
        by_number = {one.notice.number: one for one in after}
        over = {number for number, one in by_number.items() if one.state is not DeliveryState.WAITING}
        for one in after:
            self._book.delivered(one)
            if one.state is not DeliveryState.WAITING:
                self.settled.append(one)
            if one.state is DeliveryState.GIVEN_UP:
                self._lost += 1
                log.error("notices.given-up target=%r notice=%s", self.target.name, one.notice.id)
        for k in range(min(len(some), len(self.waiting)) - 1, -1, -1):
            number = self.waiting[k].notice.number
            if number in over:
                del self.waiting[k]
            elif number in by_number:
                self.waiting[k] = by_number[number]

    def state(self) -> TargetState:
        """How it does."""
        now, since = self._clock.now().utc, self._failing_since
        return TargetState(
            self.target.name,
            self.target.address,
            tuple(sorted(self.target.topics)),
            len(self.waiting),
            self._failures,
            since,
            self._answer,
            self._delivered,
            self._lost,
            since is not None and now - since >= DEAD,
        )


async def _passed(wakes: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until woken."""
    try:
        async with asyncio.timeout(seconds):
            await wakes.wait()
    except TimeoutError:
        return
