"""The list of sessions as queries: conditions, order, sums. No condition reads the whole table (a test looks)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select, tuple_

from ems.adapters.store.moment import to_ms
from ems.adapters.store.payment_schema import payment
from ems.adapters.store.price_schema import receipt
from ems.adapters.store.schema import session, transaction_log
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
JOINED = session.outerjoin(receipt, receipt.c.session == session.c.id)
COLUMNS = (
    session,
    receipt.c.vat_minor,
    receipt.c.price_list,
    _PAID.scalar_subquery().label("payment"),
)


def page_query(
    wanted: SessionFilter, sort: SessionSort, falling: bool, after: SessionMark | None, whole: bool = True
) -> Select[Any]:
    """Rows of entries behind a mark, all of them; if not `whole`, only what they are and what they are sorted by."""
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


def sums_query(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Sums by currency."""
    ended = session.c.unplugged.is_not(None)
    return (
        select(
            session.c.currency,
            func.count().label("sessions"),
            func.count(session.c.unplugged).label("ended"),
            func.sum(session.c.energy_wh).label("energy_wh"),
            func.sum(case((ended, session.c.unplugged - session.c.plugged), else_=0)).label("occupied_ms"),
            func.sum(session.c.idle_s).label("idle_s"),
            func.sum(session.c.total_minor).label("total_minor"),
        )
        .where(*conditions)
        .group_by(session.c.currency)
    )


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
    paid: ColumnElement[bool] = there.where(payment.c.state.in_(named)).exists() if named else false()
    return or_(paid, ~there.exists()) if None in states else paid


def _ended_by(reasons: frozenset[str]) -> ColumnElement[bool]:
    last = transaction_log.c
    named = [and_(last.reason.in_(sorted(reasons - {INFERRED})), last.inferred.is_not(True))]
    if INFERRED in reasons:
        named.append(last.inferred.is_(True))
    return select(last.id).where(last.id == session.c.last_transaction, last.ended.is_not(None), or_(*named)).exists()
