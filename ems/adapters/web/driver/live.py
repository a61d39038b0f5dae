"""What is new at a bay, for the phone before it: told once, or as server-sent events.

A phone is anybody's. So there are places for so many in all and so many from one address, each is told at most so
often, and whoever finds no place asks now and then instead.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from starlette.types import Receive, Scope, Send

from ems.adapters.web.driver.bay import Bay, House
from ems.adapters.web.driver.code import Word
from ems.adapters.web.driver.view import QUIET, Shown, shown
from ems.adapters.web.driver.visit import Visit, mine_of
from ems.adapters.web.stream import HEARTBEAT_S, RETRY_MS, Hall, Stream
from ems.ports.controller import NotStoredError

LIVE_S, QUIET_S = 2.0, 15.0
"""How often a page looks for news, and a stream for what changes without a word of the bay: minutes, the cost."""

LEAST_S = 0.5
PLACES, EACH = 200, 12
"""A car park behind one address has many phones; those beyond ask instead."""


class News(NamedTuple):
    """What a page is told. `word` is what its browser should bring from now on, None where that stays."""

    told: dict[str, Any]
    word: Word | None

    @property
    def is_quiet(self) -> bool:
        """Nobody waits to see what comes next."""
        return bool(self.told["again_s"] == QUIET_S)


async def news_of(house: House, visit: Visit) -> News:
    """The news of a bay for who stands before it. Raises NotStoredError."""
    mine, word = await mine_of(house, visit)
    return News(told(visit, shown(house, visit.bay, mine, visit.has_pass, visit.language)), word)


def told(visit: Visit, seen: Shown) -> dict[str, Any]:
    """Words and numbers by their names; `key` differs when the page must be loaded again."""
    return {
        "key": f"{seen.key}.{visit.language.code}",
        "again_s": QUIET_S if seen.view in QUIET else LIVE_S,
        "texts": {
            "headline": seen.headline,
            "lead": seen.lead,
            "why": seen.why,
            "money": seen.money,
            **{name: value for name, _, value in seen.facts},
        },
    }


class Crowd:
    """Phones that listen: `places` in all, and `each` of one address."""

    def __init__(self, places: int = PLACES, each: int = EACH) -> None:
        self._places, self._each = places, each
        self._halls: dict[str, Hall] = {}

    @property
    def taken(self) -> int:
        """How many listen."""
        return sum(hall.taken for hall in self._halls.values())

    def hall(self, address: str, closing: asyncio.Event) -> Hall:
        """Where those of an address stand, until `closing`; without a place when there are too many of others."""
        self._halls = {known: hall for known, hall in self._halls.items() if hall.taken}
        if self.taken >= self._places:
            return Hall(0, closing)
        return self._halls.setdefault(address, Hall(self._each, closing))


class BayStream(Stream):
    """The news of a bay whenever they are others. `look` makes the visit anew, None when there is no such bay any more;
    `hall` is where its listener is to stand, found when it begins, so that those who wait to begin count; `seen` is the
    id of the news that the listener has, who comes again.
    """

    def __init__(self, house: House, look: Callable[[], Visit | None], hall: Callable[[], Hall], seen: str) -> None:
        super().__init__(Hall(0))
        self._house, self._look, self._find, self._seen = house, look, hall, seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Talk until somebody leaves."""
        self._hall = self._find()
        await super().__call__(scope, receive, send)

    async def _talk(self, send: Send) -> None:
        await self._begin(send)
        await self._say(send, f"retry: {RETRY_MS}\n\n".encode())
        clock, live = self._house.clock, self._house.live
        said_s = clock.now().monotonic_s
        while (visit := self._look()) is not None:
            version, began_s = live.version, clock.now().monotonic_s
            news = await self._news(visit)
            event = b"" if news is None else self._event(news)
            if event or began_s - said_s >= HEARTBEAT_S:
                await self._say(send, event or b"event: still\ndata: 1\n\n")
                said_s = began_s
            await self._change(
                visit.bay, version, began_s + (QUIET_S if news is not None and news.is_quiet else LIVE_S)
            )

    async def _news(self, visit: Visit) -> News | None:
        try:
            return await news_of(self._house, visit)
        except NotStoredError:
            return None

    def _event(self, news: News) -> bytes:
        """Empty when the listener has it already."""
        data = json.dumps(news.told, separators=(",", ":"))
        name = hashlib.sha256(data.encode()).hexdigest()[:16]
        if name == self._seen:
            return b""
        self._seen = name
        return f"id: {name}\ndata: {data}\n\n".encode()

    async def _change(self, bay: Bay, version: int, until_s: float) -> None:
        """Returns when the bay has changed, or it is time to look, or to say that we are still here."""
        clock, live = self._house.clock, self._house.live
        await asyncio.sleep(LEAST_S)
        while (left_s := min(until_s - clock.now().monotonic_s, HEARTBEAT_S)) > 0:
            try:
                async with asyncio.timeout(left_s):
                    await live.changed(version)
            except TimeoutError:
                return
            version = live.version
            if _face(Bay.of(self._house, bay.evse.id)) != _face(bay):
                return
            await asyncio.sleep(LEAST_S)


def _face(bay: Bay | None) -> Any:
    """What somebody before it would see change at once."""
    if bay is None:
        return None
    session, setpoint = bay.session, bay.setpoint
    charge = None if session is None else (session.id, session.transaction, session.need)
    limit = None if setpoint is None else (setpoint.amps, setpoint.reason.binding)
    return bay.connected, bay.known.status, charge, limit
