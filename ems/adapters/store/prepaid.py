"""Prepaid accounts in the database. Every booking is made from what is there, in one transaction."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, desc, select

from ems.adapters.store.batch import Key, Row, Subjects, write
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.money_schema import booking, prepaid_account
from ems.adapters.store.payment_schema import payment
from ems.adapters.store.price_schema import receipt
from ems.adapters.store.schema import session
from ems.domain.billing.prepaid import Ask, Booking, BookingKind, ByHand, PrepaidAccount, entries, key_of
from ems.domain.unknown import UnknownError

log = logging.getLogger(__name__)


def opened(connection: Connection, known: PrepaidAccount, told: Row | None, audit: Any) -> PrepaidAccount:
    """An account is opened or closed; returns it with what is in it. `told`: the audit row, in the table `audit`."""
    old = connection.execute(select(prepaid_account).where(prepaid_account.c.person == known.person)).one_or_none()
    row = {
        "person": known.person,
        "currency": known.currency if old is None else old.currency,
        "opened": to_ms(known.opened) if old is None or (known.is_open and not old.is_open) else old.opened,
        "is_open": known.is_open,
        "link": known.link if old is None else old.link,
    }
    rows: dict[Key, Row] = {Key.of(prepaid_account, row): row}
    if told is not None:
        rows[Key.of(audit, told)] = told
    write(connection, rows, (), Subjects())
    return read_account(connection, known.person)


def booked(connection: Connection, person: str, ask: Ask, at: datetime) -> PrepaidAccount:
    """Carry something out, once; returns the account after it. Raises UnknownError or ValueError before anything is
    written.
    """
    known = read_account(connection, person)
    row = connection.execute(select(booking).where(booking.c.key == key_of(ask))).one_or_none()
    if row is not None:
        if isinstance(ask, ByHand) and (row.person, row.amount_minor) != (person, ask.amount):
            raise ValueError("this key was used for another booking: take a new one for each")
        return known
    after = known
    rows = []
    for one in entries(known, ask, at):
        after = after.after(one)
        rows.append(_booking_row(one))
    connection.execute(booking.insert(), rows)
    return after


def read_account(connection: Connection, person: str) -> PrepaidAccount:
    """One account with the sum of its bookings. Raises UnknownError."""
    row = connection.execute(select(prepaid_account).where(prepaid_account.c.person == person)).one_or_none()
    if row is None:
        raise UnknownError(f"{person!r:.80} has no prepaid account")
    rows = connection.execute(select(booking).where(booking.c.person == person).order_by(booking.c.number)).all()
    return _account(row, rows)


def read_linked(connection: Connection, link: str) -> PrepaidAccount:
    """The account that is looked at by a secret address. Raises UnknownError."""
    row = connection.execute(select(prepaid_account.c.person).where(prepaid_account.c.link == link)).one_or_none()
    if row is None or not link:
        raise UnknownError("there is no such account")
    return read_account(connection, row.person)


def read_accounts(connection: Connection) -> tuple[PrepaidAccount, ...]:
    """All accounts, by person."""
    lines: dict[str, list[Any]] = defaultdict(list)
    for one in connection.execute(select(booking).order_by(booking.c.person, booking.c.number)):
        lines[one.person].append(one)
    rows = connection.execute(select(prepaid_account).order_by(prepaid_account.c.person))
    return tuple(_account(row, lines.get(row.person, ())) for row in rows)


def read_bookings(connection: Connection, person: str, most: int) -> tuple[Booking, ...]:
    """The newest bookings, newest first."""
    query = select(booking).where(booking.c.person == person).order_by(desc(booking.c.number)).limit(most)
    return tuple(_booking_of(row) for row in connection.execute(query))


def read_unsettled(connection: Connection) -> tuple[tuple[str, str, int], ...]:
    """(person, session, cost) of sessions that began while somebody had an open account, are over, and were neither
    charged to it nor paid by card.
    """
    charged = select(booking.c.session).where(booking.c.kind == BookingKind.CHARGE.value)
    by_card = select(payment.c.session).where(payment.c.session != "")
    query = (
        select(session.c.person, receipt.c.session, receipt.c.total_minor)
        .join(session, session.c.id == receipt.c.session)
        .join(prepaid_account, prepaid_account.c.person == session.c.person)
        .where(
            prepaid_account.c.is_open,
            receipt.c.plugged >= prepaid_account.c.opened,
            receipt.c.total_minor > 0,
            receipt.c.session.not_in(charged),
            receipt.c.session.not_in(by_card),
        )
    )
    return tuple((row.person, row.session, row.total_minor) for row in connection.execute(query))


def _account(row: Any, bookings: Any) -> PrepaidAccount:
    known = PrepaidAccount(row.person, row.currency, from_ms(row.opened), bool(row.is_open), row.link)
    for one in bookings:
        known = known.after(_booking_of(one))
    return known


def _booking_row(one: Booking) -> Row:
    return {
        "person": one.person,
        "number": one.number,
        "at": to_ms(one.at),
        "kind": one.kind.value,
        "amount_minor": one.amount,
        "key": one.key,
        "session": one.session,
        "payment": one.payment,
        "note": one.note,
        "who": one.who,
    }


def _booking_of(row: Any) -> Booking:
    return Booking(
        person=row.person,
        number=row.number,
        at=from_ms(row.at),
        kind=BookingKind(row.kind),
        amount=row.amount_minor,
        key=row.key,
        session=row.session,
        payment=row.payment,
        note=row.note,
        who=row.who,
    )
