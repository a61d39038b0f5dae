"""What sessions were used for and cost, carried from their tabs and receipts to the sessions themselves.

A list of a year is filtered by it and adds it up: looked up in three tables it would take ten times as long. It is
carried in the transaction that writes any of the three rows, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from sqlalchemy import Connection, Table, select, update

from ems.adapters.store.price_schema import receipt, tab
from ems.adapters.store.schema import session

AT_A_TIME = 500
OF_SESSIONS: dict[Table, str] = {session: "id", tab: "session", receipt: "session"}
"""The tables that have a part in it, and their column with the name of the session."""

CARRIED = (tab.c.idle_s, tab.c.groups, receipt.c.total_minor, receipt.c.currency)


def carry(connection: Connection, sessions: Iterable[str]) -> None:
    """Let the rows of sessions say what their tabs and receipts say; of either that is not there, nothing."""
    values = {
        column.name: select(column).where(column.table.c.session == session.c.id).scalar_subquery()
        for column in CARRIED
    }
    names = iter(sessions)
    while some := list(islice(names, AT_A_TIME)):
        connection.execute(update(session).where(session.c.id.in_(some)).values(values))
