"""A charger where drivers pay, a bank that counts every cent, and a controller that can be killed at any moment.

Everything happens in virtual time. What survives a kill is what was kept, what the bank did, and the car.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import async_solipsism

from ems.domain.apply import apply
from ems.domain.billing.payment import Cause, Payment
from ems.domain.billing.price_book import PriceBook
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.refund import Refund
from ems.domain.billing.tab import Tab
from ems.domain.daybook import Daybook
from ems.domain.events import (
    EnergyCapped,
    Event,
    MeterValues,
    StationConnected,
    StatusChanged,
    TransactionEnded,
    TransactionStarted,
)
from ems.domain.session import Session, Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.ports.controller import NotStoredError
from ems.ports.payments import Checkout, HoldState, HoldView, ProviderBusyError, ProviderRefusedError
from ems.runtime.cashier import Cashier
from ems.runtime.errand import Counter
from ems.runtime.till import Till
from tests.adapters.ocpp.central import LoopClock
from tests.builders import circuit, evse, layout

EVSE = "A1/1"
SECOND_S = 2.0
DEAD_S = 40.0
"""Longer than the driver takes to plug in."""
PUBLIC = PriceList("public", "EUR", (Fee(Unit.KWH, Decimal("0.50")),), hold=Decimal(40))


@dataclass
class Hold:
    """Somebody's money."""

    amount: int
    taken: int = 0
    is_open: bool = True
    given_back: int = 0


@dataclass
class Bank:
    """Implements `PaymentProvider`. `driver`: what the driver does on the page, so many seconds after it opened.

    `faults`: by the name of a method what happens to its next calls: "busy" before, "lost" after it was done, "no".
    """

    clock: LoopClock
    point: Callable[[str], Coroutine[Any, Any, None]]
    driver: str = "pays"
    after_s: float = 10.0
    capture_days: float | None = None
    faults: dict[str, list[str]] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    pages: dict[str, tuple[float, int]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    name: str = "bank"
    grain: int = 1

    def least(self, currency: str) -> int:
        del currency
        return 50

    def takeable(self, amount: int, currency: str) -> int:
        del currency
        return amount - amount % self.grain

    async def open(self, payment: Payment, key: str) -> Checkout:
        async def work() -> None:
            self.pages.setdefault(f"page-{key}", (self.clock.now().monotonic_s, payment.hold))

        await self._call("open", work)
        return Checkout(f"page-{key}", f"https://bank/{key}")

    async def look(self, checkout: str) -> HoldView:
        async def work() -> None:
            self._drives(checkout)

        await self._call("look", work)
        return self._view(checkout)

    async def close(self, checkout: str, key: str) -> HoldView:
        del key

        async def work() -> None:
            self._drives(checkout)
            self.closed.add(checkout)

        await self._call("close", work)
        return self._view(checkout)

    async def capture(self, hold_id: str, amount: int, key: str) -> int:
        async def work() -> None:
            hold = self.holds[hold_id]
            if key not in self.done:
                assert hold.is_open, "a hold is settled once"
                assert 50 <= amount <= hold.amount
                hold.taken, hold.is_open = amount, False
                self.done.add(key)

        await self._call("capture", work)
        return amount

    async def release(self, hold_id: str, key: str) -> None:
        async def work() -> None:
            hold = self.holds[hold_id]
            assert hold.is_open or key in self.done
            hold.is_open = False
            self.done.add(key)

        await self._call("release", work)

    async def refund(self, hold_id: str, amount: int, key: str) -> None:
        async def work() -> None:
            hold = self.holds[hold_id]
            if key not in self.done:
                assert 0 < amount <= hold.taken - hold.given_back
                hold.given_back += amount
                self.done.add(key)

        await self._call("refund", work)

    def notice(self, signature: str, body: bytes, now: datetime) -> str:
        del signature, now
        return body.decode()

    def _drives(self, checkout: str) -> None:
        opened, amount = self.pages[checkout]
        late = self.clock.now().monotonic_s - opened < self.after_s
        if self.driver == "pays" and not late and checkout not in self.closed:
            self.holds.setdefault(f"hold-{checkout}", Hold(amount))

    def _view(self, checkout: str) -> HoldView:
        if f"hold-{checkout}" in self.holds:
            ends = None if self.capture_days is None else self.clock.now().utc + timedelta(days=self.capture_days)
            return HoldView(HoldState.HELD, f"hold-{checkout}", ends)
        if self.driver == "declines":
            return HoldView(HoldState.REFUSED)
        return HoldView(HoldState.OVER if checkout in self.closed else HoldState.OPEN)

    async def _call(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await self.point(f"before {name}")
        fault = self.faults.get(name, [])[:1]
        self.faults[name] = self.faults.get(name, [])[1:]
        if fault == ["busy"]:
            raise ProviderBusyError("no connection")
        if fault == ["no"]:
            raise ProviderRefusedError("no such thing")
        await work()
        await self.point(f"after {name}")
        if fault == ["lost"]:
            raise ProviderBusyError("no answer")


class Forecourt:
    """One charger with one driver. `refuses`: why the charger does not start; `plugs_s`: when the driver plugs in after
    it accepted (None: never); `goes_on`: why it does not stop, after which the driver leaves in `lingers_s`; `draws_w`
    for `stays_s`, then the driver leaves.
    """

    def __init__(self, prices: PriceList = PUBLIC) -> None:
        self.clock = LoopClock()
        self.bank = Bank(self.clock, self._point)
        self.refuses, self.plugs_s, self.draws_w, self.stays_s = "", 20.0, 11_000.0, 1200.0
        self.goes_on, self.lingers_s = "", 60.0
        self.book: dict[str, Payment] = {}
        self.refuses_to_store = 0
        self.steps: list[tuple[Cause | None, Payment]] = []
        self.receipts: dict[str, Receipt] = {}
        self.given_back: dict[str, Sequence[Refund]] = {}
        self.tabs: dict[str, Tab] = {}
        self.daybook = Daybook(prices=PriceBook({prices.id: prices}))
        self.state = SiteState.initial(layout([circuit("grid", 63)], [evse("A1", "grid")]))
        self.points: list[str] = []
        self.kill_at: int | None = None
        self.killed = asyncio.Event()
        self.calls: list[str] = []
        self.stopped: list[datetime] = []
        self._inbox: list[Event] = [StationConnected("A1", self.clock.now(), 1)]
        self._wh = 0.0
        self._transaction = 0
        self._tag = ""
        self._due: list[tuple[float, Callable[[], None]]] = []
        self.boot()

    # What the controller keeps: `PaymentBook` and `TabBook`
    async def keep(self, known: Payment, cause: Cause | None, at: datetime) -> None:
        del at
        await self._point(f"before keep {known.state}")
        if self.refuses_to_store:
            self.refuses_to_store -= 1
            raise NotStoredError("the disk is full")
        self.book[known.id] = known
        self.steps.append((cause, known))
        await self._point(f"after keep {known.state}")

    async def payment(self, name: str) -> Payment | None:
        return self.book.get(name)

    async def refunds(self, name: str) -> Sequence[Refund]:
        return self.given_back.get(name, ())

    async def receipt(self, session: str) -> Receipt | None:
        return self.receipts.get(session)

    def kept(self, known: Tab) -> None:
        self.tabs[known.usage.session] = known

    def closed(self, known: Tab, made: Receipt | None) -> None:
        self.tabs.pop(known.usage.session, None)
        if made is not None:
            self.receipts[known.usage.session] = made
        self.cashier.receipt_made(known.usage.session, made)

    # The charger: `ChargeSwitch`
    async def start(self, evse: str, tag: str) -> str:
        await self._point("before start")
        self.calls.append("start")
        running = self._session
        if running is not None and running.transaction is not None:
            return "a transaction runs already"
        if not self.refuses and self.plugs_s is not None:
            self._tag = tag
            self._later(self.plugs_s, self._begin)
        await self._point("after start")
        return self.refuses

    async def stop(self, evse: str) -> str:
        self.calls.append("stop")
        self.stopped.append(self.clock.now().utc)
        if self.goes_on:
            return self.goes_on
        self._end()
        self._later(self.lingers_s, self._leave)
        return ""

    @property
    def _session(self) -> Session | None:
        return self.state.evse(EVSE).session

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        self._due.append((self.clock.now().monotonic_s + seconds, work))

    def _begin(self) -> None:
        if self._transaction and self._session is not None and self._session.transaction is not None:
            return
        self._transaction += 1
        now = self.clock.now()
        self._wh = 0.0
        self._inbox += [
            StatusChanged(EVSE, now, EvseStatus.PREPARING),
            TransactionStarted(EVSE, now, Transaction(self._transaction, now.utc, 0.0, self._tag)),
            StatusChanged(EVSE, now, EvseStatus.CHARGING),
        ]
        number = self._transaction
        self._later(self.stays_s, lambda: self._leave() if number == self._transaction else None)

    def another(self, tag: str) -> None:
        """Somebody else begins a transaction while the vehicle is still plugged in."""
        self._end()
        self._tag = tag
        self._later(3 * SECOND_S, self._begin)

    def _end(self) -> None:
        session, now = self._session, self.clock.now()
        if session is not None and session.transaction is not None:
            self._inbox += [
                TransactionEnded(EVSE, now, session.transaction.id, self._wh),
                StatusChanged(EVSE, now, EvseStatus.FINISHING),
            ]

    def _leave(self) -> None:
        self._end()
        self._inbox.append(StatusChanged(EVSE, self.clock.now(), EvseStatus.AVAILABLE))

    # The controller
    def boot(self) -> None:
        """Begin, with what was kept."""
        self.till = Till(lambda: self.daybook, self, tuple(self.tabs.values()))
        self.counter = Counter(
            self.bank, self, self, self.till, lambda: self.daybook, lambda: self.state, self.clock, self._inbox.append
        )
        left = [one for one in self.book.values() if not one.state.is_over]
        self.cashier = Cashier(self.counter, left, new_id=lambda: f"p{len(self.book)}")

    async def live(self) -> None:
        """The world goes on; a killed controller is started again after `DEAD_S`."""
        working = asyncio.create_task(self.cashier.run())
        dead_until: float | None = None
        while True:
            now = self.clock.now()
            if self.killed.is_set():
                self.killed.clear()
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
                dead_until = now.monotonic_s + DEAD_S
            if dead_until is not None and now.monotonic_s >= dead_until:
                dead_until = None
                for index, known in enumerate(self.state.evses):
                    if known.session is not None:
                        uncapped = replace(known.session, cap_wh=None)
                        self.state = self.state.with_evse_at(index, replace(known, session=uncapped))
                self.boot()
                working = asyncio.create_task(self.cashier.run())
                # Payments are taken up before the first tick.
                await asyncio.sleep(0.1)
            for _, work in [one for one in self._due if one[0] <= now.monotonic_s]:
                work()
            self._due = [one for one in self._due if one[0] > now.monotonic_s]
            self._flow()
            events, self._inbox[:] = list(self._inbox), []
            for event in events:
                self.state = apply(self.state, event)
            if dead_until is None:
                self.till.tick(events, self.state, now)
                self.cashier.tick(self.state)
            else:
                # What happens meanwhile the station tells again.
                self._inbox += [one for one in events if isinstance(one, EnergyCapped)]
            await asyncio.sleep(SECOND_S)

    def _flow(self) -> None:
        session = self._session
        if session is not None and session.transaction is not None and not session.is_at_cap:
            self._wh += self.draws_w * SECOND_S / 3600.0
            self._inbox.append(MeterValues(EVSE, self.clock.now().monotonic_s, register_wh=self._wh))

    async def _point(self, name: str) -> None:
        self.points.append(name)
        if self.kill_at is not None and len(self.points) == self.kill_at:
            self.killed.set()
            await asyncio.Event().wait()

    async def paid(self, hours: float = 3.0) -> Payment | None:
        """A driver comes and pays; how that ended, or stands after so many hours. None: it never came to be."""
        await asyncio.sleep(6.0)
        beginning = asyncio.create_task(self.cashier.begin(EVSE, "/c/a"))
        await asyncio.wait((beginning,), timeout=1.0)
        beginning.cancel()
        await asyncio.gather(beginning, return_exceptions=True)
        until = self.clock.now().monotonic_s + 3600.0 * hours
        while self.clock.now().monotonic_s < until:
            await asyncio.sleep(60.0)
            if all(one.state.is_over for one in self.book.values()):
                break
        await asyncio.sleep(300.0)
        return next(iter(self.book.values()), None)


def played(story: Callable[[Any], Coroutine[Any, Any, Any]], court: Callable[[], Forecourt] = Forecourt) -> Any:
    """The outcome of a story at a forecourt, with the forecourt."""

    async def scenario() -> Any:
        here = court()
        living = asyncio.create_task(here.live())
        telling = asyncio.create_task(story(here))
        done, _ = await asyncio.wait((living, telling), return_when=asyncio.FIRST_COMPLETED)
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        for task in done:
            return task.result(), here
        raise AssertionError

    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        return runner.run(scenario())
