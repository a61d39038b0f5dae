"""Tells others what has happened: first on disk, then to each target in order, again and again until it has arrived.

No target waits for another, and nobody waits for a target.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from ems.domain.alarm.condition import Condition
from ems.domain.alarm.delivery import DEAD, Delivery, DeliveryState, pause_s
from ems.domain.alarm.notice import Notice, Topic
from ems.domain.decision import Level
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, NotStoredError
from ems.ports.delivery import NotDeliveredError
from ems.ports.notices import NoticeBook, Target, TargetState

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
MAX_FRESH = 10_000
MAX_SETTLED = 500
GATHER_S = 0.2
"""What happens at once is stored at once."""

RECALLS, RECALL_AGAIN_S = 6, 5.0
LAST_S = 2.0

Fresh = tuple[Topic, str, Mapping[str, Any], datetime, str | None, str]


class Postman:
    """A `Service` and the `Notices` port."""

    name = "notices"

    def __init__(
        self,
        targets: Iterable[Target],
        book: NoticeBook,
        clock: Clock,
        new_id: Callable[[], str] = lambda: f"evt_{uuid.uuid4().hex}",
    ) -> None:
        self._book, self._clock, self._new_id = book, clock, new_id
        self._rounds = {target.name: Round(target, book, clock) for target in targets}
        self._fresh: deque[Fresh] = deque(maxlen=MAX_FRESH)
        self._has_fresh, self._told = asyncio.Event(), asyncio.Event()
        self._last, self._recalled = 0, False

    def tell(self, topic: Topic, subject: str, data: Mapping[str, Any], at: datetime, target: str | None = None) -> str:
        """Something has happened; never waits. `target`: only that one is told. Returns the id of the notice."""
        name = self._new_id()
        self._fresh.append((topic, subject, data, at, target, name))
        self._has_fresh.set()
        return name

    async def run(self) -> None:
        """Take up what the run before left, then work until cancelled."""
        if not self._recalled:
            await self._recall()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep())
                for one in self._rounds.values():
                    group.create_task(one.run())
        finally:
            # What has just happened is for the next run to tell.
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_S):
                    await self._keep_fresh()

    async def _recall(self) -> None:
        for _ in range(RECALLS):
            try:
                waiting, self._last = await self._book.waiting()
            except NotStoredError as failed:
                log.warning("notices.not-read cause=%r", str(failed))
                await asyncio.sleep(RECALL_AGAIN_S)
            else:
                for one in waiting:
                    if one.target in self._rounds:
                        self._rounds[one.target].add(one)
                    else:
                        self._book.delivered(one.dropped(self._clock.now().utc))
                break
        self._recalled = True

    async def _keep(self) -> None:
        while True:
            await self._has_fresh.wait()
            await asyncio.sleep(GATHER_S)
            for notice, targets in await self._keep_fresh():
                for target in targets:
                    self._rounds[target].add(Delivery(target, notice))
            announced, self._told = self._told, asyncio.Event()
            announced.set()

    async def _keep_fresh(self) -> Sequence[tuple[Notice, Sequence[str]]]:
        """Number and store what has happened; with the targets that are to be told."""
        self._has_fresh.clear()
        told: list[tuple[Notice, Sequence[str]]] = []
        while self._fresh:
            topic, subject, data, at, only, name = self._fresh.popleft()
            self._last += 1
            notice = Notice(self._last, name, at, topic, subject, data)
            wanted = [one for one, known in self._rounds.items() if topic in known.target.topics]
            told.append((notice, wanted if only is None else [only]))
        if told:
            try:
                await self._book.keep(told)
            except NotStoredError as failed:
                # They are told all the same; only a crash before that would lose them.
                log.warning("notices.not-stored count=%d cause=%r", len(told), str(failed))
        return told

    @property
    def last(self) -> int:
        """The number of the newest one."""
        return self._last

    async def news(self, after: int) -> int:
        """Wait until there is a newer one than `after`."""
        while self._last <= after:
            await self._told.wait()
        return self._last

    async def notices(self, after: int, most: int, topics: Iterable[Topic] = ()) -> Sequence[Notice]:
        """Notices with a number above `after`, the oldest first."""
        return await self._book.notices(after, most, topics)

    def troubles(self) -> Iterator[Condition]:
        """Targets that have taken nothing for long."""
        for one in self.targets():
            if one.is_dead:
                text = f"{one.name} takes no notices: {one.answer}"
                remedy = f"see whether {one.address} can be reached, then send it a test"
                yield Condition(f"target:{one.name}", "target", "site", Level.NORMAL, text, remedy)

    def targets(self) -> Sequence[TargetState]:
        """Everybody who is told."""
        return [one.state() for one in self._rounds.values()]

    async def deliveries(self, target: str, most: int) -> Sequence[Delivery]:
        """The newest deliveries to a target, as they are now: the disk is a second behind."""
        known = self._round(target)
        now = {one.notice.number: one for one in (*known.settled, *known.waiting)}
        found = await self._book.last_deliveries(target, most)
        return [now.get(one.notice.number, one) for one in found]

    async def test(self, target: str, who: str) -> Notice:
        """Send somebody a test."""
        self._round(target)
        now = self._clock.now().utc
        data = {"text": "This is a test. Nothing is wrong.", "asked_by": who}
        name = self.tell(Topic.TEST, target, data, now, target)
        return Notice(0, name, now, Topic.TEST, target, data)

    def _round(self, target: str) -> Round:
        if target not in self._rounds:
            raise UnknownError(f"nobody is called {target[:64]!r} here")
        return self._rounds[target]


class Round:
    """The way to one target."""

    def __init__(self, target: Target, book: NoticeBook, clock: Clock) -> None:
        self.target, self._book, self._clock = target, book, clock
        self.waiting: deque[Delivery] = deque()
        self.settled: deque[Delivery] = deque(maxlen=MAX_SETTLED)
        self._wakes = asyncio.Event()
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

    async def run(self) -> None:
        """Tell the target, one after the other, until cancelled."""
        while True:
            self._wakes.clear()
            if not self.waiting:
                await self._wakes.wait()
                continue
            some = [one.notice for one in self.waiting]
            hold_s = self.target.hold_s(some, self._clock.now().utc)
            if hold_s > 0.0:
                await self._rest(hold_s)
                continue
            await self._deliver([self.waiting[k] for k in range(min(self.target.most, len(self.waiting)))])
            if self._failures:
                # News do not shorten it: a target that is down is not asked more often because more happens.
                await asyncio.sleep(pause_s(self._failures))

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wakes.wait()
        except TimeoutError:
            return

    async def _deliver(self, some: Sequence[Delivery]) -> None:
        try:
            answer = await self.target.deliver([one.notice for one in some], some[0].attempts + 1)
        except NotDeliveredError as failed:
            self._failed(some, str(failed), failed.is_final)
            return
        except Exception as fault:  # ours: it must not end the way to the others
            log.exception("notices.fault target=%r", self.target.name)
            self._failed(some, f"a fault of ours: {fault!r}"[:200], False)
            return
        now = self._clock.now().utc
        if self._failures:
            log.warning("notices.well target=%r after=%d", self.target.name, self._failures)
        self._failures, self._failing_since, self._delivered, self._answer = 0, None, now, answer
        self._settle(some, [one.delivered(now, answer) for one in some])

    def _failed(self, some: Sequence[Delivery], why: str, is_refusal: bool) -> None:
        now = self._clock.now().utc
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
