"""The one thread that writes. Callers hand over rows and go on; rows wait here until they are on disk."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from enum import IntEnum
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

from ems.adapters.store.access import Access, reason
from ems.adapters.store.batch import Batch, Key, Row, Sample, Subjects, write, write_singly
from ems.adapters.store.current import Current
from ems.adapters.store.database import WRITE_ERRORS, Database, Fault, fault_of
from ems.adapters.store.pace import PACE, Health, Pace
from ems.ports.controller import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_JOBS = 64
RETRY_S, RETRY_MAX_S = 1.0, 10.0
CLOSE_S, SLOW_S = 15.0, 5.0
"""How long the end is put off for a disk that is busy, and after which time that is said. With all else that an end
takes it fits into the time that a service manager leaves.
"""
NEARLY_FULL = "the disk is nearly full: samples wait in memory"


class Urgency(IntEnum):
    """How long a row may wait: not at all, and its commit survives a power cut; a second; or the next batch."""

    AT_ONCE = 0
    SOON = 1
    LATER = 2


class QueueFullError(Exception):
    """So much waits for a disk that does not take it that no more can be held."""


class Writer:
    """Owns the writing connection. Every method may be called from any thread, and all but `close` return at once.

    Rows are merged by primary key: a later row of the same key overrides the columns it names. `on_trouble` is called
    on the writer's thread with what is wrong, and with an empty text when it is over.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        current: Current,
        pace: Pace = PACE,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._database, self._clock, self._pace = database, clock, pace
        self._access = Access(database, clock, current)
        self._on_trouble = on_trouble
        self._wakes = threading.Condition()
        self._waiting = Batch()
        self._samples: deque[Sample] = deque()
        self._jobs: deque[tuple[Callable[[Connection], Any], bool, Future[Any]]] = deque()
        self._in_hand = (0, 0)
        self._dropped = self._refused = 0
        self._closing, self._ends_at = False, 0.0
        self._trouble = ""
        now = clock.now().monotonic_s
        self._batch_due, self._retry_at = now + pace.batch_s, now
        self._failures = 0
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    @property
    def health(self) -> Health:
        """What a page or a metric shows."""
        with self._wakes:
            rows, samples = self._in_hand
            return Health(
                self._trouble,
                len(self._waiting.rows) + rows,
                len(self._samples) + samples,
                self._dropped,
                self._refused,
            )

    def put(self, table: Table, row: Row, urgency: Urgency = Urgency.LATER) -> None:
        """Write `row`, which names its key and all that must not be null. What cannot be held is counted as refused."""
        with self._wakes, suppress(QueueFullError):
            self._put(table, row, urgency)

    def put_durably(self, table: Table, row: Row) -> Future[None]:
        """The same at once; the future resolves when the row would survive a power cut, and cannot be cancelled.

        Raises QueueFullError when no more can be held.
        """
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()
        with self._wakes:
            self._waiting.tell(self._put(table, row, Urgency.AT_ONCE), done)
        return done

    def sample(self, samples: Iterable[Sample]) -> None:
        """Take measurements; the oldest that wait are dropped when there are too many."""
        with self._wakes:
            self._samples.extend(samples)
            self._drop_samples()

    def run(self, job: Callable[[Connection], T], durable: bool = False) -> Future[T]:
        """Run `job` on the writer's thread in a transaction of its own; a failed one is not repeated. `durable`: what
        it did would survive a power cut when the future resolves.
        """
        done: Future[T] = Future()
        done.set_running_or_notify_cancel()
        with self._wakes:
            if len(self._jobs) >= MAX_JOBS or self._closing:
                done.set_exception(QueueFullError("too many jobs wait for the store, or it is closing"))
                return done
            self._jobs.append((job, durable, done))
            self._wakes.notify()
        return done

    def flush(self) -> Future[None]:
        """Write all that waits, samples too; resolves when that has been tried."""
        with self._wakes:
            self._batch_due = self._retry_at = self._clock.now().monotonic_s
        return self.run(lambda _: None)

    def close(self, patience_s: float = CLOSE_S) -> bool:
        """Write what waits, again and again if need be, and end; False when the disk did not take it in time."""
        with self._wakes:
            self._closing, self._ends_at = True, time.monotonic() + patience_s
            self._wakes.notify()
        self._thread.join(min(SLOW_S, patience_s))
        if self._thread.is_alive() and patience_s > SLOW_S:
            rows, left_s = self.health.rows_waiting, patience_s - SLOW_S
            log.warning("store.waits %s rows=%d up to %g s", self._database, rows, left_s)
            self._thread.join(patience_s - SLOW_S)
        waits = self.health
        if self._thread.is_alive() or waits.rows_waiting:
            log.error("store.lost %s rows=%d samples=%d", self._database, waits.rows_waiting, waits.samples_waiting)
            return False
        return True

    def _put(self, table: Table, row: Row, urgency: Urgency) -> Key:
        key = Key.of(table, row)
        if len(self._waiting.rows) >= self._pace.rows and key not in self._waiting.rows:
            self._refused += 1
            raise QueueFullError(f"{len(self._waiting.rows)} rows wait for {self._database}")
        delay = (0.0, self._pace.soon_s, self._pace.batch_s)[urgency]
        self._waiting.add(key, row, self._clock.now().monotonic_s + delay, urgency is Urgency.AT_ONCE)
        if urgency is Urgency.AT_ONCE:
            self._wakes.notify()
        return key

    def _drop_samples(self) -> None:
        while len(self._samples) > self._pace.samples:
            self._samples.popleft()
            self._dropped += 1

    # From here on: the writer's thread.

    def _work(self) -> None:
        is_over = False
        while not is_over:
            with self._wakes:
                self._wakes.wait_for(self._has_work, timeout=self._idle_s())
                is_last = self._closing
            try:
                self._write_what_is_due()
                self._run_jobs()
            except Exception as fault:
                log.exception("store.fault")  # ours, not the disk's: recording must not end with it
                self._fail(fault)
            is_left = self._waiting.rows or (self._samples and self._failures)
            is_over = is_last and (not is_left or time.monotonic() >= self._ends_at)
        self._access.close()

    def _idle_s(self) -> float:
        now = self._clock.now().monotonic_s
        return min(self._pace.soon_s, max(0.01, max(min(self._waiting.due, self._batch_due), self._retry_at) - now))

    def _has_work(self) -> bool:
        now = self._clock.now().monotonic_s
        due = min(self._waiting.due, self._batch_due)
        return (self._closing and not self._failures) or bool(self._jobs) or (now >= due and now >= self._retry_at)

    def _write_what_is_due(self) -> None:
        now = self._clock.now().monotonic_s
        with self._wakes:
            whole = self._closing or now >= self._batch_due
            if not self._closing and (now < self._retry_at or not (whole or now >= self._waiting.due)):
                return
            batch, self._waiting = self._waiting, Batch()
        samples = self._samples_for_batch(now) if whole else deque()
        self._in_hand = (len(batch.rows), len(samples))
        written = False
        try:
            written = not (batch.rows or samples) or self._commit(batch, samples)
        finally:
            with self._wakes:
                self._in_hand = (0, 0)
                if not written:
                    self._take_back(batch, samples)

    def _samples_for_batch(self, now: float) -> deque[Sample]:
        self._batch_due = now + self._pace.batch_s
        samples: deque[Sample] = deque()
        if self._access.is_nearly_full():
            self._tell(NEARLY_FULL)
        else:
            with self._wakes:
                samples, self._samples = self._samples, samples
        return samples

    def _take_back(self, batch: Batch, samples: deque[Sample]) -> None:
        batch.update(self._waiting)
        self._waiting = batch
        samples.extend(self._samples)
        self._samples = samples
        self._drop_samples()

    def _commit(self, batch: Batch, samples: Sequence[Sample]) -> bool:
        refused: dict[Key, BaseException] = {}
        try:
            try:
                self._write(batch, samples)
            except WRITE_ERRORS as error:
                if fault_of(error) is not Fault.POISON:
                    raise
                self._access.subjects = Subjects()  # those that were new were rolled back
                refused = self._write_without_poison(batch, samples)
        except WRITE_ERRORS as error:
            self._fail(error)
            return False
        self._refused += len(refused)
        batch.resolve(refused)
        self._failures = 0
        self._tell(NEARLY_FULL if self._access.is_nearly_full() else "")
        return True

    def _write(self, batch: Batch, samples: Sequence[Sample]) -> None:
        with self._access.transaction(batch.durable) as connection:
            write(connection, batch.rows, samples, self._access.subjects)

    def _write_without_poison(self, batch: Batch, samples: Sequence[Sample]) -> dict[Key, BaseException]:
        with self._access.transaction(batch.durable) as connection:
            refused = dict(write_singly(connection, batch.rows))
            try:
                with connection.begin_nested():
                    write(connection, {}, samples, Subjects())
            except WRITE_ERRORS as spoiled:
                if fault_of(spoiled) is not Fault.POISON:
                    raise
                self._dropped += len(samples)
                log.exception("store.samples_refused count=%d", len(samples))
        for key, error in refused.items():
            log.error("store.row_refused table=%s key=%.64r: %s", key.table.name, key.values, reason(error))
        return refused

    def _run_jobs(self) -> None:
        while self._jobs:
            self._write_what_is_due()
            with self._wakes:
                job, durable, done = self._jobs.popleft()
            try:
                with self._access.transaction(durable) as connection:
                    result = job(connection)
            except WRITE_ERRORS as error:
                if fault_of(error) is not Fault.POISON:
                    self._fail(error)
                done.set_exception(error)
            else:
                done.set_result(result)
            finally:
                if not done.done():
                    done.set_exception(RuntimeError("the job failed, see the log"))

    def _fail(self, error: BaseException) -> None:
        self._access.failed(error)
        self._failures += 1
        wait_s = min(RETRY_MAX_S, RETRY_S * 2.0 ** min(self._failures - 1, 6))
        if fault_of(error) is Fault.UNUSABLE and self._failures == 1:
            wait_s = 0.0
        self._retry_at = self._clock.now().monotonic_s + wait_s
        self._tell(reason(error))

    def _tell(self, trouble: str) -> None:
        if trouble == self._trouble:
            return
        with self._wakes:
            self._trouble = trouble
        if trouble:
            log.error("store.trouble %s: %s", self._database, trouble)
        else:
            log.warning("store.well %s", self._database)
        self._on_trouble(trouble)
