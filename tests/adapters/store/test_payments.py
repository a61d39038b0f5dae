"""Each step of a payment is durable before anybody acts upon it, and all of them can be read again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import reduce

import pytest
from sqlalchemy import select

from ems.adapters.store.payment_schema import payment_step
from ems.adapters.store.store import Store
from ems.domain.billing import payment as p
from ems.domain.billing.payment import Cause, Payment, step
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.ports.controller import NotStoredError
from tests.adapters.store.clocks import BEGIN, HandClock

Opened = Callable[[], Store]

PRICES = PriceList("public", "EUR", (Fee(Unit.KWH, Decimal("0.50")),), hold=Decimal(40))
NOW = BEGIN.utc
NEW = Payment(
    "abc", "PAY-1", "CP-01/1", "sandbox", PRICES, 4000, 50, 70_000, NOW, NOW + timedelta(minutes=30), NOW, "/c/x"
)
STORY: tuple[Cause, ...] = (
    p.HoldAsked(), p.CheckoutOpened("c-1", "/pay"), p.HoldPlaced("h-1", NOW + timedelta(days=7)), p.StartAsked(),
    p.Began("CP-01/1@x"), p.Ended(1234, "⚡"), p.Captured(1234),
)  # fmt: skip


def kept(store: Store, causes: tuple[Cause, ...]) -> Payment:
    async def story() -> Payment:
        known = NEW
        await store.payments.keep(known, None, NOW)
        for cause in causes:
            known = step(known, cause, NOW)
            await store.payments.keep(known, cause, NOW)
        return known

    return asyncio.run(story())


def again(store: Store, clock: HandClock) -> Store:
    return Store(store.database.path or store.database.url.render_as_string(False), clock)


@pytest.mark.parametrize("steps", range(len(STORY)))
def test_a_payment_is_found_as_it_stood_when_the_power_went(reopened: Opened, clock: HandClock, steps: int) -> None:
    known = kept(reopened(), STORY[:steps])
    second = again(reopened(), clock)
    assert second.open().payments == (known,)
    second.close()


def test_one_that_is_over_is_not_taken_up_but_can_be_read_with_all_its_steps(opened: Opened, clock: HandClock) -> None:
    store = opened()
    known = kept(store, STORY)
    assert asyncio.run(store.payment("abc")) == known == reduce(lambda one, cause: step(one, cause, NOW), STORY, NEW)
    assert asyncio.run(store.payment("xyz")) is None
    with store.database.reading().connect() as connection:
        steps = connection.execute(select(payment_step).order_by(payment_step.c.number)).all()
    assert [(one.number, one.cause) for one in steps] == [
        (1, "Created"), *((2 + at, type(cause).__name__) for at, cause in enumerate(STORY))
    ]  # fmt: skip
    second = again(store, clock)
    assert second.open().payments == ()
    second.close()


def test_a_step_that_cannot_be_stored_has_not_happened(reopened: Opened) -> None:
    store = reopened()
    kept(store, STORY[:2])
    path = store.database.path
    assert path is not None
    with sqlite3.connect(path) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON payment BEGIN SELECT RAISE(ABORT, 'no room'); END")
    later = replace(NEW, state=p.PaymentState.CHARGING)
    with pytest.raises(NotStoredError, match="no room"):
        asyncio.run(store.payments.keep(later, p.Began("s"), NOW))
    found = asyncio.run(store.payment("abc"))
    assert found is not None
    assert found.state is p.PaymentState.HOLD_REQUESTED
    with store.database.reading().connect() as connection:
        assert len(connection.execute(select(payment_step)).all()) == 3, "neither half of it"


def test_a_database_that_replaces_a_lost_one_gets_the_open_payments(reopened: Opened, clock: HandClock) -> None:
    store = reopened()
    known = kept(store, STORY[:4])
    path = store.database.path
    assert path is not None
    for file in path.parent.glob("ems.db*"):
        file.unlink()
    asyncio.run(store.flush())
    second = again(store, clock)
    assert second.open().payments == (known,)
    second.close()
