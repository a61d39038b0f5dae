"""The real client library gives money back once, whatever the network does, and never more than was taken."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ems.adapters.payment.sandbox import Sandbox
from ems.adapters.payment.stripe import Stripe
from ems.ports.payments import ProviderBusyError, ProviderRefusedError
from tests.adapters.payment.stripe_double import KEY, SECRET, StripeDouble, serving
from tests.adapters.payment.test_stripe import PAYMENT


@pytest.fixture
def double() -> StripeDouble:
    return StripeDouble()


@pytest.fixture
def provider(double: StripeDouble) -> Iterator[Stripe]:
    with serving(double) as address:
        yield Stripe(KEY, SECRET, address)


@pytest.fixture
def taken(double: StripeDouble, provider: Stripe) -> str:
    """The name of a payment of which 12.34 were taken."""

    async def story() -> str:
        hold = double.pay((await provider.open(PAYMENT, "k1")).id)
        await provider.capture(hold, 1234, "k2")
        return hold

    return asyncio.run(story())


def back(double: StripeDouble) -> list[int]:
    return [one["amount"] for one in double.refunds.values()]


def test_parts_go_back_until_nothing_is_left(double: StripeDouble, provider: Stripe, taken: str) -> None:
    asyncio.run(provider.refund(taken, 234, "r1"))
    asyncio.run(provider.refund(taken, 1000, "r2"))
    with pytest.raises(ProviderRefusedError, match="greater than what is left"):
        asyncio.run(provider.refund(taken, 1, "r3"))
    assert back(double) == [234, 1000]


@pytest.mark.parametrize("fault", ["", "down", "locked", "lost", "null", "[]", "{}"])
def test_what_is_asked_again_goes_back_once(double: StripeDouble, provider: Stripe, taken: str, fault: str) -> None:
    double.faults = ["", fault] if fault in {"", "down", "locked", "lost"} else [fault]
    try:
        asyncio.run(provider.refund(taken, 500, "r1"))
    except (ProviderBusyError, ProviderRefusedError):
        assert fault
    asyncio.run(provider.refund(taken, 500, "r1"))
    assert back(double) == [500]


def test_a_key_that_the_provider_forgot_does_no_harm(double: StripeDouble, provider: Stripe, taken: str) -> None:
    """Idempotency keys live for a day; after that the refund is found by what is written on it."""
    asyncio.run(provider.refund(taken, 500, "r1"))
    double._answers.clear()
    asyncio.run(provider.refund(taken, 500, "r1"))
    assert back(double) == [500]


def test_a_refund_that_failed_at_the_provider_is_refused(double: StripeDouble, provider: Stripe, taken: str) -> None:
    asyncio.run(provider.refund(taken, 500, "r1"))
    next(iter(double.refunds.values()))["status"] = "failed"
    with pytest.raises(ProviderRefusedError, match="failed"):
        asyncio.run(provider.refund(taken, 500, "r1"))


def test_the_sandbox_gives_anything_back() -> None:
    asyncio.run(Sandbox().refund("hold", 100, "r1"))
