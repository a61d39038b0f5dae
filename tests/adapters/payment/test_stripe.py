"""The real client library of Stripe against a double on this machine: holds, captures, and what gets lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ems.adapters.payment.stripe import Stripe
from ems.domain.billing.payment import Due, Payment
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.ports.payments import ForgedNoticeError, HoldState, ProviderBusyError, ProviderRefusedError
from tests.adapters.payment.stripe_double import KEY, SECRET, StripeDouble, serving, signed

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
PRICES = PriceList("public", "EUR", (Fee(Unit.KWH, Decimal("0.50")),), "Everybody", hold=Decimal(40))
PAYMENT = Payment(
    "abcdef", "PAY-1", "CP-01/1", "stripe", PRICES, 4000, 50, 70_000, NOW, NOW + timedelta(minutes=30), NOW,
    "https://charge.example.com/c/a?payment=abcdef",
)  # fmt: skip


@pytest.fixture
def double() -> StripeDouble:
    return StripeDouble()


@pytest.fixture
def provider(double: StripeDouble) -> Iterator[Stripe]:
    with serving(double) as address:
        yield Stripe(KEY, SECRET, address)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def opened(provider: Stripe) -> str:
    return str(run(provider.open(PAYMENT, PAYMENT.key(Due.OPEN))).id)


def test_a_hold_is_placed_on_the_hosted_page_and_what_it_cost_is_captured(
    double: StripeDouble, provider: Stripe
) -> None:
    checkout = run(provider.open(PAYMENT, "k1"))
    assert checkout.url.startswith("https://checkout.stripe.com/")
    assert double.sessions[checkout.id]["success_url"] == PAYMENT.back_url
    assert run(provider.look(checkout.id)).state is HoldState.OPEN
    double.capture_before = int((NOW + timedelta(days=7)).timestamp())
    hold = double.pay(checkout.id)
    seen = run(provider.look(checkout.id))
    assert (seen.state, seen.hold_id, seen.capture_before) == (HoldState.HELD, hold, NOW + timedelta(days=7))
    run(provider.capture(hold, 1234, "k2"))
    assert (double.intents[hold]["status"], double.intents[hold]["amount_received"]) == ("succeeded", 1234)


def test_a_page_that_nobody_paid_on_is_closed_and_one_that_was_paid_meanwhile_says_so(
    double: StripeDouble, provider: Stripe
) -> None:
    unpaid, paid = opened(provider), str(run(provider.open(PAYMENT, "other")).id)
    hold = double.pay(paid)
    assert run(provider.close(unpaid, "c1")).state is HoldState.OVER
    assert run(provider.close(unpaid, "c1")).state is HoldState.OVER
    assert run(provider.close(paid, "c2")) == run(provider.look(paid))
    assert run(provider.look(paid)).hold_id == hold


@pytest.mark.parametrize("fault", ["lost", "down", "locked"])
def test_what_gets_no_answer_is_asked_again_under_the_same_key_and_happens_once(
    double: StripeDouble, provider: Stripe, fault: str
) -> None:
    def twice(call: Callable[[], Coroutine[Any, Any, Any]], before: int) -> Any:
        double.faults = [""] * before + [fault]
        with pytest.raises(ProviderBusyError):
            run(call())
        return run(call())

    checkout = twice(lambda: provider.open(PAYMENT, "k1"), 0)
    assert len(double.sessions) == 1
    hold = double.pay(checkout.id)
    twice(lambda: provider.look(checkout.id), 0)
    twice(lambda: provider.capture(hold, 1234, "k2"), 1)
    assert double.captures == 1
    other = double.pay(str(run(provider.open(PAYMENT, "k3")).id))
    twice(lambda: provider.release(other, "k4"), 1)
    assert double.intents[other]["status"] == "canceled"


def test_a_capture_whose_key_is_forgotten_is_found_to_have_happened(double: StripeDouble, provider: Stripe) -> None:
    hold = double.pay(opened(provider))
    run(provider.capture(hold, 1234, "k2"))
    run(provider.capture(hold, 1234, "a day later"))
    assert double.captures == 1
    with pytest.raises(ProviderRefusedError, match="1234 was taken where 99 was to be"):
        run(provider.capture(hold, 99, "k9"))
    with pytest.raises(ProviderRefusedError, match="was taken already"):
        run(provider.release(hold, "k5"))


def test_what_will_never_go_well_is_refused(double: StripeDouble, provider: Stripe) -> None:
    hold = double.pay(opened(provider))
    with pytest.raises(ProviderRefusedError, match="greater than the amount"):
        run(provider.capture(hold, 99_999, "k2"))
    run(provider.release(hold, "k3"))
    run(provider.release(hold, "later"))
    with pytest.raises(ProviderRefusedError, match="could not be captured"):
        run(provider.capture(hold, 100, "k4"))
    with pytest.raises(ProviderRefusedError, match="No such"):
        run(provider.look("cs_none"))


def test_a_provider_that_cannot_be_reached_is_busy() -> None:
    with pytest.raises(ProviderBusyError):
        run(Stripe(KEY, "", "http://127.0.0.1:9").look("cs_1"))


AT = int(NOW.timestamp())
NONSENSE = [
    "null",
    "[]",
    "{}",
    '"yes"',
    '{"id": 7, "url": 8, "object": "checkout.session", "payment_intent": {"status": 9}}',
]


@pytest.mark.parametrize("answer", NONSENSE)
def test_an_answer_that_makes_no_sense_says_nothing_and_is_asked_again(
    double: StripeDouble, provider: Stripe, answer: str
) -> None:
    hold = double.pay(opened(provider))
    calls: tuple[Callable[[], Coroutine[Any, Any, Any]], ...] = (
        lambda: provider.open(PAYMENT, "k1"),
        lambda: provider.look("cs_test_1"),
        lambda: provider.capture(hold, 1234, "k2"),
    )
    for call in calls:
        double.faults = [answer]
        with pytest.raises((ProviderBusyError, ProviderRefusedError)):
            run(call())
    run(provider.capture(hold, 1234, "k2"))
    assert double.captures == 1


NOTICE = json.dumps(
    {"id": "evt_1", "object": "event", "type": "checkout.session.completed",
     "data": {"object": {"id": "cs_test_7", "object": "checkout.session", "status": "complete"}}}
).encode()  # fmt: skip


def test_a_signed_notice_names_its_checkout(provider: Stripe) -> None:
    assert provider.notice(signed(NOTICE, AT), NOTICE, NOW) == "cs_test_7"
    other = NOTICE.replace(b'"object": "checkout.session"', b'"object": "charge"')
    assert provider.notice(signed(other, AT), other, NOW) == ""


@pytest.mark.parametrize(
    ("signature", "body"),
    [
        ("", NOTICE),
        ("t=1,v1=00", NOTICE),
        (signed(NOTICE, AT, "whsec_other"), NOTICE),
        (signed(NOTICE, AT - 3600), NOTICE),
        (signed(NOTICE, AT), NOTICE.replace(b"cs_test_7", b"cs_test_8")),
        (signed(b"{", AT), b"{"),
        (signed(b"\xff", AT), b"\xff"),
        (signed(b"[]", AT), b"[]"),
        (signed(NOTICE, AT + 3600), NOTICE),
        (signed(b"x" * 300_000, AT), b"x" * 300_000),
        ("t=a,v1=b" * 10_000, NOTICE),
    ],
)
def test_a_notice_that_is_not_from_stripe_is_refused(provider: Stripe, signature: str, body: bytes) -> None:
    with pytest.raises(ForgedNoticeError):
        provider.notice(signature, body, NOW)


def test_without_a_secret_no_notice_is_taken() -> None:
    with pytest.raises(ForgedNoticeError, match="notice_secret_file"):
        Stripe(KEY).notice(signed(NOTICE, AT), NOTICE, NOW)


@pytest.mark.parametrize(
    ("currency", "hold", "cost", "at_stripe", "taken"),
    [
        ("JPY", 5000, 1234, (5000, 1234), 1234),
        ("HUF", 1_500_000, 123_456, (1_500_000, 123_456), 123_456),
        ("ISK", 5000, 1234, (500_000, 123_400), 1234),
        ("UGX", 50_000, 12_345, (5_000_000, 1_234_500), 12_345),
        ("MGA", 5_000_000, 1_234_567, (50_000, 12_345), 1_234_500),
        ("KWD", 20_000, 5124, (20_000, 5120), 5120),
        ("BHD", 20_005, 20_004, (20_000, 20_000), 20_000),
    ],
)
def test_amounts_are_told_in_the_units_of_stripe_and_what_is_finer_is_not_taken(
    double: StripeDouble, provider: Stripe, currency: str, hold: int, cost: int, at_stripe: tuple[int, int], taken: int
) -> None:
    """docs.stripe.com/currencies: króna and shilling in hundredths, ariary without, three decimal places in tens."""
    paying = replace(PAYMENT, prices=replace(PRICES, currency=currency), hold=hold)
    checkout = run(provider.open(paying, "k1")).id
    session = double.sessions[checkout]
    assert (session["currency"], session["amount_total"]) == (currency.lower(), at_stripe[0])
    held = double.pay(checkout)
    assert [run(provider.capture(held, cost, "k2")) for _ in range(2)] == [taken, taken]
    assert double.intents[held]["amount_received"] == at_stripe[1]
    run(provider.refund(held, taken, "r1"))
    assert [one["amount"] for one in double.refunds.values()] == [at_stripe[1]]


def test_a_refund_that_is_finer_than_stripe_gives_back_is_refused(double: StripeDouble, provider: Stripe) -> None:
    held = double.pay(run(provider.open(replace(PAYMENT, prices=replace(PRICES, currency="KWD")), "k1")).id)
    run(provider.capture(held, 3000, "k2"))
    with pytest.raises(ProviderRefusedError, match="1001 minor units of KWD are finer"):
        run(provider.refund(held, 1001, "r1"))
    assert not double.refunds


@pytest.mark.parametrize(
    ("currency", "least"),
    [("EUR", 50), ("GBP", 30), ("HUF", 17_500), ("CZK", 1500), ("JPY", 50), ("ISK", 50), ("KWD", 500), ("MGA", 100)],
)
def test_less_than_stripe_takes_is_not_asked_for(provider: Stripe, currency: str, least: int) -> None:
    assert provider.least(currency) == least
