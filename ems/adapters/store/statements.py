"""Groups that pay by the month, and their statements, in the database. A closed one is written once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, delete, desc, select

from ems.adapters.store.batch import Key, Row, Subjects, write
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.money_schema import billing_group, booking, correction, statement, statement_line
from ems.adapters.store.payment_schema import payment
from ems.adapters.store.price_schema import receipt, tab
from ems.adapters.store.schema import session
from ems.domain.billing.money import EXACTLY
from ems.domain.billing.payment import PaymentState
from ems.domain.billing.prepaid import BookingKind
from ems.domain.billing.statement import BillingGroup, Correction, Month, Statement, StatementLine, must_be_over
from ems.domain.unknown import UnknownError


def kept(connection: Connection, group: BillingGroup) -> None:
    """A group is billed from now on, or described anew."""
    row = {"id": group.id, "title": group.title, "address": group.address, "reference": group.reference}
    write(connection, {Key.of(billing_group, row): row}, (), Subjects())


def removed(connection: Connection, group: str) -> None:
    """A group is billed no more; what is closed stays. Raises UnknownError."""
    read_group(connection, group)
    connection.execute(delete(billing_group).where(billing_group.c.id == group))


def closed(
    connection: Connection, group: str, month: Month, currency: str, zone: ZoneInfo, who: str, at: datetime
) -> Statement:
    """Close a month; one that is closed is returned as it is. Raises UnknownError or ValueError before anything is
    written.
    """
    known = read_statement(connection, group, month, currency, zone)
    if known.closed is not None:
        return known
    must_be_over(month, at, zone)
    _must_be_next(connection, group, month, currency, zone)
    row = {
        "billing_group": group,
        "month": month.text,
        "closed": to_ms(at),
        "who": who,
        "currency": currency,
        "title": known.group.title,
        "address": known.group.address,
        "reference": known.group.reference,
    }
    connection.execute(statement.insert(), [row])
    if known.lines:
        rows = [_line_row(group, month, position, line) for position, line in enumerate(known.lines)]
        connection.execute(statement_line.insert(), rows)
    return read_statement(connection, group, month, currency, zone)


def _must_be_next(connection: Connection, group: str, month: Month, currency: str, zone: ZoneInfo) -> None:
    """Months are closed one after the other, so that each thing has one place where it belongs."""
    later = connection.execute(
        select(statement.c.month).where(statement.c.billing_group == group, statement.c.month > month.text)
    ).first()
    if later is not None:
        raise ValueError(f"{later.month} is closed already: what is left of {month.text} goes into the next month")
    before = month.next(-1)
    if not _is_closed(connection, group, before):
        left = next(iter(_open_sessions(connection, group, before, currency, zone)), None)
        if left is not None:
            began = Month.at(left.at, zone).text
            raise ValueError(f"close {began} first: what was charged then is on no statement yet")


def _is_closed(connection: Connection, group: str, month: Month) -> bool:
    wanted = and_(statement.c.billing_group == group, statement.c.month == month.text)
    return connection.execute(select(statement.c.month).where(wanted)).one_or_none() is not None


def corrected(connection: Connection, told: Correction) -> None:
    """Keep a correction; one that is known stays as it is. Raises UnknownError or ValueError."""
    known = connection.execute(select(correction).where(correction.c.id == told.id)).one_or_none()
    if known is not None:
        if (known.billing_group, known.amount_minor) != (told.group, told.amount):
            raise ValueError("this key was used for another correction: take a new one for each")
        return
    if not _is_closed(connection, told.group, told.of_month):
        read_group(connection, told.group)
        raise ValueError(f"{told.of_month.text} is not closed: what is in it can still change by itself")
    row = {
        "id": told.id,
        "billing_group": told.group,
        "at": to_ms(told.at),
        "of_month": told.of_month.text,
        "amount_minor": told.amount,
        "vat_bp": _basis_points(told.vat_percent),
        "vat_minor": told.vat,
        "note": told.note,
        "who": told.who,
    }
    connection.execute(correction.insert(), [row])


def read_groups(connection: Connection) -> tuple[BillingGroup, ...]:
    """All groups that are billed, by id."""
    return tuple(_group_of(row) for row in connection.execute(select(billing_group).order_by(billing_group.c.id)))


def read_group(connection: Connection, name: str) -> BillingGroup:
    """One group. Raises UnknownError."""
    row = connection.execute(select(billing_group).where(billing_group.c.id == name)).one_or_none()
    if row is None:
        raise UnknownError(f"the group {name!r:.80} is not billed by the month")
    return _group_of(row)


def read_statement(connection: Connection, group: str, month: Month, currency: str, zone: ZoneInfo) -> Statement:
    """A month as it was closed, or as it stands. Raises UnknownError."""
    wanted = and_(statement.c.billing_group == group, statement.c.month == month.text)
    row = connection.execute(select(statement).where(wanted)).one_or_none()
    if row is not None:
        return _closed(connection, row)
    known = read_group(connection, group)
    lines = sorted(
        (*_open_sessions(connection, group, month, currency, zone), *_open_corrections(connection, group)),
        key=lambda line: (line.correction is not None, line.at, line.session or line.correction or ""),
    )
    return Statement(known, month, currency, tuple(lines))


def read_statements(connection: Connection, group: str) -> tuple[Statement, ...]:
    """Closed months of a group, newest first."""
    rows = connection.execute(
        select(statement).where(statement.c.billing_group == group).order_by(desc(statement.c.month))
    ).all()
    return tuple(_closed(connection, row) for row in rows)


def _closed(connection: Connection, row: Any) -> Statement:
    wanted = and_(statement_line.c.billing_group == row.billing_group, statement_line.c.month == row.month)
    lines = connection.execute(select(statement_line).where(wanted).order_by(statement_line.c.position))
    group = BillingGroup(row.billing_group, row.title, row.address, row.reference)
    told = tuple(_line_of(line) for line in lines)
    return Statement(group, Month.of(row.month), row.currency, told, from_ms(row.closed), row.who)


def _open_sessions(
    connection: Connection, group: str, month: Month, currency: str, zone: ZoneInfo
) -> Iterable[StatementLine]:
    """Sessions of a group that began in a month, and that nobody paid or was billed for yet; with those that were
    reported too late for a month that is closed.
    """
    begins = month.begins(zone)
    since = begins if not _is_closed(connection, group, month.next(-1)) else begins.replace(year=2000)
    by_card = select(payment.c.session).where(payment.c.state == PaymentState.CAPTURED.value)
    prepaid = select(booking.c.session).where(booking.c.kind == BookingKind.CHARGE.value)
    billed = select(statement_line.c.session).where(statement_line.c.session.is_not(None))
    query = (
        select(receipt, tab.c.groups, session.c.person, session.c.tag, session.c.cost_centre)
        .join(tab, tab.c.session == receipt.c.session)
        .join(session, session.c.id == receipt.c.session, isouter=True)
        .where(
            receipt.c.plugged >= to_ms(since),
            receipt.c.plugged < to_ms(month.ends(zone)),
            receipt.c.currency == currency,
            receipt.c.total_minor != 0,
            tab.c.groups.contains(json.dumps(group), autoescape=True),
            receipt.c.session.not_in(by_card),
            receipt.c.session.not_in(prepaid),
            receipt.c.session.not_in(billed),
        )
    )
    others = {one.id for one in read_groups(connection)}
    for row in connection.execute(query):
        # Of several groups that are billed, the first by name pays.
        if min(others.intersection(json.loads(row.groups)), default="") == group:
            who = " ".join(part for part in (row.person or row.tag or "", row.cost_centre or "") if part)
            yield StatementLine(
                from_ms(row.plugged),
                who or "somebody of the group",
                row.evse,
                row.energy_wh,
                _percent(row.vat_bp),
                row.total_minor,
                row.vat_minor,
                session=row.session,
            )


def _open_corrections(connection: Connection, group: str) -> Iterable[StatementLine]:
    billed = select(statement_line.c.correction).where(statement_line.c.correction.is_not(None))
    query = select(correction).where(correction.c.billing_group == group, correction.c.id.not_in(billed))
    for row in connection.execute(query):
        told = Correction(
            row.id,
            row.billing_group,
            from_ms(row.at),
            Month.of(row.of_month),
            row.amount_minor,
            _percent(row.vat_bp),
            row.note,
            row.who,
        )
        yield told.line()


def _line_row(group: str, month: Month, position: int, line: StatementLine) -> Row:
    return {
        "billing_group": group,
        "month": month.text,
        "position": position,
        "session": line.session,
        "correction": line.correction,
        "at": to_ms(line.at),
        "words": line.words,
        "evse": line.evse,
        "energy_wh": line.energy_wh,
        "vat_bp": _basis_points(line.vat_percent),
        "amount_minor": line.amount,
        "vat_minor": line.vat,
    }


def _line_of(row: Any) -> StatementLine:
    return StatementLine(
        from_ms(row.at),
        row.words,
        row.evse,
        row.energy_wh,
        _percent(row.vat_bp),
        row.amount_minor,
        row.vat_minor,
        session=row.session,
        correction=row.correction,
    )


def _group_of(row: Any) -> BillingGroup:
    return BillingGroup(row.id, row.title, row.address, row.reference)


def _percent(basis_points: int) -> Decimal:
    return EXACTLY.scaleb(Decimal(basis_points), -2).normalize(EXACTLY)


def _basis_points(percent: Decimal) -> int:
    return int(EXACTLY.scaleb(percent, 2))
