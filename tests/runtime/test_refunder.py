"""A refund goes back once and in full, whatever the provider says and whenever the controller is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import async_solipsism
import pytest

from ems.domain.billing.payment import Payment, PaymentState
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.refund import Refund, RefundAsk, RefundState, new_refund
from ems.domain.unknown import UnknownError
from ems.ports.controller import NotStoredError
from ems.runtime.refunder import Refunder
from tests.adapters.ocpp.central import LoopClock
from tests.runtime.forecourt import Bank, Hold

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PRICES = PriceList("public", "EUR", (Fee(Unit.KWH, Decimal("0.50")),), hold=Decimal(40))
PAID = Payment(
    "p", "PAY-1", "A1/1", "bank", PRICES, 4000, 50, None, NOW, NOW + timedelta(minutes=30), NOW,
    state=PaymentState.CAPTURED, hold_id="h", amount=1000,
)  # fmt: skip


class House:
    """A bank that took ten euros, a disk, and a controller that can be killed."""

    def __init__(self, kill_at: int | None = None, faults: Sequence[str] = (), refuses: int = 0) -> None:
        self.points: list[str] = []
        self.kill_at, self.refuses = kill_at, refuses
        self.killed = asyncio.Event()
        self.clock = LoopClock()
        self.bank = Bank(self.clock, self._point, faults={"refund": list(faults)})
        self.bank.holds["h"] = Hold(4000, taken=1000, is_open=False)
        self.refunds: dict[str, Refund] = {}
        self.heard: list[str] = []

    async def ask(self, reference: str, ask: RefundAsk, at: datetime) -> tuple[Refund, Payment]:
        await self._point("before ask")
        if reference != PAID.tag:
            raise UnknownError("there is no such payment")
        if ask.id not in self.refunds:
            self.refunds[ask.id] = new_refund(PAID, None, tuple(self.refunds.values()), ask, at)
        await self._point("after ask")
        return self.refunds[ask.id], PAID

    async def payment(self, reference: str) -> Payment:
        if reference != PAID.tag:
            raise UnknownError("there is no such payment")
        return PAID

    async def over(self, refund: Refund) -> None:
        await self._point("before over")
        if self.refuses:
            self.refuses -= 1
            raise NotStoredError("the disk is full")
        self.refunds[refund.id] = refund
        await self._point("after over")

    async def open(self) -> Sequence[tuple[Refund, Payment]]:
        return [(one, PAID) for one in self.refunds.values() if one.state is RefundState.REQUESTED]

    async def _point(self, name: str) -> None:
        self.points.append(name)
        if self.kill_at is not None and len(self.points) == self.kill_at:
            self.killed.set()
            await asyncio.Event().wait()

    async def live(self, *asks: RefundAsk) -> None:
        """Somebody asks; a killed controller starts again, and then they ask again, not knowing what came of it."""
        for _ in range(2):
            self.killed.clear()
            refunder = Refunder(self.bank, self, self.clock, self.heard.append)
            working = asyncio.create_task(refunder.run())
            await asyncio.sleep(1.0)
            asking = [asyncio.create_task(refunder.refund(PAID.tag, ask)) for ask in asks]
            dying = asyncio.create_task(self.killed.wait())
            await asyncio.wait((dying,), timeout=900.0)
            for task in (working, dying, *asking):
                task.cancel()
            await asyncio.gather(working, dying, *asking, return_exceptions=True)


def played(house: Any, *asks: RefundAsk) -> House:
    async def story() -> House:
        here: House = house()
        await here.live(*asks)
        return here

    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        return runner.run(story())


PART, REST = RefundAsk("r1", 400, "why", "eve"), RefundAsk("r2", None, "why", "eve")


def test_parts_and_the_rest_go_back() -> None:
    here = played(House, PART, REST)
    assert here.bank.holds["h"].given_back == 1000
    assert [(one.amount, one.state) for one in here.refunds.values()] == [
        (400, RefundState.DONE), (600, RefundState.DONE),
    ]  # fmt: skip


@pytest.mark.parametrize("faults", [["busy"] * 8, ["lost"], ["lost", "busy", "lost"]])
def test_a_provider_that_cannot_be_reached_is_asked_until_it_answers(faults: list[str]) -> None:
    here = played(lambda: House(faults=faults), PART)
    assert (here.bank.holds["h"].given_back, here.refunds["r1"].state) == (400, RefundState.DONE)


def test_one_that_refuses_is_believed() -> None:
    here = played(lambda: House(faults=["no"]), PART)
    assert here.bank.holds["h"].given_back == 0
    assert (here.refunds["r1"].state, here.refunds["r1"].why) == (RefundState.FAILED, "no such thing")


def test_a_disk_that_refuses_is_tried_again() -> None:
    here = played(lambda: House(refuses=3), PART)
    assert (here.bank.holds["h"].given_back, here.refunds["r1"].state) == (400, RefundState.DONE)


def test_the_same_told_many_times_is_one() -> None:
    here = played(House, *[PART] * 7)
    assert here.bank.holds["h"].given_back == 400


@pytest.mark.parametrize("at", range(1, 7))
def test_killed_at_any_moment_it_goes_back_once(at: int) -> None:
    here = played(lambda: House(kill_at=at), PART)
    assert len(here.points) > at, "it was killed there, and went on"
    assert (here.bank.holds["h"].given_back, here.refunds["r1"].state) == (400, RefundState.DONE)


@pytest.mark.parametrize(
    ("changes", "ask", "words"),
    [
        ({"name": "another"}, PART, "paid with bank, and here is another now"),
        ({"name": "another"}, REST, "paid with bank"),
        ({"grain": 10}, RefundAsk("r1", 401, "why", "eve"), "nothing as fine as 4.01 EUR: round it, down to 4.00"),
    ],
)
def test_what_a_provider_never_gives_back_is_refused_where_it_is_asked_for(
    changes: dict[str, Any], ask: RefundAsk, words: str
) -> None:
    async def story() -> House:
        here = House()
        for name, value in changes.items():
            setattr(here.bank, name, value)
        with pytest.raises(ValueError, match=words):
            await Refunder(here.bank, here, here.clock).refund(PAID.tag, ask)
        return here

    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        assert runner.run(story()).refunds == {}


def test_another_provider_is_not_asked_for_what_was_to_go_back_before_it_was_set_up() -> None:
    async def story() -> House:
        here = House()
        here.refunds["r1"] = new_refund(PAID, None, (), PART, NOW)
        here.bank.name = "another"
        await here.live()
        return here

    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        here = runner.run(story())
    assert (here.bank.holds["h"].given_back, here.refunds["r1"].state) == (0, RefundState.REQUESTED)
