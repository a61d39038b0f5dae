"""Credit notes of a payment add up with its receipt, and never more goes back than was taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.billing.payment import Payment, PaymentState
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.receipt import Receipt, receipt
from ems.domain.billing.refund import Refund, RefundAsk, RefundState, credit_note, given_back, left_of, new_refund
from ems.domain.billing.usage import supposed

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PRICES = PriceList(
    "public", "EUR", (Fee(Unit.KWH, Decimal("0.37")), Fee(Unit.SESSION, Decimal("0.99"))),
    vat_percent=Decimal(19), hold=Decimal(40),
)  # fmt: skip
MADE = receipt(replace(supposed("A1/1", NOW, 9137, 11_000, 0), session="s"), PRICES, ZoneInfo("Europe/Berlin"))
PAID = Payment(
    "p", "PAY-1", "A1/1", "bank", PRICES, 4000, 50, 70_000, NOW, NOW + timedelta(minutes=30), NOW,
    state=PaymentState.CAPTURED, session="s", amount=MADE.total,
)  # fmt: skip


def asked(known: Payment, before: list[Refund], amount: int | None, made: Receipt | None = MADE) -> Refund:
    return new_refund(known, made, before, RefundAsk(f"r{len(before)}", amount, "why", "eve"), NOW)


@given(st.lists(st.integers(1, 2000), max_size=12))
def test_parts_never_exceed_what_was_taken_and_their_tax_is_that_of_the_receipt(parts: list[int]) -> None:
    before: list[Refund] = []
    for part in parts:
        if part <= left_of(PAID, before):
            before.append(asked(PAID, before, part))
    if left_of(PAID, before):
        before.append(asked(PAID, before, None))
    notes = [credit_note(PAID, MADE, one) for one in before]
    assert sum(one.amount for one in notes) == MADE.total == given_back(before)
    assert sum(one.vat for one in notes) == MADE.vat
    assert sum(one.net for one in notes) == MADE.net
    assert all(0 <= one.vat <= one.amount for one in notes)
    assert left_of(PAID, before) == 0


def test_a_refund_that_was_refused_does_not_count() -> None:
    failed = asked(PAID, [], None).over("no such card", NOW)
    assert failed.state is RefundState.FAILED
    assert left_of(PAID, [failed]) == PAID.amount
    assert failed.over("", NOW) is failed, "what is over stays as it is"


def test_a_top_up_has_no_tax() -> None:
    assert asked(replace(PAID, account="ada", evse=""), [], 100, None).vat == 0


@pytest.mark.parametrize(
    ("known", "amount", "said"),
    [
        (PAID, 0, "can go back"),
        (PAID, -1, "can go back"),
        (PAID, MADE.total + 1, "can go back"),
        (replace(PAID, state=PaymentState.CHARGING), 1, "nothing was taken"),
        (replace(PAID, state=PaymentState.RELEASED, amount=0), None, "nothing was taken"),
    ],
)
def test_what_cannot_go_back_is_said(known: Payment, amount: int | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        asked(known, [], amount)


@pytest.mark.parametrize(("id_", "reason"), [("", "x"), ("k" * 65, "x"), ("ä", "x"), ("k", " "), ("k", "a\nb")])
def test_a_refund_has_a_plain_key_and_a_reason(id_: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"key|why"):
        new_refund(PAID, MADE, [], RefundAsk(id_, 1, reason, "eve"), NOW)
