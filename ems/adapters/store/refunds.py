"""Refunds in the database, and payments as operators look for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, desc, func, or_, select

from ems.adapters.store.batch import Key, Row, Subjects, write
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.money_schema import refund
from ems.adapters.store.payment_schema import payment, payment_step
from ems.adapters.store.payments import payment_of, read_payment
from ems.adapters.store.prepaid import booked
from ems.adapters.store.tabs import read_receipt
from ems.domain.billing.payment import Payment
from ems.domain.billing.prepaid import PaidBack
from ems.domain.billing.refund import Refund, RefundAsk, RefundState, new_refund
from ems.domain.unknown import UnknownError
from ems.ports.money import PaymentFilter, PaymentStep, PaymentStory


def asked(connection: Connection, reference: str, ask: RefundAsk, at: datetime) -> tuple[Refund, Payment]:
    """A refund that is to be asked for, stored; the known one when it was told before. What goes back of a top-up is
    taken out of its account at once. Raises UnknownError or ValueError before anything is written.
    """
    known = read_reference(connection, reference)
    row = connection.execute(select(refund).where(refund.c.id == ask.id)).one_or_none()
    if row is not None:
        before = refund_of(row)
        if before.payment != known.id or (ask.amount is not None and ask.amount != before.amount):
            raise ValueError("this key was used for another refund: take a new one for each")
        return before, known
    receipt = read_receipt(connection, known.session) if known.session else None
    new = new_refund(known, receipt, read_refunds(connection, known.id), ask, at)
    if known.account:
        booked(connection, known.account, PaidBack(new.id, known.id, new.amount), at)
    _keep(connection, new)
    return new, known


def over(connection: Connection, done: Refund) -> None:
    """A refund is done, or refused for good; what was taken out of an account for that is put back in."""
    known = read_payment(connection, done.payment)
    if known is not None and known.account and done.state is RefundState.FAILED:
        booked(connection, known.account, PaidBack(done.id, known.id, done.amount, is_undone=True), done.since)
    _keep(connection, done)


def read_open(connection: Connection) -> tuple[tuple[Refund, Payment], ...]:
    """Refunds that are to be asked for, oldest first."""
    wanted = select(refund).where(refund.c.state == RefundState.REQUESTED.value).order_by(refund.c.created)
    found = [refund_of(row) for row in connection.execute(wanted)]
    pairs = ((one, read_payment(connection, one.payment)) for one in found)
    return tuple((one, known) for one, known in pairs if known is not None)


def read_refunds(connection: Connection, name: str) -> tuple[Refund, ...]:
    """All refunds of a payment, in order."""
    wanted = select(refund).where(refund.c.payment == name).order_by(refund.c.number)
    return tuple(refund_of(row) for row in connection.execute(wanted))


def read_reference(connection: Connection, reference: str) -> Payment:
    """The payment with a reference, which is the tag that its station was told. Raises UnknownError."""
    row = connection.execute(select(payment).where(payment.c.tag == reference)).one_or_none()
    if row is None:
        raise UnknownError(f"there is no payment {reference!r:.40}")
    return payment_of(row)


def read_story(connection: Connection, reference: str) -> PaymentStory:
    """Everything about a payment. Raises UnknownError."""
    known = read_reference(connection, reference)
    steps = select(payment_step).where(payment_step.c.payment == known.id).order_by(payment_step.c.number)
    told = tuple(PaymentStep(from_ms(row.at), row.cause, row.state) for row in connection.execute(steps))
    receipt = read_receipt(connection, known.session) if known.session else None
    return PaymentStory(known, told, read_refunds(connection, known.id), receipt)


def read_found(connection: Connection, wanted: PaymentFilter) -> tuple[tuple[Payment, int], ...]:
    """The newest payments that fit, each with what went back of it."""
    query = _where(select(payment), wanted).order_by(desc(payment.c.created), payment.c.id).limit(wanted.most)
    found: Sequence[Payment] = [payment_of(row) for row in connection.execute(query)]
    back = _given_back(connection, [one.id for one in found])
    return tuple((one, back.get(one.id, 0)) for one in found)


def _where(query: Select[Any], wanted: PaymentFilter) -> Select[Any]:
    if wanted.states:
        query = query.where(payment.c.state.in_(wanted.states))
    if wanted.evse:
        query = query.where(payment.c.evse == wanted.evse)
    if wanted.since is not None:
        query = query.where(payment.c.created >= to_ms(wanted.since))
    if wanted.until is not None:
        query = query.where(payment.c.created < to_ms(wanted.until))
    if wanted.text:
        columns = (payment.c.tag, payment.c.session, payment.c.account, payment.c.hold_id, payment.c.checkout)
        query = query.where(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    return query


def _given_back(connection: Connection, names: Sequence[str]) -> Mapping[str, int]:
    counts = refund.c.state != RefundState.FAILED.value
    sums = select(refund.c.payment, func.sum(refund.c.amount_minor)).where(refund.c.payment.in_(names), counts)
    return {name: int(amount) for name, amount in connection.execute(sums.group_by(refund.c.payment))}


def _keep(connection: Connection, known: Refund) -> None:
    row = _refund_row(known)
    write(connection, {Key.of(refund, row): row}, (), Subjects())


def _refund_row(known: Refund) -> Row:
    return {
        "id": known.id,
        "payment": known.payment,
        "number": known.number,
        "amount_minor": known.amount,
        "vat_minor": known.vat,
        "reason": known.reason,
        "who": known.who,
        "state": known.state.value,
        "created": to_ms(known.created),
        "since": to_ms(known.since),
        "why": known.why,
    }


def refund_of(row: Any) -> Refund:
    """The refund of a row."""
    return Refund(
        id=row.id,
        payment=row.payment,
        number=row.number,
        amount=row.amount_minor,
        vat=row.vat_minor,
        reason=row.reason,
        who=row.who,
        created=from_ms(row.created),
        since=from_ms(row.since),
        state=RefundState(row.state),
        why=row.why,
    )
