"""One payment under way: whatever is due is asked of its provider or its station, after it was stored."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ems.domain.billing.payment import (
    Began,
    Captured,
    Cause,
    CheckoutOpened,
    CheckoutOver,
    Due,
    Ended,
    HoldAsked,
    HoldPlaced,
    HoldRefused,
    Payment,
    PaymentState,
    Released,
    StartAsked,
    StartFailed,
    Unsettled,
    step,
)
from ems.domain.daybook import Daybook
from ems.domain.events import EnergyCapped
from ems.domain.session import Session
from ems.domain.state import NEVER, SiteState
from ems.ports.controller import Clock, NotStoredError, Sink
from ems.ports.payments import (
    ChargeSwitch,
    HoldState,
    HoldView,
    PaymentBook,
    PaymentProvider,
    ProviderBusyError,
    ProviderRefusedError,
)
from ems.runtime.till import Till

log = logging.getLogger(__name__)

CALL_S = 30.0
LOOK_S, ACT_S, AGAIN_MOST_S = 2.5, 1.0, 60.0
SETTLED_S = 5.0
"""So long after a station came back it may not have said yet what runs there."""

STOP_AGAIN_S = 30.0

RECEIPT_S = 60.0
"""A session that is over has its receipt long before; without one nobody knows what it cost."""


@dataclass(frozen=True, slots=True)
class Counter:
    """What payments are worked on with. `daybook` and `state` give them as they are now."""

    provider: PaymentProvider
    book: PaymentBook
    switch: ChargeSwitch
    till: Till
    daybook: Callable[[], Daybook]
    state: Callable[[], SiteState]
    clock: Clock
    put: Sink


@dataclass(slots=True)
class Errand:
    """A payment under way. `cost` is what its session costs so far, None until somebody has looked, and of that
    `idle_cost` for idling; `over_s` since when nothing runs in it any more (monotonic), None while something does.
    """

    payment: Payment
    counter: Counter
    cost: int | None = None
    idle_cost: int = 0
    over_s: float | None = None
    _is_asked: bool = False
    _stopped_s: float = NEVER
    _causes: deque[Cause] = field(default_factory=deque)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _failures: int = 0
    _missed_s: float | None = None

    def tell(self, cause: Cause) -> None:
        """Something happened; it counts once it is stored."""
        self._causes.append(cause)
        self._news.set()

    def look_again(self) -> None:
        """There is news; whatever is due is tried now."""
        self._failures = 0
        self._news.set()

    async def stop(self) -> str:
        """Have the station end what runs; why it goes on, empty when it does not or nobody knows."""
        self._stopped_s = self.counter.clock.now().monotonic_s
        why = await self.counter.switch.stop(self.payment.evse)
        session = _session_at(self.counter.state(), self.payment.evse)
        return why if session is not None and is_of(session, self.payment) else ""

    def agree(self) -> None:
        """The session costs what its driver was shown."""
        known = self.payment
        self.counter.till.agree(known.evse, known.session, known.prices)

    async def drive(self) -> None:
        """Work until nothing more is due."""
        if self.payment.state is PaymentState.CHARGING:
            self._capped()
        while not self.payment.state.is_over:
            cause = self._causes.popleft() if self._causes else await self._act()
            if cause is not None:
                await self._take(cause)
            elif not self._causes:
                await self._wait()

    async def _take(self, cause: Cause) -> None:
        now = self.counter.clock.now().utc
        before, after = self.payment, step(self.payment, cause, now)
        if after == before:
            return
        while True:
            try:
                await self.counter.book.keep(after, cause, now)
                break
            except NotStoredError as trouble:
                log.warning("payment.not_stored evse=%s: %s", after.evse, trouble)
                await asyncio.sleep(ACT_S)
        self.payment, self._failures = after, 0
        log.info("payment.%s evse=%s was=%s why=%.100r", after.state, after.evse, before.state, after.why)
        if isinstance(cause, Began):
            self.agree()
            self._capped()

    async def _act(self) -> Cause | None:
        """Do what is due; what came of it, None where it is to be tried again."""
        known, now = self.payment, self.counter.clock.now()
        due = known.due(now.utc)
        try:
            cause = await self._come_of(due, known)
        except (ProviderBusyError, TimeoutError, NotStoredError) as trouble:
            self._failures += 1
            log.warning("payment.waits evse=%s due=%s failures=%d: %s", known.evse, due, self._failures, trouble)
            return None
        except ProviderRefusedError as refused:
            self._failures += 1
            log.error("payment.refused evse=%s due=%s: %s", known.evse, due, refused)  # noqa: TRY400 not our fault
            return _refusal(due, str(refused))
        # Who answers is asked as often as before, also where there is nothing new.
        self._failures = 0
        return cause

    async def _come_of(self, due: Due, known: Payment) -> Cause | None:
        match due:
            case Due.ASK:
                return HoldAsked()
            case Due.PREPARE:
                return StartAsked()
            case Due.TAKE:
                return Ended(known.hold)
            case Due.START:
                return await self._start()
            case Due.GIVE_UP:
                return StartFailed("nobody plugged in within five minutes")
            case Due.WATCH:
                return await self._watch()
            case _:
                async with asyncio.timeout(CALL_S):
                    return await self._ask(known, due)

    async def _ask(self, known: Payment, due: Due) -> Cause | None:
        match due:
            case Due.OPEN:
                return CheckoutOpened(*await self.counter.provider.open(known, known.key(due)))
            case Due.LOOK:
                return _seen(await self.counter.provider.look(known.checkout))
            case Due.CLOSE:
                return _seen(await self.counter.provider.close(known.checkout, known.key(due)))
            case Due.CAPTURE:
                return Captured(await self.counter.provider.capture(known.hold_id, known.amount, known.key(due)))
            case Due.RELEASE:
                await self.counter.provider.release(known.hold_id, known.key(due))
                return Released()
        return None

    async def _start(self) -> Cause | None:
        """A station that has just come back may tell first that it began long ago; one that is gone may come back."""
        known, state = self.payment, self.counter.state()
        if state.site.evse_index(known.evse) is None:
            return StartFailed("the charger is no longer part of the site")
        session = _session_at(state, known.evse)
        if session is not None and is_of(session, known):
            return Began(session.id)
        station = state.station(known.evse.rpartition("/")[0])
        is_back = station.connected and station.connected_at + SETTLED_S <= self.counter.clock.now().monotonic_s
        if is_back and session is not None and _is_of_another(session, known):
            return StartFailed("a card began the charge")
        if self._is_asked or not is_back:
            return None
        self._is_asked = True
        why = await self.counter.switch.start(known.evse, known.tag)
        return StartFailed(f"the charger refused the start: {why}") if why else None

    async def _watch(self) -> Cause | None:
        """Stop what is used up, settle what must be, and find the receipt of what ended while nobody looked."""
        known, now = self.payment, self.counter.clock.now()
        session = _session_at(self.counter.state(), known.evse)
        if session is None or session.id != known.session:
            made = await self.counter.book.receipt(known.session)
            if made is not None:
                return Ended(made.total)
            self._missed_s = now.monotonic_s if self._missed_s is None else self._missed_s
            is_lost = now.monotonic_s - self._missed_s >= RECEIPT_S
            return Ended(0, "nobody knows what was delivered") if is_lost else None
        if self.cost is None:
            return None
        if known.must_settle(now.utc):
            await self.stop()
            return Ended(self.cost, "the hold on the card ended")
        is_tried = now.monotonic_s - self._stopped_s < STOP_AGAIN_S
        if not is_tried and (session.is_at_cap or known.is_used_up(self.cost)):
            await self.stop()
        return None

    async def _wait(self) -> None:
        seconds = LOOK_S if self.payment.state is PaymentState.HOLD_REQUESTED else ACT_S
        if self._failures:
            seconds = min(AGAIN_MOST_S, ACT_S * 2.0 ** min(self._failures - 1, 6))
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        finally:
            self._news.clear()

    def _capped(self) -> None:
        known = self.payment
        if known.cap_wh is not None:
            self.counter.put(EnergyCapped(known.evse, float(known.cap_wh), known.tag))


def _seen(view: HoldView) -> Cause | None:
    match view.state:
        case HoldState.OPEN:
            return None
        case HoldState.HELD:
            return HoldPlaced(view.hold_id, view.capture_before)
        case HoldState.REFUSED:
            return HoldRefused("the payment was declined")
        case HoldState.OVER:
            return CheckoutOver()


def _refusal(due: Due, why: str) -> Cause | None:
    if due is Due.OPEN:
        return HoldRefused(f"the payment provider refused: {why}")
    # Somebody may still pay there, so that is no reason to forget it.
    return None if due is Due.LOOK else Unsettled(why)


def is_of(session: Session, known: Payment) -> bool:
    """Whether a session was begun with the tag of a payment."""
    running = session.transaction
    return running is not None and running.id_tag is not None and running.id_tag.upper() == known.tag


def _is_of_another(session: Session, known: Payment) -> bool:
    """Whether it surely was not; of a transaction that was adopted nobody knows the tag."""
    running = session.transaction
    return running is not None and running.id_tag is not None and not is_of(session, known)


def _session_at(state: SiteState, evse: str) -> Session | None:
    return None if state.site.evse_index(evse) is None else state.evse(evse).session
