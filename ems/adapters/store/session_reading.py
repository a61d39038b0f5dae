"""The list of sessions, filtered, sorted, in pages, and what they add up to.

Every call opens its own connection, so it may run in any thread, and each query is one short snapshot: a long list must
not keep the log of the database from being recycled.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from ems.adapters.store.access import reason
from ems.adapters.store.database import Database
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.price_schema import usage
from ems.adapters.store.reading import NotReadableError
from ems.adapters.store.rows import transactions_of
from ems.adapters.store.schema import session, transaction_log
from ems.adapters.store.session_query import COLUMNS, JOINED, conditions_of, page_query, sums_query
from ems.adapters.store.session_schema import session_correction, signed_value
from ems.domain.billing.payment import PaymentState
from ems.domain.record.session_detail import Accounted
from ems.domain.record.session_entry import (
    SessionEntry,
    SessionFilter,
    SessionMark,
    SessionPage,
    SessionQuarter,
    SessionSort,
    SessionSums,
)

SLICE = timedelta(days=184)
"""So much of a span is added up in one query."""

ENTRIES = 2_000
"""So many are read at a time; the numbers of their transactions fit into one query."""


class _Accounts(NamedTuple):
    """What belongs to some sessions: their transactions, the signed values of these, and corrections."""

    transactions: Mapping[int, Any]
    signed: Mapping[int, int]
    corrections: Mapping[str, int]


class SessionReader:
    """Raises NotReadableError when the database cannot be read."""

    def __init__(self, database: Database) -> None:
        self._database, self._engine = database, database.reading()

    def page(
        self,
        wanted: SessionFilter,
        sort: SessionSort = SessionSort.PLUGGED,
        *,
        falling: bool = True,
        after: SessionMark | None = None,
        most: int = ENTRIES,
    ) -> SessionPage:
        """At most `most` entries behind a mark; sorted by `sort`, then by id."""
        with self._connected() as connection:
            if sort is SessionSort.PLUGGED:
                found = rows = connection.execute(page_query(wanted, sort, falling, after).limit(most + 1)).all()
            else:
                # All have to be sorted, so only what they are sorted by is read of all.
                found = connection.execute(page_query(wanted, sort, falling, after, whole=False).limit(most + 1)).all()
                rows = _whole(connection, [row.id for row in found])
            entries = tuple(_entries(connection, rows[:most]))
        if len(found) <= most:
            return SessionPage(entries, None)
        return SessionPage(entries, SessionMark(found[most - 1].sort_key, found[most - 1].id))

    def entries(self, wanted: SessionFilter) -> Iterator[SessionEntry]:
        """All of them, in the order in which they began."""
        mark: SessionMark | None = None
        while True:
            page = self.page(wanted, falling=False, after=mark)
            yield from page.entries
            if (mark := page.next) is None:
                return

    def sums(self, wanted: SessionFilter) -> SessionSums:
        """What all of them add up to."""
        total = SessionSums()
        for first, last in self._slices(wanted):
            conditions = (*conditions_of(wanted, first, last), session.c.is_void.is_not(True))
            with self._connected() as connection:
                total = total.plus(_sums(connection.execute(sums_query(conditions)).all()))
        return total

    def entry(self, name: str) -> SessionEntry | None:
        """One session; None when there is none of that id."""
        query = select(*COLUMNS).select_from(JOINED).where(session.c.id == name)
        with self._connected() as connection:
            found = list(_entries(connection, connection.execute(query).all()))
        return found[0] if found else None

    def quarters(self, name: str) -> tuple[SessionQuarter, ...]:
        """What a session used, by quarter hours."""
        query = select(usage).where(usage.c.session == name).order_by(usage.c.starts)
        with self._connected() as connection:
            rows = connection.execute(query).all()
        return tuple(SessionQuarter(from_ms(row.starts), row.energy_wh, row.idle_s) for row in rows)

    def _slices(self, wanted: SessionFilter) -> Iterator[tuple[int, int]]:
        """The span in pieces, from the first session in it to the last."""
        since, until = to_ms(wanted.since), to_ms(wanted.until)
        begun = session.c.plugged
        bounds = [select(each(begun)).where(begun >= since, begun < until) for each in (func.min, func.max)]
        with self._connected() as connection:
            first, last = (connection.execute(query).scalar() for query in bounds)
        step = SLICE // timedelta(milliseconds=1)
        if first is not None and last is not None:
            for begin in range(first, last + 1, step):
                yield begin, min(begin + step, last + 1)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise NotReadableError(f"{self._database}: {reason(error)}") from error


def _whole(connection: Connection, names: Sequence[str]) -> list[Any]:
    query = select(*COLUMNS).select_from(JOINED).where(session.c.id.in_(names))
    found = {row.id: row for row in connection.execute(query)}
    return [found[name] for name in names]


def _entries(connection: Connection, rows: Sequence[Any]) -> Iterator[SessionEntry]:
    lists = [tuple(transactions_of(row)) for row in rows]
    accounts = _accounts(connection, [id_ for ids in lists for id_ in ids], [row.id for row in rows])
    for row, ids in zip(rows, lists, strict=True):
        yield _entry(row, ids, accounts)


def _accounts(connection: Connection, ids: Sequence[int], names: Sequence[str]) -> _Accounts:
    log, by = transaction_log.c, signed_value.c.transaction_id
    columns = (log.id, log.id_tag, log.started, log.ended, log.reason, log.inferred)
    transactions: dict[int, Any] = {}
    signed: dict[int, int] = defaultdict(int)
    for first in range(0, len(ids), ENTRIES):
        some = ids[first : first + ENTRIES]
        transactions.update({row.id: row for row in connection.execute(select(*columns).where(log.id.in_(some)))})
        counted = select(by, func.count()).where(by.in_(some)).group_by(by)
        signed.update({id_: number for id_, number in connection.execute(counted)})
    whose = session_correction.c.session
    counted = select(whose, func.count()).where(whose.in_(names)).group_by(whose)
    return _Accounts(transactions, signed, {name: number for name, number in connection.execute(counted)})


def _entry(row: Any, ids: tuple[int, ...], accounts: _Accounts) -> SessionEntry:
    known = [accounts.transactions[id_] for id_ in ids if id_ in accounts.transactions]
    began = [one.started for one in known if one.started is not None]
    last = known[-1] if known else None
    has_ended = last is not None and last.ended is not None
    return SessionEntry(
        id=row.id,
        evse=row.evse,
        plugged=from_ms(row.plugged),
        unplugged=_moment(row.unplugged),
        energy_wh=row.energy_wh,
        need_wh=row.need_wh,
        departure=_moment(row.departure),
        soc_percent=row.soc_percent,
        service_class=row.service_class,
        vehicle=row.vehicle,
        tag=row.tag or next((one.id_tag for one in reversed(known) if one.id_tag), None),
        person=row.person,
        cost_centre=row.cost_centre or "",
        groups=_groups(row.groups) if row.groups else (),
        transactions=ids,
        began=_moment(min(began, default=None)),
        ended=_moment(last.ended) if last is not None and has_ended else None,
        ended_by=(last.reason or "") if last is not None and has_ended else "",
        is_inferred=last is not None and bool(last.inferred),
        cost_minor=row.total_minor,
        vat_minor=row.vat_minor,
        currency=row.currency or "",
        price_list=row.price_list or "",
        payment=None if row.payment is None else PaymentState(row.payment),
        idle_s=row.idle_s,
        is_void=bool(row.is_void),
        corrections=accounts.corrections.get(row.id, 0),
        signed=sum(accounts.signed.get(id_, 0) for id_ in ids),
    )


def read_accounts(connection: Connection, ids: Sequence[int]) -> tuple[Accounted, ...]:
    """Transactions as their station accounted for them, in the order of `ids`."""
    rows = connection.execute(select(transaction_log).where(transaction_log.c.id.in_(ids[:ENTRIES]))).all()
    found = {
        row.id: Accounted(
            row.id,
            _moment(row.started),
            _moment(row.ended),
            row.meter_start_wh,
            row.meter_stop_wh,
            row.energy_wh,
            row.id_tag,
            row.reason or "",
            bool(row.inferred),
        )
        for row in rows
    }
    return tuple(found[id_] for id_ in ids if id_ in found)


@lru_cache(maxsize=1_000)
def _groups(text: str) -> tuple[str, ...]:
    return tuple(map(str, json.loads(text)))


def _sums(rows: Sequence[Any]) -> SessionSums:
    total = SessionSums()
    for row in rows:
        cost = {} if row.currency is None else {row.currency: int(row.total_minor)}
        one = SessionSums(
            row.sessions,
            row.sessions - row.ended,
            row.energy_wh,
            float(row.occupied_ms) / 1000.0,
            int(row.idle_s or 0),
            cost,
        )
        total = total.plus(one)
    return total


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
