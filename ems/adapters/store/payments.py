"""Payments in the database: each step is durable before anybody acts upon it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from ems.adapters.store.batch import Key, Row, Subjects, write
from ems.adapters.store.commit import committed
from ems.adapters.store.current import Current
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.payment_schema import payment, payment_step
from ems.adapters.store.prepaid import booked
from ems.adapters.store.price_rows import price_list_of, price_list_row
from ems.adapters.store.writer import Writer
from ems.domain.billing.payment import Captured, Cause, Payment, PaymentState
from ems.domain.billing.prepaid import ToppedUp
from ems.domain.unknown import UnknownError

log = logging.getLogger(__name__)

OVER = tuple(state.value for state in PaymentState if state.is_over)


@dataclass(frozen=True, slots=True)
class PaymentStore:
    """Writes payments. `patience_s`: how long a step waits for the disk."""

    writer: Writer
    current: Current
    patience_s: float = 5.0

    def begin(self, known: Iterable[Payment]) -> None:
        """What the run before left open."""
        for one in known:
            self.current.remember(payment, payment_row(one))

    async def keep(self, known: Payment, cause: Cause | None, at: datetime) -> None:
        """Returns when a payment as it is after a cause would survive a power cut. Raises NotStoredError."""
        row = payment_row(known)
        what = "Created" if cause is None else type(cause).__name__
        detail = json.dumps({} if cause is None else cause._asdict(), default=str)
        told = {"payment": known.id, "at": to_ms(at), "cause": what, "state": known.state.value, "detail": detail}

        def job(connection: Connection) -> None:
            steps = select(func.max(payment_step.c.number)).where(payment_step.c.payment == known.id)
            number = (connection.execute(steps).scalar() or 0) + 1
            rows = {Key.of(payment, row): row}
            connection.execute(payment_step.insert(), [{**told, "number": number}])
            write(connection, rows, (), Subjects())
            if known.account and isinstance(cause, Captured):
                _top_up(connection, known, at)

        await committed(self.writer, job, True, self.patience_s)
        if known.state.is_over:
            self.current.forget(payment, known.id)
        else:
            self.current.remember(payment, row)


def _top_up(connection: Connection, known: Payment, at: datetime) -> None:
    """What was taken for an account is in it from the same moment on."""
    try:
        booked(connection, known.account, ToppedUp(known.amount, known.id), at)
    except UnknownError:
        log.error("store.top_up_without_account payment=%s amount=%d", known.tag, known.amount)  # noqa: TRY400


def payment_row(known: Payment) -> Row:
    """A payment."""
    return {
        "id": known.id,
        "tag": known.tag,
        "evse": known.evse,
        "provider": known.provider,
        "prices": json.dumps(price_list_row(known.prices)),
        "hold_minor": known.hold,
        "least_minor": known.least,
        "cap_wh": known.cap_wh,
        "created": to_ms(known.created),
        "expires": to_ms(known.expires),
        "since": to_ms(known.since),
        "back_url": known.back_url,
        "state": known.state.value,
        "checkout": known.checkout,
        "url": known.url,
        "hold_id": known.hold_id,
        "capture_before": None if known.capture_before is None else to_ms(known.capture_before),
        "session": known.session,
        "amount_minor": known.amount,
        "why": known.why,
        "account": known.account,
    }


def payment_of(row: Any) -> Payment:
    """The payment of a row. Raises ValueError, TypeError or KeyError."""
    return Payment(
        id=row.id,
        tag=row.tag,
        evse=row.evse,
        provider=row.provider,
        prices=price_list_of(json.loads(row.prices)),
        hold=row.hold_minor,
        least=row.least_minor,
        cap_wh=row.cap_wh,
        created=from_ms(row.created),
        expires=from_ms(row.expires),
        since=from_ms(row.since),
        back_url=row.back_url,
        state=PaymentState(row.state),
        checkout=row.checkout,
        url=row.url,
        hold_id=row.hold_id,
        capture_before=None if row.capture_before is None else from_ms(row.capture_before),
        session=row.session,
        amount=row.amount_minor,
        why=row.why,
        account=row.account,
    )


def read_open_payments(connection: Connection) -> tuple[Payment, ...]:
    """Payments of which something is still due, oldest first."""
    return _payments(connection, select(payment).where(payment.c.state.not_in(OVER)).order_by(payment.c.created))


def read_payment(connection: Connection, name: str) -> Payment | None:
    """One payment."""
    return next(iter(_payments(connection, select(payment).where(payment.c.id == name))), None)


def _payments(connection: Connection, query: Any) -> tuple[Payment, ...]:
    found: list[Payment] = []
    for row in connection.execute(query):
        try:
            found.append(payment_of(row))
        except (ValueError, TypeError, KeyError) as error:
            log.error("store.payment_unreadable id=%.64r: %s", row.id, error)  # noqa: TRY400 the row says it all
    return tuple(found)
