"""Drivers before a charger: whose session it is, what they want of it, and starts that cost nothing."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ems.domain.access.book import AccessMode, Doors
from ems.domain.billing.payment import TAG_PREFIX
from ems.domain.billing.price_list import chosen, quoted
from ems.domain.daybook import Daybook
from ems.domain.driver.sticker import CLAIM_S, GIFT_PREFIX, Report, Sticker, Trouble
from ems.domain.driver.wish import Wish
from ems.domain.instant import Instant
from ems.domain.session import Need, Session
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, NotStoredError
from ems.ports.drivers import Gift, StickerBook
from ems.ports.payments import ChargeSwitch
from ems.runtime.report_desk import Audit, ReportDesk
from ems.runtime.sticker_keeper import StickerKeeper

log = logging.getLogger(__name__)

TICK_S = 1.0
PATIENCE_S = 300.0
"""So long somebody may take to plug in, or to hold a card up."""

PAYING_S = 2400.0
"""The same for somebody who pays on the provider's page first."""

KEPT_S = 86_400.0
MOST = 2000
OUT = frozenset({EvseStatus.FAULTED, EvseStatus.UNAVAILABLE, EvseStatus.RESERVED})


class Needs(Protocol):
    """Who tells the controller what a vehicle needs."""

    async def tell_need(self, evse: str, said: Callable[[Need], Need], who: str) -> Need:
        """Say it. Raises UnknownError, ValueError or NotStoredError."""
        ...


@dataclass(frozen=True, slots=True)
class Lobby:
    """What drivers are served with. `daybook`, `doors` and `state` give them as they are now."""

    book: StickerBook
    switch: ChargeSwitch
    needs: Needs
    daybook: Callable[[], Daybook]
    doors: Callable[[], Doors]
    state: Callable[[], SiteState]
    clock: Clock
    audit: Audit


class _Expected(NamedTuple):
    """Whoever begins at an EVSE with `tag` (empty: with any but that of a payment) is this driver."""

    evse: str
    tag: str
    wish: Wish
    since: Instant


class DriverDesk:
    """A `Service`, and the `Drivers` port. What it remembers besides stickers and reports is for minutes, and a restart
    forgets it: what drivers said before they plugged in, and whose card it was.
    """

    name = "drivers"

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby
        self._keeper = StickerKeeper(lobby.book, lobby.clock, lambda: lobby.state().site)
        self._expected: dict[str, _Expected] = {}
        self._began: dict[str, str] = {}
        self._why: dict[str, str] = {}
        self._taken: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.heard = ReportDesk(lobby.book, lobby.clock, lobby.audit)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keeper.keep_up())
            while True:
                await self.tick()
                await asyncio.sleep(TICK_S)

    @property
    def stickers(self) -> Sequence[Sticker]:
        """All of them."""
        return self._keeper.stickers

    def sticker(self, slug: str) -> Sticker | None:
        """The sticker with that word."""
        return self._keeper.sticker(slug)

    async def move(self, slug: str, evse: str, who: str) -> None:
        """Let a sticker lead to another EVSE."""
        before = await self._keeper.move(slug, evse)
        self._note(who, "StickerMoved", {"before": before, "after": evse})

    def is_free(self, evse: str) -> bool:
        """Whether everybody may charge there for nothing."""
        lobby, now = self._lobby, self._lobby.clock.now().utc
        prices = chosen(quoted(lobby.daybook().prices.lists.values(), evse, now, lobby.state().site.zone), ())
        return lobby.doors().mode_of(evse) is AccessMode.FREE and (prices is None or prices.costs_nothing)

    def begins_itself(self, evse: str) -> bool:
        """Whether the controller begins a session as soon as somebody plugs in."""
        return bool(self._lobby.doors().free_tag) and self.is_free(evse)

    def is_held(self, evse: str) -> bool:
        """Whether an EVSE is kept for somebody now."""
        return self._lobby.daybook().access.is_held(evse, self._lobby.clock.now().utc)

    def expect(self, evse: str, tag: str, wish: Wish) -> None:
        """Whoever begins with this tag wants that."""
        if not wish.is_empty:
            self._expect(tag, _Expected(evse, tag.upper(), wish, self._lobby.clock.now()))

    def give(self, evse: str, wish: Wish) -> str:
        """Begin a session that costs nothing; returns the tag that it is begun with."""
        session = self._possible(evse)
        if not self.is_free(evse):
            raise ValueError(f"charging at {evse} is not free for everybody")
        if self.is_held(evse):
            raise ValueError(f"{evse} is kept for somebody else now")
        if session is not None and (session.transaction is not None or session.delivered_wh > 0):
            raise ValueError(f"somebody charges at {evse} already; unplug first")
        if any(one.evse == evse and one.tag.startswith(GIFT_PREFIX) for one in self._expected.values()):
            raise ValueError(f"somebody else is starting at {evse}")
        tag = f"{GIFT_PREFIX}{secrets.token_hex(7).upper()}"
        self._expect(tag, _Expected(evse, tag, wish, self._lobby.clock.now()))
        self._work(self._start(evse, tag))
        return tag

    async def _start(self, evse: str, tag: str) -> None:
        why = await self._lobby.switch.start(evse, tag)
        if why:
            self._expected.pop(tag, None)
            self._remember(self._why, tag, f"the charger refused the start: {why}")

    def gift(self, evse: str, tag: str) -> Gift:
        """What became of a start that costs nothing."""
        if tag in self._began:
            return Gift(session=self._began[tag])
        if tag in self._expected:
            return Gift()
        session = self._session(evse)
        running = None if session is None else session.transaction
        if session is not None and running is not None and running.id_tag == tag:
            return Gift(session=session.id)
        return Gift(why=self._why.get(tag, "nobody plugged in within five minutes"))

    def claim(self, evse: str, wish: Wish) -> str:
        """Somebody who charges with a card, or for nothing, says that the session there is theirs."""
        session, now = self._possible(evse), self._lobby.clock.now()
        running = None if session is None else session.transaction
        word = f"claim-{secrets.token_urlsafe(12)}"
        if session is None or running is None:
            # Who stands before the charger now is the last who came.
            for name in [name for name, one in self._expected.items() if one.evse == evse and not one.tag]:
                del self._expected[name]
            self._expect(word, _Expected(evse, "", wish, now))
            return word
        if (running.id_tag or "").upper().startswith((TAG_PREFIX, GIFT_PREFIX)):
            raise ValueError(f"somebody else charges at {evse}")
        if session.id in self._taken:
            raise ValueError(f"another phone follows the session at {evse} already")
        if (now.utc - running.started).total_seconds() > CLAIM_S:
            raise ValueError(f"the session at {evse} began too long ago to be taken over by a phone")
        self._take(word, session.id)
        if not wish.is_empty:
            self._work(self._tell(evse, session, wish))
        return word

    def claimed(self, evse: str, claim: str) -> str:
        """The session that a claim is for; empty while none has begun."""
        if claim in self._began:
            return self._began[claim]
        known = self._expected.get(claim)
        if known is None or known.evse != evse:
            raise UnknownError("nobody held up a card within five minutes")
        return ""

    async def wish(self, evse: str, session: str, wish: Wish) -> None:
        """Whoever charges there says what they want."""
        running = self._session(evse)
        if running is None or running.id != session:
            raise ValueError(f"the session at {evse} is over")
        if not wish.is_empty:
            await self._lobby.needs.tell_need(evse, wish.in_place_of, f"driver at {evse}")

    async def stop(self, evse: str, session: str) -> None:
        """Whoever began there for nothing wants no more."""
        running = self._session(evse)
        if running is None or running.id != session or running.transaction is None:
            return
        if not (running.transaction.id_tag or "").upper().startswith(GIFT_PREFIX):
            raise ValueError("hold your card to the reader to stop")
        why = await self._lobby.switch.stop(evse)
        left = self._session(evse)
        if why and left is not None and left.transaction == running.transaction:
            raise ValueError(f"the charger does not stop: {why}")

    async def report(self, evse: str, trouble: Trouble, text: str) -> None:
        """A driver found something wrong."""
        await self.heard.report(evse, trouble, text)

    async def reports(self, most: int) -> Sequence[Report]:
        """The newest reports, open ones first."""
        return await self.heard.reports(most)

    async def close(self, number: int, who: str) -> None:
        """Somebody has seen to a report."""
        await self.heard.close(number, who)

    async def tick(self) -> None:
        """See whose sessions have begun, and forget who never came."""
        now = self._lobby.clock.now()
        await self.heard.catch_up()
        for word, one in list(self._expected.items()):
            session = self._session(one.evse)
            if session is not None and _is_theirs(session, one):
                self._take(word, session.id)
                if not one.wish.is_empty:
                    await self._tell(one.evse, session, one.wish)
            elif now.monotonic_s - one.since.monotonic_s > (PAYING_S if one.tag.startswith(TAG_PREFIX) else PATIENCE_S):
                del self._expected[word]
        for session_id, taken_s in list(self._taken.items()):
            if now.monotonic_s - taken_s > KEPT_S:
                del self._taken[session_id]

    def _take(self, word: str, session: str) -> None:
        self._expected.pop(word, None)
        self._remember(self._began, word, session)
        self._taken[session] = self._lobby.clock.now().monotonic_s

    async def _tell(self, evse: str, session: Session, wish: Wish) -> None:
        """What somebody wanted of the transaction that has begun."""
        wish = wish.besides(session.earlier_wh)
        try:
            await self._lobby.needs.tell_need(evse, wish.in_place_of, f"driver at {evse}")
        except (ValueError, NotStoredError) as failed:
            log.warning("drivers.wish-not-told evse=%s: %s", evse, failed)

    def _possible(self, evse: str) -> Session | None:
        state = self._lobby.state()
        if state.site.evse_index(evse) is None:
            raise UnknownError(f"the site has no EVSE {evse[:64]!r}")
        known = state.evse(evse)
        if not state.station(evse.rpartition("/")[0]).connected or known.status in OUT:
            raise ValueError(f"{evse} is not in service now")
        return known.session

    def _session(self, evse: str) -> Session | None:
        state = self._lobby.state()
        return None if state.site.evse_index(evse) is None else state.evse(evse).session

    def _expect(self, word: str, one: _Expected) -> None:
        while len(self._expected) >= MOST:
            del self._expected[next(iter(self._expected))]
        self._expected[word] = one

    @staticmethod
    def _remember(kept: dict[str, str], word: str, value: str) -> None:
        kept[word] = value
        while len(kept) > MOST:
            del kept[next(iter(kept))]

    def _work(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except Exception:
                log.exception("drivers.failed")

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _note(self, who: str, what: str, detail: Mapping[str, Any]) -> None:
        self._lobby.audit(self._lobby.clock.now().utc, who, what, detail)


def _is_theirs(session: Session, one: _Expected) -> bool:
    running = session.transaction
    if running is None:
        return False
    tag = (running.id_tag or "").upper()
    if one.tag:
        return tag == one.tag
    # Nothing ran there when they said so, or they would not be expected.
    return not tag.startswith((TAG_PREFIX, GIFT_PREFIX))
