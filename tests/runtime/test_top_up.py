"""A top-up by card is taken once and in full, or not at all, whatever fails and whenever the controller is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ems.domain.billing.payment import Payment, PaymentState
from ems.domain.billing.price_list import PriceList
from tests.runtime.forecourt import Forecourt, played

TWENTY = PriceList("top-up", "EUR", (), "Prepaid account", hold=Decimal(20))


async def tops_up(here: Forecourt) -> Payment | None:
    """Somebody pays into the account of ada; how that ended. None: it never came to be."""
    await asyncio.sleep(6.0)
    beginning = asyncio.create_task(here.cashier.top_up("ada", TWENTY, "/my/x"))
    await asyncio.wait((beginning,), timeout=1.0)
    beginning.cancel()
    await asyncio.gather(beginning, return_exceptions=True)
    await asyncio.sleep(3 * 3600.0)
    return next(iter(here.book.values()), None)


def court(kill_at: int | None = None, **bank: Any) -> Callable[[], Forecourt]:
    def built() -> Forecourt:
        here = Forecourt()
        here.kill_at = kill_at
        for name, value in bank.items():
            setattr(here.bank, name, value)
        return here

    return built


@pytest.mark.parametrize(
    ("bank", "state", "taken"),
    [
        ({}, PaymentState.CAPTURED, 2000),
        ({"driver": "declines"}, PaymentState.FAILED, 0),
        ({"driver": "goes away"}, PaymentState.EXPIRED, 0),
        ({"faults": {"open": ["no"]}}, PaymentState.FAILED, 0),
        ({"faults": {"open": ["lost", "busy"], "look": ["busy"] * 5, "capture": ["lost", "busy", "lost"]}},
         PaymentState.CAPTURED, 2000),
        ({"faults": {"capture": ["no"]}}, PaymentState.MANUAL_REVIEW, 0),
    ],
)  # fmt: skip
def test_it_ends_as_the_provider_says(bank: dict[str, Any], state: PaymentState, taken: int) -> None:
    known, here = played(tops_up, court(**bank))
    assert (known.state, known.account, known.evse, known.session) == (state, "ada", "", "")
    assert sum(hold.taken for hold in here.bank.holds.values()) == taken
    assert here.calls == [], "no station has to do with it"


def test_it_is_no_more_than_was_asked_for_and_at_least_what_a_provider_takes() -> None:
    async def story(here: Forecourt) -> None:
        await asyncio.sleep(6.0)
        small = PriceList("top-up", "EUR", (), "Prepaid account", hold=Decimal("0.49"))
        with pytest.raises(ValueError, match=r"at least 0\.50 EUR"):
            await here.cashier.top_up("ada", small, "/my/x")
        for _ in range(3):
            await here.cashier.top_up("ada", TWENTY, "/my/x")
            await asyncio.sleep(0.1)
        with pytest.raises(ValueError, match="is being topped up already"):
            await here.cashier.top_up("ada", TWENTY, "/my/x")

    played(story, court(driver="goes away"))


POINTS = (
    "before keep created", "after keep created", "before keep hold-requested", "after keep hold-requested",
    "before open", "after open",
)  # fmt: skip


@pytest.mark.parametrize("at", range(1, 20))
def test_killed_at_any_moment_it_is_taken_once(at: int) -> None:
    known, here = played(tops_up, court(kill_at=at))
    assert here.points[: len(POINTS)][:at] == list(POINTS[:at])[: len(here.points)]
    if known is None:
        assert at <= 2, "nobody was told of it"
        return
    assert known.state is PaymentState.CAPTURED
    assert [hold.taken for hold in here.bank.holds.values()] == [2000]
    assert not any(hold.is_open for hold in here.bank.holds.values())
