"""The list of sessions, filtered, sorted, in pages, and what they add up to.

Every call opens its own connection, so it may run in any thread, and each query is one short snapshot: a long list must
not keep the log of the database from being recycled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache, reduce
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
from ems.adapters.store.session_query import COLUMNS, JOINED, EntryRow, conditions_of, page_query, sums_query
from ems.adapters.store.session_schema import signed_value
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


WIDTH = len(EntryRow._fields)


class _Account(NamedTuple):
    """A transaction of a session, as a row tells it of the last one."""

    id_tag: str | None
    started: int | None
    ended: int | None
    reason: str | None
    inferred: bool | None


_NONE = _Account(None, None, None, None, None)


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
                row = connection.execute(sums_query(conditions)).one()
                is_one = row.first_currency == row.last_currency
                rows = [row] if is_one else connection.execute(sums_query(conditions, by_currency=True))
                total = reduce(SessionSums.plus, map(_sums, rows), total)
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


def _entries(connection: Connection, found: Iterable[Any]) -> Iterator[SessionEntry]:
    rows = [EntryRow._make(row[:WIDTH]) for row in found]
    lists = [tuple(transactions_of(row)) for row in rows]
    told = [_told(row, ids) for row, ids in zip(rows, lists, strict=True)]
    more = [id_ for known, ids in zip(told, lists, strict=True) if known is None for id_ in ids]
    accounts, signed = _accounts(connection, more)
    for row, ids, known in zip(rows, lists, told, strict=True):
        if known is None:
            several = [accounts[id_] for id_ in ids if id_ in accounts]
            yield _entry(row, ids, several, sum(signed.get(id_, 0) for id_ in ids))
        else:
            yield _entry(row, ids, known, row.last_signed)


def _told(row: EntryRow, ids: tuple[int, ...]) -> Sequence[_Account] | None:
    """The transactions of a session, as its row tells them; None where it does not, because there are several."""
    if len(ids) != 1 or ids[0] != row.last_transaction:
        return None
    if row.last is None:
        return ()
    return (_Account(row.last_tag, row.last_started, row.last_ended, row.last_reason, row.last_inferred),)


def _accounts(connection: Connection, ids: Sequence[int]) -> tuple[Mapping[int, _Account], Mapping[int, int]]:
    """Transactions, and how many signed values there are of each."""
    log, by = transaction_log.c, signed_value.c.transaction_id
    columns = (log.id, log.id_tag, log.started, log.ended, log.reason, log.inferred)
    accounts: dict[int, _Account] = {}
    signed: dict[int, int] = {}
    for first in range(0, len(ids), ENTRIES):
        some = ids[first : first + ENTRIES]
        known = connection.execute(select(*columns).where(log.id.in_(some)))
        accounts.update({id_: _Account(*told) for id_, *told in known})
        counted = connection.execute(select(by, func.count()).where(by.in_(some)).group_by(by))
        signed.update({id_: number for id_, number in counted})
    return accounts, signed


def _entry(row: EntryRow, ids: tuple[int, ...], known: Sequence[_Account], signed: int) -> SessionEntry:
    began = [one.started for one in known if one.started is not None]
    last = known[-1] if known else _NONE
    ended, why = (None, "") if last.ended is None else (from_ms(last.ended), last.reason or "")
    tag = row.tag
    if not tag:
        tag = next((one.id_tag for one in reversed(known) if one.id_tag), None)
    # By position: with names a year takes a fifth of a second longer.
    return SessionEntry(
        row.id, row.evse, from_ms(row.plugged), _moment(row.unplugged), row.energy_wh, row.need_wh,
        _moment(row.departure), row.soc_percent, row.service_class, row.vehicle, tag, row.person,
        row.cost_centre or "", _groups(row.groups) if row.groups else (), ids, _moment(min(began, default=None)),
        ended, why, bool(last.inferred), row.total_minor, row.vat_minor, row.currency or "", row.price_list or "",
        None if row.payment is None else PaymentState(row.payment), row.idle_s, bool(row.is_void), row.corrections,
        signed,
    )  # fmt: skip


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


def _sums(row: Any) -> SessionSums:
    """Of a row that has at most one currency."""
    cost = {} if row.first_currency is None else {row.first_currency: int(row.total_minor)}
    return SessionSums(
        row.sessions,
        row.sessions - row.ended,
        row.energy_wh or 0.0,
        float(row.occupied_ms or 0) / 1000.0,
        int(row.idle_s or 0),
        cost,
    )


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
