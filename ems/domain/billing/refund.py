"""What goes back to a driver of what a payment took: in whole or in parts, each with a credit note.

A refund is stored before the provider is asked for it, and is asked for under its own id until it is done: whatever
crashes in between, the money goes back once. The credit notes of a payment add up with its receipt, tax included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from ems.domain.billing.money import major, vat_inside
from ems.domain.billing.payment import Payment, PaymentState
from ems.domain.billing.receipt import Receipt

MAX_REASON, MAX_ID = 200, 64
MOST = 100
"""Refunds of one payment."""


class RefundState(StrEnum):
    """Where a refund is: to be asked for, done, or refused for good by the provider."""

    REQUESTED = "requested"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Refund:
    """`amount` goes back of what the payment `payment` took, `vat` of it is tax; `number` counts those of a payment."""

    id: str
    payment: str
    number: int
    amount: int
    vat: int
    reason: str
    who: str
    created: datetime
    since: datetime
    state: RefundState = RefundState.REQUESTED
    why: str = ""

    @property
    def counts(self) -> bool:
        """Whether its amount is gone, or on its way."""
        return self.state is not RefundState.FAILED

    def over(self, why: str, now: datetime) -> Refund:
        """The same when it is done, or refused because of `why`."""
        state = RefundState.FAILED if why else RefundState.DONE
        return self if self.state is not RefundState.REQUESTED else replace(self, state=state, since=now, why=why)


class RefundAsk(NamedTuple):
    """Somebody wants to give back `amount` (None: all that is left); `id` makes it the same when asked twice."""

    id: str
    amount: int | None
    reason: str
    who: str


def given_back(refunds: Iterable[Refund]) -> int:
    """What went back, or is on its way."""
    return sum(one.amount for one in refunds if one.counts)


def left_of(payment: Payment, refunds: Iterable[Refund]) -> int:
    """What can still go back."""
    return payment.amount - given_back(refunds) if payment.state is PaymentState.CAPTURED else 0


def new_refund(
    payment: Payment, receipt: Receipt | None, refunds: Sequence[Refund], ask: RefundAsk, now: datetime
) -> Refund:
    """The refund that is asked for. Raises ValueError when it cannot be."""
    if not 1 <= len(ask.id) <= MAX_ID or not ask.id.isascii() or not ask.id.isprintable():
        raise ValueError(f"the key of a refund is 1 to {MAX_ID} plain characters")
    if not ask.reason.strip() or len(ask.reason) > MAX_REASON or not ask.reason.isprintable():
        raise ValueError(f"say why in up to {MAX_REASON} characters; it stands on the credit note")
    if payment.state is not PaymentState.CAPTURED:
        raise ValueError(f"nothing was taken that could go back: the payment is {payment.state.value}")
    left = left_of(payment, refunds)
    amount = left if ask.amount is None else ask.amount
    if not left:
        raise ValueError("all of it has gone back already")
    if not 0 < amount <= left:
        raise ValueError(f"between nothing and {major(left, payment.currency)} {payment.currency} can go back")
    if len(refunds) >= MOST:
        raise ValueError(f"a payment has at most {MOST} refunds")
    before = given_back(refunds)
    vat = tax_until(payment, receipt, before + amount) - tax_until(payment, receipt, before)
    return Refund(ask.id, payment.id, len(refunds) + 1, amount, vat, ask.reason.strip(), ask.who, now, now)


def tax_until(payment: Payment, receipt: Receipt | None, amount: int) -> int:
    """The tax in the first so many minor units that go back: all of it when the whole receipt does. A top-up has none:
    it is due when something is delivered for it.
    """
    if payment.account:
        return 0
    if receipt is None:
        return vat_inside(amount, payment.prices.vat_percent)
    if amount >= receipt.total:
        return receipt.vat
    return min(receipt.vat, vat_inside(amount, receipt.vat_percent))


class CreditNote(NamedTuple):
    """What a driver is told of a refund; amounts are what goes back."""

    number: str
    of: str
    at: datetime
    reason: str
    currency: str
    vat_percent: Decimal
    amount: int
    vat: int

    @property
    def net(self) -> int:
        """Without tax."""
        return self.amount - self.vat


def credit_note(payment: Payment, receipt: Receipt | None, refund: Refund) -> CreditNote:
    """The credit note of a refund."""
    percent = payment.prices.vat_percent if receipt is None else receipt.vat_percent
    return CreditNote(
        f"{payment.tag}-C{refund.number}",
        payment.tag,
        refund.created,
        refund.reason,
        payment.currency,
        Decimal(0) if payment.account else percent,
        refund.amount,
        refund.vat,
    )
