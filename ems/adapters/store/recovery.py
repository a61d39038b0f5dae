"""What was running when the controller stopped."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Table, desc, func, select

from ems.adapters.store.accounts import read_logins, read_roll
from ems.adapters.store.cards import Remembered, read_remembered
from ems.adapters.store.daybook import read_daybook
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.payments import read_open_payments
from ems.adapters.store.rows import grant_of, model_of, session_of, transaction_of, transactions_of
from ems.adapters.store.schema import alarm, grant, session, start, station_model, transaction_log
from ems.adapters.store.tabs import read_tabs
from ems.domain.access.account import Login
from ems.domain.access.roll import Roll
from ems.domain.billing.payment import Payment
from ems.domain.billing.tab import Tab
from ems.domain.daybook import Daybook
from ems.domain.grant import Grant
from ems.domain.instant import Instant
from ems.domain.session import Need, Session, Transaction
from ems.domain.station_model import StationModel

log = logging.getLogger(__name__)

KEPT_STARTS = 20_000
"""Announcements of a start that are remembered; a station repeats one within minutes or after its own power cut."""

CRASHES_COUNT_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """What a station was found to be able to do, and what it said it was at that time."""

    vendor: str
    product: str
    firmware: str
    model: StationModel


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was running, with monotonic times of this run.

    `sessions`, `grants` and the number of `phases` that was named by EVSE, `models` by station. `crashes`: runs that
    ended without a goodbye, within the last hour and since the last one that said it. `alive`: the last sign of life of
    the run before. `complete` False: the database could not be read. `tabs` and `payments` that were not closed.
    `daybook`: what people had changed. `roll` and `logins`: who may do what, and where somebody is logged in.
    `remembered`: of tags besides that.
    """

    sessions: Mapping[str, Session] = field(default_factory=dict)
    grants: Mapping[str, Grant] = field(default_factory=dict)
    phases: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, LearnedModel] = field(default_factory=dict)
    crashes: int = 0
    alive: datetime | None = None
    complete: bool = True
    tabs: tuple[Tab, ...] = ()
    payments: tuple[Payment, ...] = ()
    daybook: Daybook = field(default_factory=Daybook)
    roll: Roll = field(default_factory=Roll)
    logins: tuple[Login, ...] = ()
    remembered: Remembered = field(default_factory=Remembered)


@dataclass(frozen=True, slots=True)
class Remains:
    """Rows as they were found. `open` and `sessions` hold at most one per EVSE; what a later one superseded, and what
    else the run before could not close, is in `left` with its table, closed. `energies` of the sessions' transactions.
    """

    last_id: int = 0
    newest: tuple[Any, ...] = ()
    open: tuple[Any, ...] = ()
    sessions: tuple[Any, ...] = ()
    left: tuple[tuple[Table, Mapping[str, Any]], ...] = ()
    energies: Mapping[int, float] = field(default_factory=dict)
    grants: tuple[Any, ...] = ()
    models: tuple[Any, ...] = ()
    crashes: int = 0
    alive: int | None = None
    complete: bool = False
    tabs: tuple[Tab, ...] = ()
    payments: tuple[Payment, ...] = ()
    daybook: Daybook = field(default_factory=Daybook)
    roll: Roll = field(default_factory=Roll)
    logins: tuple[Login, ...] = ()
    remembered: Remembered = field(default_factory=Remembered)


def read_remains(connection: Connection, now: datetime) -> Remains:
    """Read what the runs before left."""
    log_ = transaction_log.c
    ours = select(transaction_log).where(log_.start_key.is_not(None)).order_by(desc(log_.id))
    newest = connection.execute(ours.limit(KEPT_STARTS)).all()
    # Chosen and sorted here: else SQLite would read all years by the index of their begins, not the few that are open.
    running = connection.execute(select(transaction_log).where(log_.ended.is_(None)))
    begun = (row for row in running if row.started is not None)
    open_, superseded = _latest(sorted(begun, key=attrgetter("started", "id")))
    plugged = connection.execute(select(session).where(session.c.unplugged.is_(None)))
    sessions, gone = _latest(sorted(plugged, key=attrgetter("plugged")))
    ids = list(chain.from_iterable(transactions_of(row) for row in sessions))
    energies = connection.execute(select(log_.id, log_.energy_wh).where(log_.id.in_(ids))).all()
    alive = connection.execute(select(func.max(start.c.alive))).scalar()
    raised = connection.execute(select(alarm).where(alarm.c.ended.is_(None))).all()
    over = to_ms(now) if alive is None else alive
    since = to_ms(now - CRASHES_COUNT_FOR)
    # One that is still to come was said by a clock that was ahead, and must not hide what crashed since.
    said = start.c.ended.is_not(None), start.c.alive <= to_ms(now)
    goodbye = func.coalesce(select(func.max(start.c.alive)).where(*said).scalar_subquery(), 0)
    crashed = start.c.ended.is_(None), start.c.alive >= since, start.c.alive > goodbye
    crashes = select(func.count()).select_from(start).where(*crashed)
    return Remains(
        last_id=newest[0].id if newest else 0,
        newest=tuple(newest),
        open=open_,
        sessions=sessions,
        left=(
            *((transaction_log, _row(old, ended=later.started, **_SUPERSEDED)) for old, later in superseded),
            *((session, _row(old, unplugged=later.plugged)) for old, later in gone),
            *((alarm, _row(row, ended=max(row.began, over))) for row in raised),
        ),
        energies={row.id: row.energy_wh for row in energies if row.energy_wh is not None},
        grants=tuple(connection.execute(select(grant)).all()),
        models=tuple(connection.execute(select(station_model)).all()),
        crashes=connection.execute(crashes).scalar() or 0,
        alive=alive,
        complete=True,
        tabs=read_tabs(connection),
        payments=read_open_payments(connection),
        daybook=read_daybook(connection),
        roll=read_roll(connection),
        logins=read_logins(connection),
        remembered=read_remembered(connection, now),
    )


_SUPERSEDED = {"reason": "superseded", "inferred": True}


def _row(row: Any, **changes: Any) -> Mapping[str, Any]:
    return {**row._mapping, **changes}


def _latest(rows: Iterable[Any]) -> tuple[tuple[Any, ...], list[tuple[Any, Any]]]:
    """The last row of each EVSE, and each other row with the one that followed it."""
    latest: dict[str, Any] = {}
    followed: list[tuple[Any, Any]] = []
    for row in rows:
        if row.evse in latest:
            followed.append((latest[row.evse], row))
        latest[row.evse] = row
    return tuple(latest.values()), followed


def recover(remains: Remains, now: Instant) -> Recovered:
    """The records that `remains` describe, with leases and plug-ins on this run's monotonic clock."""
    by_evse: dict[str, list[Any]] = defaultdict(list)
    for row in remains.grants:
        by_evse[row.evse].append(row)
    return Recovered(
        sessions=_sessions(remains, now),
        grants={evse: grant_of(rows, now) for evse, rows in by_evse.items()},
        phases={row.evse: row.phases for row in remains.grants if row.phases},
        models=dict(_models(remains.models)),
        crashes=remains.crashes,
        alive=None if remains.alive is None else from_ms(remains.alive),
        complete=remains.complete,
        tabs=remains.tabs,
        payments=remains.payments,
        daybook=remains.daybook,
        roll=remains.roll,
        logins=remains.logins,
        remembered=remains.remembered,
    )


def _sessions(remains: Remains, now: Instant) -> dict[str, Session]:
    running = {row.evse: transaction_of(row) for row in remains.open}
    found: dict[str, Session] = {}
    for row in remains.sessions:
        transaction = running.pop(row.evse, None)
        # While none runs, the energy of the last one is still that of the session. What its station said at its end is
        # on disk before the session knows of it, and is said only once.
        others, last = list(transactions_of(row)), None
        if transaction is None and others:
            last = remains.energies.get(others.pop())
        before = sum(remains.energies.get(id_, 0.0) for id_ in others)
        try:
            known = session_of(row, max(0.0, row.energy_wh - before) if last is None else last, transaction, now)
            found[row.evse] = replace(known, earlier_wh=before)
        except ValueError as error:
            log.warning("store.session_unreadable id=%.64r: %s", row.id, error)
    found.update({evse: _session_around(evse, transaction, now) for evse, transaction in running.items()})
    return found


def _session_around(evse: str, transaction: Transaction, now: Instant) -> Session:
    """A transaction without a session: the controller stopped before it had written that a vehicle is there."""
    plugged_s = min(now.monotonic_s, now.monotonic_at(transaction.started))
    return Session(evse, transaction.started, plugged_s, transaction, need=Need(), counted=transaction.id)


def _models(rows: Iterable[Any]) -> Iterable[tuple[str, LearnedModel]]:
    for row in rows:
        try:
            yield row.station, LearnedModel(row.vendor, row.product, row.firmware, model_of(row.model))
        except ValueError as error:
            log.warning("store.model_unreadable station=%.64r: %s", row.station, error)
