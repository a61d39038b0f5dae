"""What sessions were used for, cost, ended by and were paid with, carried to them from the rows that say so.

A list of a year is filtered by it and adds it up: looked up in four tables it would take ten times as long. It is
carried in the transaction that writes any of these rows, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Table, func, select, update

from ems.adapters.store.payment_schema import payment
from ems.adapters.store.price_schema import receipt, tab
from ems.adapters.store.schema import session, transaction_log

AT_A_TIME = 500
MOST_WORDS = 255
"""So much of a reason fits into an index."""

OF_SESSIONS: dict[Table, str] = {session: "id", tab: "session", receipt: "session", payment: "session"}
"""The tables that have a part in it by the name of a session, and their column with it."""

_LOG = transaction_log.c
_REASON = func.substr(func.coalesce(_LOG.reason, ""), 1, MOST_WORDS)


def _of(table: Table, column: ColumnElement[Any]) -> ScalarSelect[Any]:
    return select(column).where(table.c.session == session.c.id).scalar_subquery()


def _of_last(column: ColumnElement[Any]) -> ScalarSelect[Any]:
    """Of the last transaction, once it has ended."""
    ended = _LOG.id == session.c.last_transaction, _LOG.ended.is_not(None)
    return select(column).where(*ended).scalar_subquery()


_ENDS: Mapping[str, ScalarSelect[Any]] = {"ended_by": _of_last(_REASON), "ended_inferred": _of_last(_LOG.inferred)}
CARRIED: Mapping[str, ColumnElement[Any] | ScalarSelect[Any]] = {
    "idle_s": _of(tab, tab.c.idle_s),
    "groups": _of(tab, tab.c.groups),
    "total_minor": _of(receipt, receipt.c.total_minor),
    "currency": _of(receipt, receipt.c.currency),
    "has_payment": select(payment.c.id).where(payment.c.session == session.c.id).exists(),
    **_ENDS,
}


def carry(connection: Connection, sessions: Iterable[str]) -> None:
    """Let the rows of sessions say what their tabs, receipts, payments and last transactions say; nothing, if there is
    none.
    """
    _carry(connection, session.c.id, sessions, CARRIED)


def carry_ends(connection: Connection, transactions: Iterable[int]) -> None:
    """What transactions say, in the sessions of which they are the last."""
    _carry(connection, session.c.last_transaction, transactions, _ENDS)


def _carry(connection: Connection, key: ColumnElement[Any], wanted: Iterable[Any], values: Mapping[str, Any]) -> None:
    names = iter(wanted)
    while some := list(islice(names, AT_A_TIME)):
        connection.execute(update(session).where(key.in_(some)).values(values))
