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
from ems.domain.alarm.delivery import Delivery
from ems.domain.alarm.notice import Notice, Topic
from ems.domain.decision import Level
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, NotStoredError
from ems.ports.notices import NoticeBook, Target, TargetState
from ems.runtime.postman_round import GONE, Round

log = logging.getLogger(__name__)

MAX_FRESH = 10_000
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
        self._group: asyncio.TaskGroup | None = None

    def take_over(self, targets: Iterable[Target]) -> None:
        """These are told from now on. Who stays gets what waits for him, at his new address if he has one; what is on
        its way to somebody who is told no more is finished, and the rest is dropped.
        """
        now = {target.name: target for target in targets}
        for name in [name for name in self._rounds if name not in now]:
            self._rounds.pop(name).end()
        for name, target in now.items():
            if name in self._rounds:
                self._rounds[name].turn_to(target)
            else:
                one = self._rounds[name] = Round(target, self._book, self._clock)
                if self._group is not None:
                    self._group.create_task(one.run())

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
                self._group = group
                group.create_task(self._keep())
                for one in self._rounds.values():
                    group.create_task(one.run())
        finally:
            self._group = None
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
                    self._hand_over(one)
                break
        self._recalled = True

    def _hand_over(self, one: Delivery) -> None:
        """Who is told no more gets nothing."""
        if one.target in self._rounds:
            self._rounds[one.target].add(one)
        else:
            self._book.delivered(one.dropped(self._clock.now().utc, GONE))

    async def _keep(self) -> None:
        while True:
            await self._has_fresh.wait()
            await asyncio.sleep(GATHER_S)
            for notice, targets in await self._keep_fresh():
                for target in targets:
                    self._hand_over(Delivery(target, notice))
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
