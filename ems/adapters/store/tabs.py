"""Tabs and receipts in the database. Tabs are queued; a receipt is on its way to disk at once."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, desc, select

from ems.adapters.store.current import Current
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.price_rows import line_rows, receipt_of, receipt_row, tab_of, tab_row, usage_row
from ems.adapters.store.price_schema import receipt, receipt_line, tab, usage
from ems.adapters.store.schema import session
from ems.adapters.store.writer import Urgency, Writer
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.domain.billing.usage import UsedQuarter

log = logging.getLogger(__name__)


class TabStore:
    """Implements the `TabBook` port. Belongs to the event loop."""

    def __init__(self, writer: Writer, current: Current) -> None:
        self._writer, self._current = writer, current
        self._written: dict[str, dict[int, UsedQuarter]] = {}

    def begin(self, tabs: Iterable[Tab]) -> None:
        """What the run before left open is written already."""
        for known in tabs:
            self._written[known.usage.session] = {one.starts_s: one for one in known.usage.quarters}
            self._remember(known)

    def kept(self, known: Tab) -> None:
        """A tab is new, which is queued for the next second, or has grown, which goes with the measurements."""
        self._put(known, Urgency.LATER if known.usage.session in self._written else Urgency.SOON)
        self._remember(known)

    def closed(self, known: Tab, made: Receipt | None) -> None:
        """A session is over; its receipt stays for good."""
        self._put(known, Urgency.AT_ONCE, is_over=True)
        if made is not None:
            self._writer.put(receipt, receipt_row(made), Urgency.AT_ONCE)
            for row in line_rows(made):
                self._writer.put(receipt_line, row, Urgency.AT_ONCE)
        name = known.usage.session
        self._current.forget(tab, name)
        for starts_s in self._written.pop(name, {}):
            self._current.forget(usage, name, 1000 * starts_s)

    def _put(self, known: Tab, urgency: Urgency, is_over: bool = False) -> None:
        used = known.usage
        written = self._written.setdefault(used.session, {})
        self._writer.put(tab, tab_row(known, used.until if is_over else None), urgency)
        for quarter in used.quarters:
            if written.get(quarter.starts_s) != quarter:
                written[quarter.starts_s] = quarter
                self._writer.put(usage, usage_row(used.session, quarter), urgency)

    def _remember(self, known: Tab) -> None:
        self._current.remember(tab, tab_row(known, None))
        for quarter in known.usage.quarters:
            self._current.remember(usage, usage_row(known.usage.session, quarter))


def read_tabs(connection: Connection) -> tuple[Tab, ...]:
    """Tabs that the run before did not close; of a session that was over they say what was recorded at its end."""
    are_open = select(tab.c.session).where(tab.c.closed.is_(None))
    used = select(usage).where(usage.c.session.in_(are_open)).order_by(usage.c.starts)
    quarters = _by_session(connection.execute(used))
    ended = select(session.c.id, session.c.unplugged, session.c.energy_wh).join(tab, tab.c.session == session.c.id)
    over = {
        row.id: row for row in connection.execute(ended.where(tab.c.closed.is_(None), session.c.unplugged.is_not(None)))
    }
    found: list[Tab] = []
    for row in connection.execute(select(tab).where(tab.c.closed.is_(None)).order_by(tab.c.plugged)):
        try:
            known = tab_of(row, quarters.get(row.session, ()))
        except (ValueError, TypeError, KeyError) as error:
            log.warning("store.tab_unreadable session=%.64r: %s", row.session, error)
            continue
        end = over.get(row.session)
        if end is not None:
            known = Tab(known.usage.closed(from_ms(end.unplugged), end.energy_wh), known.quote, known.groups)
        found.append(known)
    return tuple(found)


def read_closed_tab(connection: Connection, name: str) -> Tab | None:
    """The tab of a session that is over; None when there is none."""
    row = connection.execute(select(tab).where(tab.c.session == name, tab.c.closed.is_not(None))).first()
    if row is None:
        return None
    used = select(usage).where(usage.c.session == name).order_by(usage.c.starts)
    return tab_of(row, connection.execute(used).all())


def read_receipt(connection: Connection, name: str) -> Receipt | None:
    """The receipt of a session; None when there is none."""
    found = _receipts(connection, select(receipt).where(receipt.c.session == name))
    return next(iter(found), None)


def read_receipts(connection: Connection, since: datetime, until: datetime, most: int) -> tuple[Receipt, ...]:
    """The newest receipts of sessions that began from `since` until before `until`, newest first."""
    begun = receipt.c.plugged
    query = select(receipt).where(begun >= to_ms(since), begun < to_ms(until))
    return _receipts(connection, query.order_by(desc(begun), desc(receipt.c.session)).limit(most))


def _receipts(connection: Connection, query: Any) -> tuple[Receipt, ...]:
    rows = connection.execute(query).all()
    names = [row.session for row in rows]
    lines = _by_session(
        connection.execute(
            select(receipt_line).where(receipt_line.c.session.in_(names)).order_by(receipt_line.c.position)
        )
    )
    return tuple(receipt_of(row, lines.get(row.session, ())) for row in rows)


def _by_session(rows: Iterable[Any]) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.session].append(row)
    return found
