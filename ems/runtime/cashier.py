"""Who pays: begins payments, follows what happens at the stations, and stops whoever charges without."""

from __future__ import annotations

import asyncio
import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from ems.control.memory import Memory
from ems.domain.billing.energy_cap import cap_wh
from ems.domain.billing.money import major, minor
from ems.domain.billing.payment import (
    TAG_PREFIX,
    Began,
    Ended,
    Payment,
    PaymentState,
    StartFailed,
    Withdrawn,
)
from ems.domain.billing.price_list import PriceList, chosen, quoted
from ems.domain.billing.receipt import Receipt
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.session import Session
from ems.domain.state import NEVER, SiteState
from ems.domain.station import EvseStatus
from ems.domain.unknown import UnknownError
from ems.ports.payments import Cost
from ems.runtime.errand import STOP_AGAIN_S, Counter, Errand, is_of

log = logging.getLogger(__name__)

PAY_TIME = timedelta(minutes=30)
MOST_TOP_UPS = 3
"""Of one account at a time."""

ID_LENGTH = 22
"""Characters of 6 bits each: nobody guesses them."""

BEGINS_AGAIN_S = 600.0
"""So long after charging ended a charger may begin it anew by itself, as after a power cut."""

OPENED_S = 0.1
TO_PAY = frozenset({PaymentState.CREATED, PaymentState.HOLD_REQUESTED})
TO_BEGIN = frozenset({PaymentState.AUTHORISED, PaymentState.STARTING})
OUT = frozenset({EvseStatus.FAULTED, EvseStatus.UNAVAILABLE, EvseStatus.RESERVED})


class Cashier:
    """A `Service`, an output of the loop behind the till, and the `Payments` port.

    `left` are the payments that the run before left open.
    """

    name = "payments"

    def __init__(
        self,
        counter: Counter,
        left: Iterable[Payment] = (),
        new_id: Callable[[], str] = lambda: secrets.token_urlsafe(16),
    ) -> None:
        self._counter, self._new_id = counter, new_id
        self._errands = {one.id: Errand(one, counter) for one in left}
        self._group: asyncio.TaskGroup | None = None
        self._stopped_s: dict[str, float] = {}

    async def run(self) -> None:
        """Take up what the run before left open, then work until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for errand in self._errands.values():
                group.create_task(self._done(errand))
            await asyncio.Event().wait()

    async def _done(self, errand: Errand) -> None:
        await errand.drive()
        self._errands.pop(errand.payment.id, None)

    async def begin(self, evse: str, back_url: str, key: str = "") -> Payment:
        """A driver wants to pay at an EVSE; the provider's page leads back to `back_url` with the payment's id. Asked
        again under the same `key` it is the same payment, also when it is over. Raises UnknownError, ValueError or
        NotStoredError.
        """
        name = id_of(key) if key else self._new_id()
        kept = await self._counter.book.payment(name) if key else None
        errand = self._errands.get(name)
        before = kept if errand is None else errand.payment
        if before is None:
            return await self._begun(self._created(name, evse, back_url, self._counter.clock.now().utc))
        if before.evse != evse:
            raise ValueError("this key was used for another payment: take a new one for each")
        return before

    async def top_up(self, account: str, prices: PriceList, back_url: str) -> Payment:
        """Somebody wants to pay the hold of `prices` into a person's account. Raises ValueError or NotStoredError."""
        now, provider = self._counter.clock.now().utc, self._counter.provider
        assert prices.hold is not None
        hold, least = minor(prices.hold, prices.currency), provider.least(prices.currency)
        if hold < least:
            raise ValueError(f"at least {major(least, prices.currency)} {prices.currency} can be paid by card")
        if sum(errand.payment.account == account for errand in self._errands.values()) >= MOST_TOP_UPS:
            raise ValueError("this account is being topped up already: finish that first, or wait until it is over")
        return await self._begun(self._new(self._new_id(), "", prices, hold, back_url, now, account))

    async def _begun(self, new: Payment) -> Payment:
        desk, now = self._counter, new.created
        errand = Errand(new, desk)
        name = errand.payment.id
        # It has its place before it is stored: nobody else can begin there meanwhile.
        self._errands[name] = errand
        try:
            await desk.book.keep(errand.payment, None, now)
        except BaseException:
            del self._errands[name]
            raise
        log.info("payment.created evse=%s hold=%d %s", new.evse, errand.payment.hold, errand.payment.currency)
        if self._group is not None:
            self._group.create_task(self._done(errand))
        return errand.payment

    async def payment(self, name: str) -> Payment:
        """How a payment stands."""
        errand = self._errands.get(name)
        found = await self._counter.book.payment(name) if errand is None else errand.payment
        if found is None:
            raise UnknownError("there is no such payment")
        return found

    async def cost(self, name: str) -> Cost | None:
        """What the session of a payment costs so far, or cost; None before it began."""
        known = await self.payment(name)
        tab = self._counter.till.tab(known.evse)
        if known.session and tab is not None and tab.usage.session == known.session:
            so_far = tab.receipt(self._counter.state().site.zone)
            return None if so_far is None else Cost(so_far, is_final=False)
        made = await self._counter.book.receipt(known.session) if known.session else None
        if made is None:
            return None
        refunds = await self._counter.book.refunds(name) if known.state is PaymentState.CAPTURED else ()
        return Cost(made, is_final=True, refunds=[one for one in refunds if one.counts])

    async def opened(self, name: str, within_s: float) -> Payment:
        """The same as soon as the provider's page is there, or when that takes longer."""
        until = self._counter.clock.now().monotonic_s + within_s
        while True:
            found = await self.payment(name)
            waits = found.state in TO_PAY and not found.url
            if not waits or self._counter.clock.now().monotonic_s >= until:
                return found
            await asyncio.sleep(OPENED_S)

    def is_awaited(self, evse: str) -> bool:
        """Whether somebody has paid at an EVSE who has not begun yet."""
        return any(one.payment.evse == evse and one.payment.state in TO_BEGIN for one in self._errands.values())

    def returned(self, name: str) -> None:
        """The driver comes back from the provider's page: what became of it is asked now."""
        errand = self._errands.get(name)
        if errand is not None:
            errand.look_again()

    async def stop(self, name: str) -> Payment:
        """The driver wants no more: nothing is held, started or charged any further. Raises ValueError where the
        charger goes on.
        """
        errand = self._errands.get(name)
        if errand is not None:
            match errand.payment.state:
                case PaymentState.CREATED | PaymentState.HOLD_REQUESTED:
                    errand.tell(Withdrawn())
                case PaymentState.AUTHORISED | PaymentState.STARTING:
                    errand.tell(StartFailed("you stopped it before it began"))
                case PaymentState.CHARGING:
                    why = await errand.stop()
                    if why:
                        raise ValueError(f"the charger does not stop: {why}")
        return await self.payment(name)

    def give_way(self, evse: str, before: datetime) -> bool:
        """Whoever began to pay there before a moment, and has not paid yet, makes room."""
        left = [
            errand
            for errand in self._errands.values()
            if errand.payment.evse == evse and errand.payment.state in TO_PAY and errand.payment.created <= before
        ]
        for errand in left:
            errand.tell(Withdrawn())
        return bool(left)

    def noticed(self, signature: str, body: bytes) -> None:
        """The provider has news of a checkout: it is asked now, and what it then says counts. Raises
        ForgedNoticeError.
        """
        checkout = self._counter.provider.notice(signature, body, self._counter.clock.now().utc)
        for errand in self._errands.values():
            if checkout and errand.payment.checkout == checkout:
                errand.look_again()

    def look(self, _events: Sequence[Event], state: SiteState, _memory: Memory, _decision: Decision) -> None:
        """Take one tick of the loop."""
        self.tick(state)

    def tick(self, state: SiteState) -> None:
        """See who began, and whose hold is nearly used up; nobody may charge with the tag of a payment that is over."""
        here = {known.session.evse: known.session for known in state.evses if known.session is not None}
        paid: set[str] = set()
        for errand in self._errands.values():
            known, session = errand.payment, here.get(errand.payment.evse)
            if known.state in {PaymentState.STARTING, PaymentState.CHARGING}:
                paid.add(known.tag)
            if known.state is PaymentState.STARTING and session is not None and is_of(session, known):
                errand.tell(Began(session.id))
            elif known.state is PaymentState.CHARGING:
                self._follow(errand, session, state)
        for session in here.values():
            running = session.transaction
            tag = "" if running is None or running.id_tag is None else running.id_tag.upper()
            if running is not None and tag.startswith(TAG_PREFIX) and tag not in paid:
                self._stop_stray(session.evse, running.id)

    def _follow(self, errand: Errand, session: Session | None, state: SiteState) -> None:
        known, cost = errand.payment, errand.cost
        errand.agree()
        tab = self._counter.till.tab(known.evse)
        if tab is not None and tab.usage.session == known.session:
            made = tab.receipt(state.site.zone)
            errand.cost, errand.idle_cost = (0, 0) if made is None else (made.total, made.idle)
        running = None if session is None else session.transaction
        if session is not None and running is not None and not is_of(session, known):
            # What comes now is not for this driver to pay.
            errand.tell(Ended(cost or errand.cost or 0, "somebody else charges there now"))
            return
        if session is None or errand.cost is None:
            return
        now_s = self._counter.clock.now().monotonic_s
        errand.over_s = None if running is not None else errand.over_s or now_s
        is_used_up = session.is_at_cap or known.is_used_up(errand.cost)
        is_over = errand.over_s is not None and (is_used_up or now_s - errand.over_s >= BEGINS_AGAIN_S)
        if is_over and known.is_all(errand.cost, errand.idle_cost):
            # Nobody knows when the vehicle will leave; what is held beyond that is the driver's.
            errand.tell(Ended(errand.cost))
        elif is_used_up:
            errand.look_again()

    def receipt_made(self, session: str, made: Receipt | None) -> None:
        """A session is over."""
        for errand in self._errands.values():
            if errand.payment.session == session and errand.payment.state is PaymentState.CHARGING:
                errand.tell(Ended(0 if made is None else made.total))

    def _stop_stray(self, evse: str, transaction: int) -> None:
        now_s = self._counter.clock.now().monotonic_s
        if self._group is None or now_s - self._stopped_s.get(evse, NEVER) < STOP_AGAIN_S:
            return
        self._stopped_s[evse] = now_s
        log.warning("payment.unpaid evse=%s transaction=%d is stopped", evse, transaction)
        self._group.create_task(self._counter.switch.stop(evse))

    def _created(self, name: str, evse: str, back_url: str, now: datetime) -> Payment:
        state = self._counter.state()
        prices = self._offer(evse, state, now)
        assert prices.hold is not None
        hold, index = minor(prices.hold, prices.currency), state.site.evse_index(evse)
        assert index is not None
        cap = cap_wh(prices, hold, state.site.evses[index].most_w(state.site.voltage_v))
        return replace(self._new(name, evse, prices, hold, back_url, now), cap_wh=cap)

    def _new(
        self, name: str, evse: str, prices: PriceList, hold: int, back_url: str, now: datetime, account: str = ""
    ) -> Payment:
        provider = self._counter.provider
        least, expires = provider.least(prices.currency), now + PAY_TIME
        back = f"{back_url}{'&' if '?' in back_url else '?'}payment={name}"
        tag = f"{TAG_PREFIX}{secrets.token_hex(8).upper()}"
        return Payment(
            name, tag, evse, provider.name, prices, hold, least, None, now, expires, now, back, account=account
        )

    def _offer(self, evse: str, state: SiteState, now: datetime) -> PriceList:
        """The prices at an EVSE where somebody could pay now. Raises UnknownError or ValueError."""
        if state.site.evse_index(evse) is None:
            raise UnknownError(f"the site has no EVSE {evse[:64]!r}")
        lists = self._counter.daybook().prices.lists.values()
        prices = chosen(quoted(lists, evse, now, state.site.zone), ())
        if prices is None or prices.hold is None:
            raise ValueError(f"nobody pays by card at {evse}")
        known, station = state.evse(evse), state.station(evse.rpartition("/")[0])
        if not station.connected or known.status in OUT:
            raise ValueError(f"{evse} is not in service now")
        if self._counter.daybook().access.is_held(evse, now):
            raise ValueError(f"{evse} is kept for somebody else now")
        if any(errand.payment.evse == evse for errand in self._errands.values()):
            raise ValueError(f"somebody else is paying or charging at {evse}")
        session = known.session
        if session is not None and (session.transaction is not None or session.delivered_wh > 0):
            raise ValueError(f"somebody charges at {evse} already; unplug first")
        return prices


def id_of(key: str) -> str:
    """The id of the payment that is begun under a key: as secret as that is, and it does not tell the key."""
    return urlsafe_b64encode(sha256(key.encode()).digest()).decode()[:ID_LENGTH]
