"""The real store, on a real file, whose one thread is the loop's: virtual time knows no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Table

from ems.adapters.store.audit import AuditLog
from ems.adapters.store.batch import Row, Sample
from ems.adapters.store.current import Current
from ems.adapters.store.daybook import DaybookStore
from ems.adapters.store.ledger import Ledger
from ems.adapters.store.recorder import Recorder
from ems.adapters.store.store import Store
from ems.adapters.store.writer import Urgency, Writer
from ems.ports.controller import Clock

T = TypeVar("T")


class Scribe(Writer):
    """Writes what is due whenever it is handed something. After `killed` it holds what was committed and no more."""

    killed = False

    def start(self) -> None:
        """There is no thread to start."""

    def put(self, table: Table, row: Row, urgency: Urgency = Urgency.LATER) -> None:
        super().put(table, row, urgency)
        self._at_once()

    def put_durably(self, table: Table, row: Row) -> Future[None]:
        done = super().put_durably(table, row)
        self._at_once()
        return done

    def sample(self, samples: Iterable[Sample]) -> None:
        super().sample(samples)
        self._at_once()

    def run(self, job: Callable[[Connection], T], durable: bool = False) -> Future[T]:
        done = super().run(job, durable)
        self._run_jobs()
        return done

    def close(self, patience_s: float = 5.0) -> bool:
        """Write all that waits, and let go of the file."""
        self._closing = True
        self._at_once()
        self._access.close()
        return not self._waiting.rows

    def kill(self) -> None:
        """What has not been committed is lost, and nothing more is."""
        self.killed = True
        self._access.close()

    def _at_once(self) -> None:
        if not self.killed:
            self._write_what_is_due()


class LoopStore(Store):
    """`Store` with a `Scribe`."""

    def __init__(self, where: Path, clock: Clock) -> None:
        super().__init__(where, clock)
        current = Current()
        self.scribe = Scribe(self.database, clock, current)
        self._writer = self.scribe
        self.ledger = Ledger(self.scribe, clock, current)
        self.audit = AuditLog(self.scribe, clock.now().utc)
        self.daybook = DaybookStore(self.scribe, self.audit, current)
        self.recorder = Recorder(self.ledger, self.scribe)
