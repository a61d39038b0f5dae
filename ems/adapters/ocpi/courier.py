"""The courier: tells partners what has changed, each in order, and waits for those that are away.

What waits for a partner is kept, so that neither a restart nor a power cut loses it. Of an object that changes again
while it waits only the last is told. A partner that does not take something gets what comes next all the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ems.adapters.ocpi.client import Client
from ems.adapters.ocpi.directory import Directory
from ems.adapters.ocpi.error import PartnerAwayError, PartnerRefusedError
from ems.domain.roaming import Partner, Push, ToldObject
from ems.ports.controller import Clock, NotStoredError
from ems.ports.roaming import RoamingBook

log = logging.getLogger(__name__)

FIRST_S, LONGEST_S = 5.0, 900.0
MOST = 5_000
"""Pushes that wait for one partner; then the oldest make room. Whatever is lost so it can still fetch."""

PASSING = frozenset({"locations", "tariffs"})
"""Modules whose objects are told anew at each start, so that nothing of them is kept."""


@dataclass(slots=True)
class Lane:
    """What waits for one partner, by number."""

    partner: str
    waiting: dict[int, Push] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: str = ""
    trouble_since: datetime | None = None
    last: datetime | None = None
    refused: int = 0
    failures: int = 0

    def take(self, key: str) -> Push | None:
        """Take out what waits for an object."""
        found = next((number for number, one in self.waiting.items() if one.key == key), None)
        return None if found is None else self.waiting.pop(found)

    def next(self) -> Push | None:
        """The oldest."""
        return self.waiting[min(self.waiting)] if self.waiting else None


class Courier:
    """`whole`: the whole object of a push, for a partner that does not know it yet; None when it is no more."""

    def __init__(
        self,
        client: Client,
        directory: Directory,
        book: RoamingBook,
        clock: Clock,
        whole: Callable[[Push], Awaitable[Push | None]],
    ) -> None:
        self._client, self._directory, self._book, self._clock, self._whole = client, directory, book, clock, whole
        self.lanes = {one.id: Lane(one.id) for one in directory}
        self._number = 0
        self._replaced: dict[int, Push] = {}

    def load(self, pushes: Iterable[Push]) -> None:
        """What the run before left."""
        for one in pushes:
            self._number = max(self._number, one.number)
            if one.partner in self.lanes:
                self.lanes[one.partner].waiting[one.number] = one

    def prepared(self, partner: str, module: str, key: str, method: str, path: str, body: object) -> Push:
        """A push that takes the place of what waits for the same object; `keep_and_send` it, or `send` it where nothing
        of it need be kept.
        """
        before = self.lanes[partner].take(key)
        if before is not None and method == "PATCH" and isinstance(body, dict) and before.method in {"PUT", "PATCH"}:
            method, body = before.method, {**json.loads(before.body), **body}
            path = before.path
        self._number += 1
        number = self._number if before is None else before.number
        if before is not None:
            self._replaced[number] = before
        text = "" if body is None else json.dumps(body)
        return Push(number, partner, module, key, method, path, text, self._clock.now().utc)

    def send(self, push: Push) -> None:
        """It is stored, or need not be: it waits for its turn."""
        self._replaced.pop(push.number, None)
        self._wait(push)

    async def keep_and_send(self, objects: Sequence[ToldObject], pushes: Sequence[Push]) -> None:
        """Store objects with what is to be told of them, then tell it. Raises NotStoredError, and then tells nothing:
        after a power cut nobody would know of it here. What the pushes were to take the place of waits again.
        """
        try:
            await self._book.keep_objects(objects, pushes)
        except NotStoredError:
            for before in (self._replaced.pop(push.number, None) for push in pushes):
                if before is not None:
                    self._wait(before)
            raise
        for push in pushes:
            self.send(push)

    def _wait(self, push: Push) -> None:
        lane = self.lanes[push.partner]
        lane.waiting[push.number] = push
        while len(lane.waiting) > MOST:
            lost = lane.waiting.pop(min(lane.waiting))
            log.warning("ocpi.push-dropped partner=%s key=%.60r", lane.partner, lost.key)
        if not lane.failures:
            lane.woken.set()  # Who is away is not asked more often because more happens.

    def wake(self, partner: str) -> None:
        """A partner is there: do not wait any longer."""
        lane = self.lanes[partner]
        if lane.failures:
            lane.woken.set()

    def forget(self, partner: str) -> list[int]:
        """A partner is to be told nothing any more; the numbers of what waited."""
        lane = self.lanes[partner]
        numbers = list(lane.waiting)
        self.lanes[partner] = Lane(partner)
        lane.waiting.clear()
        lane.woken.set()
        return numbers

    async def serve(self, name: str) -> None:
        """Work for one partner until cancelled."""
        while True:
            lane = self.lanes[name]
            lane.woken.clear()
            partner, push = self._directory.partner(name), lane.next()
            if not partner.is_registered or push is None:
                await _woken(lane, LONGEST_S)
                continue
            try:
                await self._tell(partner, push)
            except PartnerAwayError as away:
                self._failed(lane, str(away))
                lane.failures += 1
                await _woken(lane, min(LONGEST_S, FIRST_S * 2 ** min(lane.failures - 1, 10)))
                continue
            except PartnerRefusedError as refused:
                if await self._told_whole(lane, push, refused):
                    continue
                lane.refused += 1
                self._failed(lane, f"it does not take {push.module} {push.key}: {refused}")
            except Exception as wrong:  # One partner must not end the service for the others.
                log.exception("ocpi.push-impossible partner=%s key=%.60r", name, push.key)
                lane.refused += 1
                self._failed(lane, f"{push.module} {push.key} cannot be told: {type(wrong).__name__}")
            else:
                lane.last = self._clock.now().utc
                if lane.failures or lane.trouble:
                    lane.trouble, lane.trouble_since = "", None
            lane.failures = 0
            await self._done(lane, push)

    async def _tell(self, partner: Partner, push: Push) -> None:
        url = partner.url(push.module, "RECEIVER")
        if url is None:
            return  # It fetches what it wants to know.
        body = json.loads(push.body) if push.body else None
        place = url.rstrip("/") + push.path
        await self._client.ask(push.method, place, partner.theirs, body, to=partner.party)

    async def _told_whole(self, lane: Lane, push: Push, refused: PartnerRefusedError) -> bool:
        """A partner that does not know the object is told all of it (4.1.3, PATCH)."""
        if push.method != "PATCH":
            return False
        whole = await self._whole(push)
        if whole is None:
            return False
        log.info("ocpi.push-whole partner=%s key=%.60r because=%.80s", lane.partner, push.key, refused)
        if lane.waiting.get(push.number) == push:
            lane.waiting[push.number] = replace(whole, number=push.number)
        return True

    async def _done(self, lane: Lane, push: Push) -> None:
        if lane.waiting.get(push.number) is not push:
            return  # What is newer of the object is kept in its place, or about to be.
        del lane.waiting[push.number]
        if push.module not in PASSING:
            try:
                await self._book.keep_pushes((), (push.number,))
            except NotStoredError as failed:
                log.warning("ocpi.push-not-forgotten partner=%s: %s", lane.partner, failed)

    def _failed(self, lane: Lane, text: str) -> None:
        if text != lane.trouble:
            log.warning("ocpi.push-failed partner=%s: %.200s", lane.partner, text)
            self._directory.note(lane.partner, text)
            lane.trouble_since = lane.trouble_since or self._clock.now().utc
            lane.trouble = text


async def _woken(lane: Lane, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await lane.woken.wait()
    except TimeoutError:
        return
