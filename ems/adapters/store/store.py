"""The parts of the store, put together: read this first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from ems.adapters.store.access import reason
from ems.adapters.store.accounts import AccountStore, read_roll
from ems.adapters.store.aggregation import aggregated, due, keep
from ems.adapters.store.audit import AuditLog, read_audits
from ems.adapters.store.cards import CardStore
from ems.adapters.store.corrections import CorrectionStore
from ems.adapters.store.current import Current
from ems.adapters.store.database import WRITE_ERRORS, Database
from ems.adapters.store.daybook import DaybookStore, rows_of
from ems.adapters.store.drivers import DriverStore
from ems.adapters.store.incidents import IncidentStore
from ems.adapters.store.ledger import Ledger
from ems.adapters.store.money import MoneyStore
from ems.adapters.store.notices import NoticeStore
from ems.adapters.store.offers import OfferRecorder
from ems.adapters.store.pace import PACE, Health, Pace
from ems.adapters.store.payments import PaymentStore, read_payment
from ems.adapters.store.reading import Reader
from ems.adapters.store.recorder import Recorder
from ems.adapters.store.recovery import Recovered, Remains, read_remains
from ems.adapters.store.regrets import RegretStore
from ems.adapters.store.report_store import ReportStore
from ems.adapters.store.retention import RETENTION, Retention, next_slice, remove
from ems.adapters.store.roaming import RoamingStore
from ems.adapters.store.signed import SignedStore
from ems.adapters.store.tabs import TabStore, read_closed_tab, read_receipt, read_receipts
from ems.adapters.store.writer import CLOSE_S, QueueFullError, Writer
from ems.domain.access.roll import Roll
from ems.domain.billing.payment import Payment
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.domain.record.history import Audit
from ems.ports.controller import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")
Query = Callable[[Connection], T]

JOB_S = 60.0
"""What a job may take until it is given up; the writer goes on with it when its disk does."""


class Store:
    """Everything that is kept in one database: `ledger` for what must survive, `daybook` and `audit` for what people
    change, `accounts` for who may, `recorder` for what each tick shows, `reader` for those who look.

    `where`: a path or a PostgreSQL URL. `on_trouble` hears what is wrong, and an empty text when it is over, on the
    writer's thread. Nothing here raises because of a disk, except where a docstring says so.
    """

    def __init__(
        self,
        where: str | Path,
        clock: Clock,
        on_trouble: Callable[[str], None] = lambda _: None,
        pace: Pace = PACE,
        retention: Retention = RETENTION,
        patience_s: float = 5.0,
        apart: bool = False,
    ) -> None:
        self.database = Database(where, apart=apart)
        self._reading = self.database.reading()
        self._clock, self._retention = clock, retention
        current = Current()
        self._writer = Writer(self.database, clock, current, pace, on_trouble)
        self.ledger = Ledger(self._writer, clock, current, patience_s)
        self.audit = AuditLog(self._writer, clock.now().utc)
        self.daybook = DaybookStore(self._writer, self.audit, current, patience_s)
        self.cards = CardStore(self._writer)
        self.tabs = TabStore(self._writer, current)
        self.payments = PaymentStore(self._writer, current, patience_s)
        self.money = MoneyStore(self._writer, self.database, self.audit, patience_s)
        self.accounts = AccountStore(self._writer, self.audit, current, patience_s)
        self.corrections = CorrectionStore(self._writer, self.audit, patience_s)
        self.signed = SignedStore(self._writer, self.audit, patience_s)
        self.recorder = Recorder(self.ledger, self._writer)
        self.offers = OfferRecorder(self._writer)
        self.reader = Reader(self.database)
        self.regrets = RegretStore(self._writer, self.database)
        self.reports = ReportStore(self._writer, self.audit, self.database, patience_s)
        self.drivers = DriverStore(self._writer, current, patience_s)
        self.roaming = RoamingStore(self._writer, current, self.database, patience_s)
        self.incidents = IncidentStore(self._writer, self.database, self.audit, patience_s)
        self.notices = NoticeStore(self._writer, self.database)

    def open(self, patience_s: float = 10.0) -> Recovered:
        """Open or make the database and say what was running when the controller stopped. Blocks.

        A database that does not answer in time is not waited for: the controller begins with nothing remembered, and
        records as soon as it can.
        """
        now = self._clock.now()
        self._writer.start()
        read = partial(read_remains, now=now.utc)
        try:
            remains = self._writer.run(read).result(patience_s)
        except TimeoutError:
            log.error("store.not_read %s: no answer within %g s", self.database, patience_s)  # noqa: TRY400 a time-out has no trace
            remains = Remains()
        except WRITE_ERRORS as error:
            log.warning("store.not_opened %s: %s", self.database, reason(error))
            remains = self._read_only(read)
        self.ledger.begin(remains, now)
        self.daybook.remember(rows_of(remains.daybook))
        self.tabs.begin(remains.tabs)
        self.payments.begin(remains.payments)
        self.accounts.remember(remains.roll)
        return self.ledger.recovered(now)

    def _read_only(self, read: Callable[[Connection], Remains]) -> Remains:
        """A disk that cannot be written to may still be read; a server that does not answer, not."""
        if self.database.path is None:
            return Remains()
        try:
            with self._reading.connect() as connection:
                return read(connection)
        except WRITE_ERRORS as error:
            log.warning("store.not_read %s: %s", self.database, reason(error))
            return Remains()

    @property
    def health(self) -> Health:
        """What is wrong, what waits and what was lost."""
        return self._writer.health

    async def aggregate(self, now: datetime) -> int:
        """Aggregate every quarter hour that is over and not done; returns how many. Safe to repeat at any time.

        Raises one of `WRITE_ERRORS` or TimeoutError; the next call does what this one left.
        """
        await self.flush()
        quarters = await self._read(partial(due, now=now))
        for starts in quarters:
            rows = await self._read(partial(aggregated, starts=starts))
            await self._job(partial(keep, starts=starts, rows=rows))
        return len(quarters)

    async def purge(self) -> int:
        """Delete what is kept no longer, in slices, between which the writer does its other work; returns the rows.

        Raises as `aggregate`.
        """
        removed = 0
        tight = self.database.is_nearly_full()
        while piece := await self._job(partial(next_slice, keep=self._retention, tight=tight)):
            removed += await self._job(partial(remove, piece=piece))
        return removed

    async def audits(self, before: int | None, most: int) -> tuple[Audit, ...]:
        """The newest of what people did, newest first; of those with a number below `before`, if that is given.

        Raises as `aggregate`, when it cannot be read.
        """
        await self._written()
        return await self._read(partial(read_audits, before=before, most=most))

    async def asked(self, query: Query[T], fresh: bool = False) -> T:
        """What a query finds; `fresh`: also of what waits to be written. Raises as `aggregate`."""
        if fresh:
            await self._written()
        return await self._read(query)

    async def roll(self) -> Roll:
        """Users and tokens as they are stored, also by another process. Raises as `aggregate`."""
        return await self._read(read_roll)

    async def receipt(self, session: str) -> Receipt | None:
        """The receipt of a session that is over; None when there is none. Raises as `aggregate`."""
        await self._written()
        return await self._read(partial(read_receipt, name=session))

    async def closed_tab(self, session: str) -> Tab | None:
        """The tab of a session that is over; None when there is none. Raises as `aggregate`."""
        await self._written()
        return await self._read(partial(read_closed_tab, name=session))

    async def receipts(self, since: datetime, until: datetime, most: int) -> tuple[Receipt, ...]:
        """The newest receipts of sessions that began in a span, newest first. Raises as `aggregate`."""
        await self._written()
        return await self._read(partial(read_receipts, since=since, until=until, most=most))

    async def payment(self, name: str) -> Payment | None:
        """A payment, also one that is over; None when there is none. Raises as `aggregate`."""
        return await self._read(partial(read_payment, name=name))

    async def _written(self) -> None:
        """Returns when what waited is written, or cannot be."""
        with suppress(QueueFullError, TimeoutError, *WRITE_ERRORS):
            await self._job(lambda _: None)

    async def flush(self) -> None:
        """Returns when all that waited has been tried to be written."""
        async with asyncio.timeout(JOB_S):
            await asyncio.wrap_future(self._writer.flush())

    def close(self, patience_s: float = CLOSE_S, goodbye: bool = True) -> bool:
        """Say goodbye, or not where the run failed, write what waits and end; False when the disk did not take it in
        time. Blocks.
        """
        if goodbye:
            self.ledger.stopped(self._clock.now().utc)
        return self._writer.close(patience_s)

    async def _read(self, query: Callable[[Connection], T]) -> T:
        """Beside the writer, on a connection and a thread of its own."""

        def read() -> T:
            with self._reading.connect() as connection:
                return query(connection)

        async with asyncio.timeout(JOB_S):
            return await asyncio.to_thread(read)

    async def _job(self, job: Callable[[Connection], T]) -> T:
        async with asyncio.timeout(JOB_S):
            return await asyncio.wrap_future(self._writer.run(job))
