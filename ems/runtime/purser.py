"""Sessions of those who paid in advance: holds a part of the balance at the start, caps the energy by it, takes what it
cost at the end, and ends what nothing pays for any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ems.control.memory import Memory
from ems.domain.access.tag import Tag
from ems.domain.billing.energy_cap import cap_wh
from ems.domain.billing.money import minor
from ems.domain.billing.prepaid import Ask, Held, PrepaidAccount, Settled, covers, is_used_up, too_little
from ems.domain.billing.price_list import PriceList, chosen, quoted
from ems.domain.billing.receipt import Receipt
from ems.domain.decision import Decision
from ems.domain.events import EnergyCapped, Event
from ems.domain.session import Session
from ems.domain.state import NEVER, SiteState
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, NotStoredError, Sink
from ems.ports.money import PrepaidBook
from ems.runtime.till import Till

log = logging.getLogger(__name__)

AGAIN_S = 2.0
LOOK_S = 30.0
STOP_AGAIN_S = 30.0
CAP_AGAIN_S = 5.0
RECEIPT_S = 60.0
"""A session that is over has its receipt long before; without one nobody knows what it cost."""


@dataclass(slots=True)
class Running:
    """A session that somebody's account pays for. `parts` of it are held, `is_busy` while one more is being booked."""

    session: str
    evse: str
    person: str
    parts: int = 0
    cost: int = 0
    is_busy: bool = False
    is_over: bool = False
    stopped_s: float = NEVER
    capped_s: float = NEVER


@dataclass(frozen=True, slots=True)
class Ways:
    """What a purser works with. `tag` finds who a tag is of; `quote` which price lists count at an EVSE now."""

    book: PrepaidBook
    till: Till
    clock: Clock
    put: Sink
    stop: Callable[[str], Awaitable[str]]
    tag: Callable[[str], Tag | None]
    groups: Callable[[Tag], frozenset[str]]
    lists: Callable[[], Mapping[str, PriceList]]
    state: Callable[[], SiteState]


@dataclass(slots=True)
class Purser:
    """A `Service`, and an output of the loop behind the till. Bookings are made one after the other."""

    ways: Ways
    name: str = "prepaid"
    accounts: dict[str, PrepaidAccount] = field(default_factory=dict)
    _running: dict[str, Running] = field(default_factory=dict)
    _work: deque[tuple[str, Ask]] = field(default_factory=deque)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _is_known: bool = False
    _missed_s: dict[str, float] = field(default_factory=dict)
    _group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Read the accounts, then book until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            while True:
                try:
                    await self._turn()
                except NotStoredError as trouble:
                    log.warning("prepaid.not_stored %s", trouble)
                    await asyncio.sleep(AGAIN_S)

    async def _turn(self) -> None:
        if not self._work:
            self.accounts = {one.person: one for one in await self.ways.book.accounts()}
            if not self._is_known:
                # What ended while nobody looked, and for which nothing could be held any more.
                for person, session, cost in await self.ways.book.unsettled():
                    self._work.append((person, Settled(session, cost)))
            self._is_known = True
            await self._find_missed()
        while self._work:
            person, ask = self._work[0]
            await self._carry_out(person, ask)
            self._work.popleft()
        try:
            async with asyncio.timeout(LOOK_S):
                await self._news.wait()
        except TimeoutError:
            return
        finally:
            self._news.clear()

    async def _carry_out(self, person: str, ask: Ask) -> None:
        try:
            after = await self.ways.book.book(person, ask, self.ways.clock.now().utc)
        except (UnknownError, ValueError) as refused:
            log.error("prepaid.refused person=%.64r ask=%s: %s", person, type(ask).__name__, refused)  # noqa: TRY400
        else:
            log.info("prepaid.%s person=%.64r balance=%d", type(ask).__name__.lower(), person, after.balance)
            self.accounts[person] = after
        known = self._running.get(ask.session) if isinstance(ask, Held) else None
        if known is not None:
            known.parts, known.is_busy = known.parts + 1, False

    async def _find_missed(self) -> None:
        """What is held for sessions that ended while nobody looked is settled by their receipts."""
        state, now_s = self.ways.state(), self.ways.clock.now().monotonic_s
        here = {one.session.id for one in state.evses if one.session is not None}
        for person, account in self.accounts.items():
            for session in account.holds:
                if session in here or any(isinstance(ask, Settled) and ask.session == session for _, ask in self._work):
                    continue
                made = await self.ways.book.receipt(session)
                since = self._missed_s.setdefault(session, now_s)
                if made is not None or now_s - since >= RECEIPT_S:
                    self._missed_s.pop(session, None)
                    self._work.append((person, Settled(session, 0 if made is None else made.total)))

    def renewed(self, person: str = "") -> None:
        """Something was booked elsewhere."""
        del person
        self._news.set()

    def refusal(self, tag: Tag, evse: str, label: str) -> str:
        """Why the account of whoever holds a tag pays for nothing at an EVSE; empty when it does, or there is none."""
        account = None if tag.person is None else self.accounts.get(tag.person)
        if account is None:
            return ""
        state = self.ways.state()
        index = state.site.evse_index(evse)
        if index is None:
            return ""
        lists, zone = self.ways.lists(), state.site.zone
        prices = chosen(quoted(lists.values(), evse, self.ways.clock.now().utc, zone), self.ways.groups(tag))
        if prices is None or not prices.fees:
            return ""
        if account.is_open and covers(prices, account.balance + self._left_at(account, evse), _most_w(state, index)):
            return ""
        return too_little(account, prices, _most_w(state, index), label)

    def look(self, _events: Sequence[Event], state: SiteState, _memory: Memory, _decision: Decision) -> None:
        """Take one tick of the loop."""
        self.tick(state)

    def tick(self, state: SiteState) -> None:
        """See who charges, and how far what is held lasts."""
        if not self._is_known:
            return
        for evse in state.evses:
            if evse.session is not None:
                self._follow(evse.session, state)

    def receipt_made(self, session: str, made: Receipt | None) -> None:
        """A session is over."""
        running = self._running.pop(session, None)
        person = running.person if running is not None else self._holder(session)
        if person and not (running is not None and running.is_over):
            self._ask(person, Settled(session, 0 if made is None else made.total))

    def _follow(self, session: Session, state: SiteState) -> None:
        transaction = session.transaction
        tag = None if transaction is None or not transaction.id_tag else self.ways.tag(transaction.id_tag)
        known = self._running.get(session.id) or self._resumed(session)
        if known is None and (tag is None or tag.person not in self.accounts):
            return
        tab = self.ways.till.tab(session.evse)
        prices = None if tab is None or tab.usage.session != session.id else tab.prices
        if tab is None or prices is None or not prices.fees:
            return
        if known is None:
            assert tag is not None
            assert tag.person is not None
            known = Running(session.id, session.evse, tag.person)
            self._running[session.id] = known
            self._hold(known, prices)
            return
        if transaction is not None and (tag is None or tag.person != known.person):
            self._handed_over(known)
        elif not known.is_over:
            made = tab.receipt(state.site.zone)
            known.cost = 0 if made is None else made.total
        if transaction is not None and not known.is_busy:
            self._watch(known, session, prices, state)

    def _watch(self, known: Running, session: Session, prices: PriceList, state: SiteState) -> None:
        account, index = self.accounts.get(known.person), state.site.evse_index(known.evse)
        if account is None or index is None:
            return
        held, most_w, now_s = account.holds.get(known.session, 0), _most_w(state, index), self._now_s()
        pays = not known.is_over and covers(prices, held, most_w)
        cap = cap_wh(prices, held, most_w) if pays else None
        # The cap in force may be one from before more was held.
        is_at_cap = cap is not None and session.delivered_wh >= cap
        is_used_up = is_at_cap or is_used_up_by(known.cost, held)
        if pays and is_used_up and account.balance > 0 and account.is_open:
            self._hold(known, prices)
        elif (not pays or is_used_up) and now_s - known.stopped_s >= STOP_AGAIN_S:
            known.stopped_s = now_s
            log.info("prepaid.stopped evse=%s person=%.64r cost=%d held=%d", known.evse, known.person, known.cost, held)
            if self._group is not None:
                self._group.create_task(self._stopped(known.evse))
        if cap is not None and session.cap_wh != cap and now_s - known.capped_s >= CAP_AGAIN_S:
            known.capped_s = now_s
            running = session.transaction
            tag = "" if running is None or running.id_tag is None else running.id_tag
            self.ways.put(EnergyCapped(known.evse, float(cap), tag))

    def _hold(self, known: Running, prices: PriceList) -> None:
        account = self.accounts[known.person]
        most = account.balance if prices.hold is None else minor(prices.hold, prices.currency)
        known.is_busy = True
        self._ask(known.person, Held(known.session, most if account.is_open else 0, known.parts))

    def _handed_over(self, known: Running) -> None:
        """Somebody else charges with the vehicle still plugged in: what comes now is not for this account to pay, and
        as nobody else would, it is stopped.
        """
        if not known.is_over:
            known.is_over = True
            self._ask(known.person, Settled(known.session, known.cost))

    def _resumed(self, session: Session) -> Running | None:
        """A session that the run before held something for."""
        person = self._holder(session.id)
        if not person:
            return None
        known = Running(session.id, session.evse, person, parts=_resumed_part(self.ways.clock.now().utc))
        self._running[session.id] = known
        return known

    def _holder(self, session: str) -> str:
        return next((person for person, account in self.accounts.items() if session in account.holds), "")

    def _left_at(self, account: PrepaidAccount, evse: str) -> int:
        """What is left of that which is held for the session at an EVSE, where the account pays for it."""
        here = (one for one in self._running.values() if (one.person, one.evse) == (account.person, evse))
        return sum(account.holds.get(one.session, 0) - one.cost for one in here if not one.is_over)

    async def _stopped(self, evse: str) -> None:
        await self.ways.stop(evse)

    def _ask(self, person: str, ask: Ask) -> None:
        self._work.append((person, ask))
        self._news.set()

    def _now_s(self) -> float:
        return self.ways.clock.now().monotonic_s


def is_used_up_by(cost: int, held: int) -> bool:
    """Whether a cost has come near to what is held; nothing is used up by nothing."""
    return cost > 0 and is_used_up(cost, held)


def _resumed_part(now: datetime) -> int:
    """Parts of a run have other numbers than those of the run before."""
    return int(now.timestamp())


def _most_w(state: SiteState, index: int) -> float:
    return state.site.evses[index].most_w(state.site.voltage_v)
