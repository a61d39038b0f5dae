"""The list of sessions as queries: conditions, order, sums. No condition reads the whole table (a test looks)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, tuple_

from ems.adapters.store.moment import to_ms
from ems.adapters.store.payment_schema import payment
from ems.adapters.store.price_schema import receipt
from ems.adapters.store.schema import session, transaction_log
from ems.adapters.store.session_schema import session_correction, signed_value
from ems.domain.access.tag import tag_key
from ems.domain.billing.payment import PaymentState
from ems.domain.record.session_entry import INFERRED, SessionFilter, SessionMark, SessionSort

STILL = 2**52
"""The end, in milliseconds, of what lasts: later than any other."""

_PAID = select(payment.c.state).where(payment.c.session == session.c.id).order_by(payment.c.created.desc()).limit(1)
_KEYS: Mapping[SessionSort, ColumnElement[Any]] = {
    SessionSort.PLUGGED: session.c.plugged,
    SessionSort.ENERGY: session.c.energy_wh,
    SessionSort.DURATION: func.coalesce(session.c.unplugged, STILL) - session.c.plugged,
    SessionSort.COST: func.coalesce(session.c.total_minor, -1),
}
_LAST = transaction_log.c
_CORRECTIONS = select(func.count()).where(session_correction.c.session == session.c.id)
_SIGNED = select(func.count()).where(signed_value.c.transaction_id == session.c.last_transaction)


class EntryRow(NamedTuple):
    """What an entry is made of, by column: its session with its receipt, then from `last` on the transaction that it
    names as its last one (None: that is not there), and how much there is that it only counts. A tuple with names,
    because a year has many, and in the rows of the library names are looked for.
    """

    id: str
    evse: str
    plugged: int
    unplugged: int | None
    energy_wh: float
    need_wh: float | None
    departure: int | None
    soc_percent: float | None
    service_class: int
    vehicle: str | None
    tag: str | None
    person: str | None
    cost_centre: str | None
    groups: str | None
    transactions: str
    last_transaction: int | None
    total_minor: int | None
    currency: str | None
    idle_s: int | None
    is_void: bool | None
    vat_minor: int | None
    price_list: str | None
    payment: str | None
    last: int | None
    last_tag: str | None
    last_started: int | None
    last_ended: int | None
    last_reason: str | None
    last_inferred: bool | None
    corrections: int
    last_signed: int


_ELSEWHERE: Mapping[str, ColumnElement[Any]] = {
    "vat_minor": receipt.c.vat_minor,
    "price_list": receipt.c.price_list,
    "payment": _PAID.scalar_subquery(),
    "last": _LAST.id,
    "last_tag": _LAST.id_tag,
    "last_started": _LAST.started,
    "last_ended": _LAST.ended,
    "last_reason": _LAST.reason,
    "last_inferred": _LAST.inferred,
    "corrections": _CORRECTIONS.scalar_subquery(),
    "last_signed": _SIGNED.scalar_subquery(),
}
JOINED = session.outerjoin(receipt, receipt.c.session == session.c.id).outerjoin(
    transaction_log, _LAST.id == session.c.last_transaction
)
COLUMNS = tuple((_ELSEWHERE[name] if name in _ELSEWHERE else session.c[name]).label(name) for name in EntryRow._fields)
"""In the order of an `EntryRow`."""


def page_query(
    wanted: SessionFilter, sort: SessionSort, falling: bool, after: SessionMark | None, whole: bool = True
) -> Select[Any]:
    """Rows behind a mark, all of them: what an entry is made of, and what they are sorted by; if not `whole`, of the
    former only what they are.
    """
    key = _KEYS[sort]
    conditions = conditions_of(wanted, to_ms(wanted.since), to_ms(wanted.until))
    if not wanted.with_void:
        conditions.append(session.c.is_void.is_not(True))
    if after is not None:
        value = after.value if sort is SessionSort.ENERGY else int(after.value)
        place, mark = tuple_(key, session.c.id), tuple_(value, after.id)
        conditions.append(place < mark if falling else place > mark)
    order = [column.desc() if falling else column for column in (key, session.c.id)]
    columns, source = (COLUMNS, JOINED) if whole else ((session.c.id,), session)
    return select(*columns, key.label("sort_key")).select_from(source).where(*conditions).order_by(*order)


def sums_query(conditions: Sequence[ColumnElement[bool]], by_currency: bool = False) -> Select[Any]:
    """Sums of all; its cost is in one currency if `first_currency` is the `last_currency`. `by_currency` there is a
    row for each, but all rows have to be sorted for that.
    """
    known = session.c
    sums = {
        "first_currency": func.min(known.currency),
        "last_currency": func.max(known.currency),
        "sessions": func.count(),
        "ended": func.count(known.unplugged),
        "energy_wh": func.sum(known.energy_wh),
        "occupied_ms": func.sum(known.unplugged - known.plugged),
        "idle_s": func.sum(known.idle_s),
        "total_minor": func.sum(known.total_minor),
    }
    query = select(*(column.label(name) for name, column in sums.items())).where(*conditions)
    return query.group_by(known.currency) if by_currency else query


def conditions_of(wanted: SessionFilter, since: int, until: int) -> list[ColumnElement[bool]]:
    """What a filter asks for, but for void sessions, in a span of milliseconds."""
    found: list[ColumnElement[bool]] = [session.c.plugged >= since, session.c.plugged < until]
    said = {"vehicle": wanted.vehicle, "person": wanted.person, "cost_centre": wanted.cost_centre}
    found += [session.c[name] == value for name, value in said.items() if value is not None]
    if wanted.evses is not None:
        found.append(session.c.evse.in_(sorted(wanted.evses)))
    if wanted.station is not None:
        # The names of its EVSEs, which "/" ends; "0" is the character behind it.
        found += [session.c.evse > f"{wanted.station}/", session.c.evse < f"{wanted.station}0"]
    if wanted.tag is not None:
        found.append(session.c.tag_key == tag_key(wanted.tag))
    if wanted.group is not None:
        # Twice as fast as LIKE, and the same on every database.
        found.append(func.replace(session.c.groups, json.dumps(wanted.group), "") != session.c.groups)
    if wanted.is_open is not None:
        found.append(session.c.unplugged.is_(None) if wanted.is_open else session.c.unplugged.is_not(None))
    if wanted.payments is not None:
        found.append(_paid(wanted.payments))
    if wanted.ended_by is not None:
        found.append(_ended_by(wanted.ended_by))
    return found


def _paid(states: frozenset[PaymentState | None]) -> ColumnElement[bool]:
    there = select(payment.c.id).where(payment.c.session == session.c.id)
    named = [state.value for state in states if state is not None]
    is_paid = session.c.has_payment.is_(True)
    paid = and_(is_paid, there.where(payment.c.state.in_(named)).exists()) if named else false()
    return or_(~is_paid, paid) if None in states else paid


def _ended_by(reasons: frozenset[str]) -> ColumnElement[bool]:
    known = session.c
    told = and_(known.ended_by.in_(sorted(reasons - {INFERRED})), known.ended_inferred.is_not(True))
    return or_(told, known.ended_inferred.is_(True)) if INFERRED in reasons else told
