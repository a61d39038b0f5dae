"""The porter: says who may charge, remembers unknown cards, and ends sessions that may not go on.

Every answer is from memory. What it knows of people and tags is the book that was stored last; of sessions, the state
of the core.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from ems.control.memory import Memory
from ems.domain.access.admission import Admission, Asked, AuthStatus, Guest, Usage, authorise, ends_now
from ems.domain.access.book import AccessBook, Doors
from ems.domain.access.card import Card, TagCost, TagUse
from ems.domain.access.tag import Tag, period_span, tag_key
from ems.domain.decision import Decision
from ems.domain.events import Event, TransactionEnded
from ems.domain.fleet import Fleet
from ems.domain.session import Session, Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.ports.controller import Clock
from ems.runtime.spending import Spending, taken_wh
from ems.runtime.stranger_cards import SHOWN, StrangerCards

log = logging.getLogger(__name__)

MAX_PASSES = 500
MAX_OVER = 500
GRACE_S = 10.0
"""So long a station has to end by itself what was refused, as StopTransactionOnInvalidId makes it do (section 9.1.27);
after that it is told to."""

AGAIN_S = 60.0
REVIEW_S = 5.0
JUST_S = 10.0
"""A start that was answered so lately may not be in the state yet."""


class Begun(NamedTuple):
    """What was answered to a start: who, where, when (monotonic)."""

    evse: str
    tag: str
    at: float
    admission: Admission


class Ending(NamedTuple):
    """A session that may not go on, why, and since when (monotonic)."""

    evse: str
    transaction: int
    reason: str
    since: float
    told_at: float = float("-inf")


class Porter:
    """The `Authority` of stations, an output of the loop, and what the page shows of both. `stop` ends the transaction
    of an EVSE; `cost_of` is what its session costs so far (None: nothing), `unpaid` why an account pays nothing there.
    """

    def __init__(
        self,
        book: AccessBook,
        fleet: Fleet,
        doors: Doors,
        clock: Clock,
        state: Callable[[], SiteState],
        stop: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.doors, self.stop = doors, stop
        self.cost_of: Callable[[str], int | None] = lambda _: None
        self.guest_of: Callable[[str], Guest | None] = lambda _: None
        self.consult: Callable[[str, str], Awaitable[None] | None] = lambda _station, _tag: None
        self.unpaid: Callable[[Tag, str], str] = lambda _tag, _evse: ""
        self._clock, self._state, self._book = clock, state, book
        self._vehicles: Mapping[str, str] = {}
        self.spending, self.cards = Spending(), StrangerCards()
        self._passes: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._begun: dict[int, Begun] = {}
        self._over: deque[int] = deque(maxlen=MAX_OVER)
        self._endings: dict[int, Ending] = {}
        self._reviewed_at, self.fleet = float("-inf"), fleet

    @property
    def book(self) -> AccessBook:
        """Who may charge, as it was stored last."""
        return self._book

    @book.setter
    def book(self, book: AccessBook) -> None:
        self._book = book
        self._forget_known()
        self._reviewed_at = float("-inf")

    @property
    def fleet(self) -> Fleet:
        """The vehicles, whose tags are known too."""
        return self._fleet

    @fleet.setter
    def fleet(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._vehicles = {tag_key(tag): one.label for one in fleet.vehicles.values() for tag in one.id_tags}
        self._forget_known()

    def remember(self, uses: Iterable[TagUse], cards: Iterable[Card], costs: Iterable[TagCost] = ()) -> None:
        """Begin with what was stored: what tags took lately and for how much, and cards that nobody knows, the oldest
        first.
        """
        for use in uses:
            self.spending.note(use)
        for cost in costs:
            self.spending.note_cost(cost)
        self.cards.remember(cards)
        self._forget_known()

    @property
    def endings(self) -> Sequence[Ending]:
        """Sessions that may not go on."""
        return tuple(self._endings.values())

    @property
    def vehicle_tags(self) -> frozenset[str]:
        """Tags of vehicles, as people wrote them."""
        return frozenset(tag for one in self._fleet.vehicles.values() for tag in one.id_tags)

    def admit(self, tag: str, evse: str, until: datetime) -> None:
        """Give a tag a pass: somebody who may do so starts a session with it there."""
        key = tag_key(tag), evse
        self._passes[key] = until
        self._passes.move_to_end(key)
        while len(self._passes) > MAX_PASSES:
            self._passes.popitem(last=False)

    def authorise(self, station: str, tag: str) -> Admission:
        """The answer to Authorize.req, which names no EVSE: whether the tag may charge at any of the station, or end
        what runs there.
        """
        now, state = self._clock.now(), self._state()
        answers: list[Admission] = []
        names = self.evses_of(station)
        for evse in sorted(names, key=lambda name: state.evse(name).status is not EvseStatus.PREPARING):
            running = state.evse(evse).session
            ends = running is not None and running.transaction is not None and self._is_own(tag, running.transaction)
            asked = Asked(tag, evse, now.utc, starts=not ends)
            # Who charges elsewhere is only told so at the start (section 7.2).
            answers.append(self._answer(asked, self._usage(tag, evse, now.utc)))
            if answers[-1].is_accepted:
                break
        answer = next((one for one in answers if one.is_accepted), answers[0] if answers else _NOWHERE)
        self._note(tag, names[0] if names else station, answer, now.utc)
        if not answer.is_accepted:
            log.info("access.refused station=%s tag=%r reason=%r", station, tag[:SHOWN], answer.reason)
        return answer

    def started(self, evse: str, transaction: Transaction) -> Admission:
        """The answer to a start. A session that is refused is ended, unless its station does so itself."""
        now = self._clock.now()
        known = self._begun.get(transaction.id)
        if known is not None and known.evse == evse:
            return known.admission
        tag = transaction.id_tag or ""
        answer = self._answer(Asked(tag, evse, transaction.started), self.usage(tag, evse, transaction.started))
        if transaction.id in self._over:
            return answer  # A station tells the start of what is over once more (Q88): nothing begins.
        self._begun[transaction.id] = Begun(evse, tag, now.monotonic_s, answer)
        self._note(tag, evse, answer, now.utc)
        if not answer.is_accepted:
            words = (evse, transaction.id, tag[:SHOWN], answer.reason)
            log.warning("access.refused evse=%s id=%d tag=%r reason=%r: its session is ended", *words)
        return answer

    def admission(self, transaction: int) -> Admission | None:
        """What was answered to a start; None when that was before us, or nobody was asked."""
        known = self._begun.get(transaction)
        return None if known is None else known.admission

    def check(self, asked: Asked) -> Admission:
        """Whether a tag may charge, without anybody presenting it."""
        return self._answer(asked, self.usage(asked.tag, asked.evse, asked.at))

    def evses_of(self, station: str) -> Sequence[str]:
        """The EVSEs of a station; none where the site has no such station."""
        site = self._state().site
        index = site.station_index(station)
        return () if index is None else [evse.id for evse in site.stations[index].evses]

    def usage(self, tag: str, evse: str, at: datetime) -> Usage:
        """What counts for a tag besides the book."""
        return self._usage(tag, evse, at)._replace(running=frozenset(self._charging(tag_key(tag))))

    def _usage(self, tag: str, evse: str, at: datetime) -> Usage:
        """The same without where else it charges, which takes a look at every EVSE."""
        key, known, spent_wh, spent_minor = tag_key(tag), self._book.tag(tag), 0.0, 0
        if known is not None and known.budget is not None:
            span = period_span(known.budget.period, at, self.doors.zone)
            spent_wh = self.spending.energy_in(key, *span)
            if known.budget.cost_minor is not None:
                spent_minor = self.spending.cost_in(key, *span)
        until = self._passes.get((key, evse))
        return Usage(
            spent_wh=spent_wh,
            vehicle=self._vehicles.get(key, ""),
            has_pass=until is not None and self._clock.now().utc < until,
            spent_minor=spent_minor,
            guest=None if known is not None else self.guest_of(key),
            unpaid="" if known is None else self.unpaid(known, evse),
        )

    def spent(self, tag: str, at: datetime) -> Usage:
        """What was taken of a tag's budget in the period of a moment."""
        return self._usage(tag, "", at)

    def look(self, events: Sequence[Event], state: SiteState, _memory: Memory, decision: Decision) -> None:
        """Take one tick of the loop."""
        self.tick(events, state, decision.at.monotonic_s)

    def tick(self, events: Sequence[Event], state: SiteState, now_s: float) -> None:
        """Count what was charged, and end what may not go on."""
        for event in events:
            if isinstance(event, TransactionEnded):
                if event.energy_wh is not None:
                    self.spending.settle(event.transaction_id, event.energy_wh)
                self._begun.pop(event.transaction_id, None)
                self._over.append(event.transaction_id)
        if now_s - self._reviewed_at >= REVIEW_S:
            self._reviewed_at = now_s
            self._review(state, now_s)
        for ending in list(self._endings.values()):
            if now_s - ending.since >= GRACE_S and now_s - ending.told_at >= AGAIN_S:
                log.warning("access.ends evse=%s id=%d reason=%r", ending.evse, ending.transaction, ending.reason)
                self._endings[ending.transaction] = ending._replace(told_at=now_s)
                self.stop(ending.evse)

    def _review(self, state: SiteState, now_s: float) -> None:
        """Look at every session: what it took, and whether it may go on."""
        running: dict[int, Session] = {}
        for known in state.evses:
            session = known.session
            if session is None or session.transaction is None:
                continue
            transaction = session.transaction
            if transaction.id_tag is None and transaction.id not in self._begun:
                continue  # A station spoke of it when it ran already (Q92): nobody knows who began it.
            running[transaction.id] = session
            if transaction.id_tag is not None:
                took = taken_wh(known.register_wh, session, transaction)
                self.spending.note(TagUse(transaction.id, transaction.id_tag, transaction.started, took))
                self._note_cost(session, transaction.id_tag, transaction.started)
            reason = self._objection(session, transaction)
            if not reason:
                self._endings.pop(transaction.id, None)
            elif transaction.id not in self._endings:
                self._endings[transaction.id] = Ending(session.evse, transaction.id, reason, now_s)
        for number in [number for number in self._endings if number not in running]:
            del self._endings[number]
        for number, begun in list(self._begun.items()):
            if number not in running and now_s - begun.at > JUST_S:
                del self._begun[number]

    def _note_cost(self, session: Session, text: str, started: datetime) -> None:
        """What a session costs so far, where that matters for its tag."""
        tag = self._book.tag(text)
        if tag is not None and tag.budget is not None and tag.budget.cost_minor is not None:
            cost = self.cost_of(session.evse)
            if cost is not None:
                self.spending.note_cost(TagCost(session.id, text, started, cost))

    def _objection(self, session: Session, transaction: Transaction) -> str:
        """Why a session may not go on. What began before us was judged then, maybe with a pass; had it been refused, it
        would have been ended.
        """
        tag, evse = transaction.id_tag or "", session.evse
        begun = self._begun.get(transaction.id)
        if begun is not None and not begun.admission.is_accepted:
            return begun.admission.reason
        now = self._clock.now().utc
        return ends_now(Asked(tag, evse, now), self._book, self.doors, self._usage(tag, evse, transaction.started))

    def _answer(self, asked: Asked, usage: Usage) -> Admission:
        return authorise(asked, self._book, self.doors, usage)

    def _is_own(self, tag: str, transaction: Transaction) -> bool:
        return transaction.id_tag is not None and self._book.are_one(tag, transaction.id_tag)

    def _charging(self, key: str) -> Iterator[str]:
        """EVSEs at which a tag charges; a station that is offline says nothing about it."""
        if not key:
            return
        state, now = self._state(), self._clock.now().monotonic_s
        for known, owner in zip(state.evses, state.site.station_of_evse, strict=True):
            session = known.session
            if session is None or session.transaction is None or session.transaction.id_tag is None:
                continue
            if state.stations[owner].connected and tag_key(session.transaction.id_tag) == key:
                begun = self._begun.get(session.transaction.id)
                if begun is None or begun.admission.is_accepted:
                    yield session.evse
        for begun in self._begun.values():
            if now - begun.at <= JUST_S and begun.admission.is_accepted and tag_key(begun.tag) == key:
                yield begun.evse

    def _note(self, tag: str, evse: str, answer: Admission, now: datetime) -> None:
        """Remember a card that nobody knows."""
        key = tag_key(tag)
        if key and not answer.is_known and key != tag_key(self.doors.free_tag) and (key, evse) not in self._passes:
            self.cards.presented(tag, evse, now)

    def _forget_known(self) -> None:
        self.cards.known(self._book.tags, self._vehicles)


_NOWHERE = Admission(AuthStatus.INVALID, "the station has no EVSE here")
