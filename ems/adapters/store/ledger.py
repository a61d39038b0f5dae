"""What must survive a crash, as the loop sees it: answers come from memory, writing is the writer's affair."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table

from ems.adapters.store.batch import Row
from ems.adapters.store.current import Current
from ems.adapters.store.database import WRITE_ERRORS
from ems.adapters.store.energies import Energies
from ems.adapters.store.moment import to_ms
from ems.adapters.store.recovery import KEPT_STARTS, Recovered, Remains, recover
from ems.adapters.store.rows import (
    claims_of,
    grant_row,
    model_text,
    session_row,
    transaction_end_row,
    transaction_of,
    transaction_row,
    transactions_of,
)
from ems.adapters.store.schema import alarm, grant, knock, session, start, station_model, transaction_log
from ems.adapters.store.writer import QueueFullError, Urgency, Writer
from ems.domain.decision import Alarm
from ems.domain.grant import Grant, Layer
from ems.domain.instant import Instant
from ems.domain.record.history import Knock
from ems.domain.session import Session, Transaction
from ems.domain.station_model import StationModel
from ems.ports.controller import Clock, NotStoredError

ID_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
ID_MAX = 2**31 - 1
ID_FROM_CLOCK_MAX = 1_900_000_000
"""In the year 2080; a clock that says more is not believed, so that it cannot use up the ids."""

_OF_THE_START = {"started", "meter_start_wh", "id_tag", "start_key"}

PLAUSIBLE_SINCE = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is remembered of a transaction; the record itself while it runs, or its end is only inferred."""

    evse: str
    transaction: Transaction | None
    ended: bool = False
    inferred: bool = False


class Ledger:
    """Implements the `Ledger` port. Belongs to the event loop. `patience_s`: how long an await waits for the disk."""

    def __init__(self, writer: Writer, clock: Clock, current: Current, patience_s: float = 5.0) -> None:
        self._writer, self._clock, self._current, self._patience_s = writer, clock, current, patience_s
        self._remains = Remains()
        self._last_id = 0
        self._starts: OrderedDict[str, int] = OrderedDict()
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._energies = Energies()
        self._grants: dict[str, Grant] = {}
        self._run: dict[str, Any] = {}

    def begin(self, remains: Remains, now: Instant) -> None:
        """Take over from the runs before; called once, before anything else."""
        self._remains = remains
        self._last_id = remains.last_id
        for row in reversed(remains.newest):
            self._starts[row.start_key] = row.id
            begun = transaction_of(row) if row.inferred else None
            self._entries[row.id] = _Entry(row.evse, begun, row.ended is not None, bool(row.inferred))
        for row in remains.open:
            self._entries[row.id] = _Entry(row.evse, transaction_of(row))
            self._current.remember(transaction_log, dict(row._mapping))
        for row in remains.sessions:
            self._energies.resume(row.evse, {id_: remains.energies.get(id_, 0.0) for id_ in transactions_of(row)})
            self._current.remember(session, dict(row._mapping))
        for table, rows in ((grant, remains.grants), (station_model, remains.models)):
            for row in rows:
                self._current.remember(table, dict(row._mapping))
        for table, closed in remains.left:
            self._writer.put(table, closed)
            if table is transaction_log:
                known = self._entries.get(closed["id"]) or _Entry(closed["evse"], None)
                self._entries[closed["id"]] = replace(known, ended=True, inferred=True)
        at = to_ms(now.utc)
        self._run = {"id": at, "started": at, "alive": at, "ended": None}
        self._current.remember(start, self._run)
        self._writer.put(start, self._run, Urgency.AT_ONCE)

    def recovered(self, now: Instant) -> Recovered:
        """What was running when the controller stopped, seen from `now`."""
        return recover(self._remains, now)

    def open_transactions(self) -> Iterable[tuple[str, Transaction]]:
        """(EVSE, transaction) of everything that has started and not ended."""
        return [(e.evse, e.transaction) for e in self._entries.values() if e.transaction is not None and not e.ended]

    def inferred_end(self, transaction: int) -> tuple[str, Transaction] | None:
        """(EVSE, transaction) of one whose end nobody told; None for any other."""
        entry = self._entries.get(transaction, _Entry("", None))
        return (entry.evse, entry.transaction) if entry.inferred and entry.transaction is not None else None

    def next_transaction_id(self) -> int:
        """An id that was never given before: growing, positive, int32; the seconds since 2020 where that is more than
        the last one, so that a lost database repeats none.
        """
        seconds = int((self._clock.now().utc - ID_EPOCH).total_seconds())
        if self._last_id >= ID_MAX:
            raise NotStoredError("transaction ids are used up: the database holds the id 2147483647")
        self._last_id = max(self._last_id + 1, seconds if seconds <= ID_FROM_CLOCK_MAX else 1)
        return self._last_id

    def transaction_id(self, evse: str, announced: datetime | None, meter_start_wh: float, id_tag: str | None) -> int:
        """The id for a start as a station announces it: the same for a repeated announcement, else the next.

        `announced` is the station's own time, None when it gave none that can be read. A station without a clock says
        the same each time; its announcement is a repetition only while the transaction runs.
        """
        when = None if announced is None else to_ms(announced)
        key = json.dumps([evse, when, meter_start_wh, id_tag])
        known = self._starts.get(key)
        plausible = announced is not None and announced >= PLAUSIBLE_SINCE
        if known is not None and (plausible or not self.has_ended(known)):
            return known
        new = self.next_transaction_id()
        self._starts[key] = new
        self._starts.move_to_end(key)
        while len(self._starts) > KEPT_STARTS:
            self._starts.popitem(last=False)
        return new

    async def transaction_started(self, evse: str, transaction: Transaction) -> None:
        """Returns when the start would survive a power cut; a repetition changes nothing.

        Raises TimeoutError when that takes too long (the record stays queued), NotStoredError when it was refused.
        """
        if transaction.id in self._entries and self._entries[transaction.id].evse == evse:
            repeated = self._current.row(transaction_log, transaction.id) or {"id": transaction.id}
            await self._stored(transaction_log, repeated)
            return
        key = next((k for k, id_ in reversed(self._starts.items()) if id_ == transaction.id), None)
        if key is None and transaction.id <= self._last_id:
            key = f"#{transaction.id}"
        await self._stored(transaction_log, self._begun(evse, transaction, key))

    def transaction_adopted(self, evse: str, transaction: Transaction) -> None:
        """A transaction that a station told us of is ours now, or is not over after all; to disk at once, unawaited."""
        known = self._entries.get(transaction.id)
        if known is not None and known.evse == evse and not known.ended:
            return
        row = self._begun(evse, transaction, None)
        if known is not None and known.evse == evse:
            row = {name: value for name, value in row.items() if name not in _OF_THE_START}
        self._writer.put(transaction_log, row, Urgency.AT_ONCE)

    async def transaction_ended(
        self,
        evse: str,
        transaction: int,
        ended: datetime,
        energy_wh: float | None,
        reason: str = "",
        inferred: bool = False,
    ) -> None:
        """Returns when the end would survive a power cut. A repetition changes nothing; what the station says
        overrides what was inferred; the end of a transaction that nobody knows is recorded as it is. Without
        `energy_wh` it is what the session was last seen to have got.

        Raises as `transaction_started`.
        """
        known = self._entries.get(transaction)
        if known is not None and known.ended and (inferred or not known.inferred):
            await self._stored(transaction_log, {"id": transaction})
            return
        await self._stored(transaction_log, self._ended(evse, transaction, ended, energy_wh, reason, inferred))

    def left_behind(self, known: Session, ended: datetime, reason: str) -> None:
        """A session at an EVSE that nobody watches any more ends, and its transaction; to disk at once, unawaited."""
        running = known.transaction
        ended = max(ended, known.plugged if running is None else running.started)
        if running is not None and not self.has_ended(running.id):
            row = self._ended(known.evse, running.id, ended, known.energy_wh, reason, inferred=True)
            self._writer.put(transaction_log, row, Urgency.AT_ONCE)
        self.session_ended(known, ended)

    def _ended(
        self, evse: str, transaction: int, ended: datetime, energy_wh: float | None, reason: str, inferred: bool
    ) -> Row:
        entry = self._entries.get(transaction) or _Entry(evse, None)
        left = replace(entry, transaction=entry.transaction if inferred else None, ended=True, inferred=inferred)
        self._enter(transaction, left)
        energy_wh = self._energies.at_the_end(entry.evse, transaction, energy_wh)
        begun = self._current.forget(transaction_log, transaction)
        return transaction_end_row({**begun, "id": transaction, "evse": entry.evse}, ended, energy_wh, reason, inferred)

    def session_changed(self, known: Session) -> None:
        """A vehicle is there, or something about it is new; queued."""
        if known.transaction is not None and not self.has_ended(known.transaction.id):
            self._energies.grow(known.evse, known.transaction.id, known.energy_wh)
        row = self._session_row(known, None)
        self._current.remember(session, row)
        self._writer.put(session, row)

    async def need_told(self, known: Session) -> None:
        """Returns when a session with its need would survive a power cut; raises as `transaction_started`."""
        row = self._session_row(known, None)
        self._current.remember(session, row)
        await self._stored(session, row)

    def session_ended(self, known: Session, ended: datetime) -> None:
        """A vehicle left; on its way to disk at once."""
        self._writer.put(session, self._session_row(known, ended), Urgency.AT_ONCE)
        self._current.forget(session, known.id)
        self._energies.end(known)

    def session_withdrawn(self, known: Session) -> None:
        """A session that there never was; on its way to disk at once."""
        row = {**self._session_row(known, known.plugged), "is_void": True}
        self._writer.put(session, row, Urgency.AT_ONCE)
        self._current.forget(session, known.id)

    def granted(self, evse: str, known: Grant, now: Instant, again: bool = False, phases: int = 0) -> None:
        """What an EVSE has been told may have changed, `phases` the number it was told or 0; queued, and sooner when it
        may draw more than the disk knows. `again`: store what has not changed too, because the wall clock was set.
        """
        was = self._grants.get(evse, Grant())
        self._grants[evse] = known
        for layer in _LAYERS:
            held, before = known.layer(layer), was.layer(layer)
            if held is before and not again and claims_of(known, layer) == claims_of(was, layer):
                continue
            row = grant_row(evse, layer, known, now, phases)
            rises = _most(row) > _most(self._current.row(grant, evse, row["layer"]))
            self._current.remember(grant, row)
            self._writer.put(grant, row, Urgency.SOON if rises else Urgency.LATER)

    def learned(self, station: str, found: tuple[str, str, str], model: StationModel, at: datetime) -> None:
        """What a station can do; `found` is its vendor, product and firmware. Queued."""
        names = dict(zip(("vendor", "product", "firmware"), found, strict=True))
        row = {"station": station, **names, "model": model_text(model), "learned": to_ms(at)}
        self._current.remember(station_model, row)
        self._writer.put(station_model, row)

    def alarmed(self, known: Alarm, began: datetime, ended: datetime | None) -> None:
        """An alarm began, rose or ended; queued for the next second."""
        row = {"key": known.key, "began": to_ms(began), "ended": None if ended is None else to_ms(ended)}
        words = {"scope": known.scope, "level": int(known.level), "text": known.text}
        self._writer.put(alarm, {**row, **words}, Urgency.SOON)

    def knocked(self, knocks: Iterable[Knock]) -> None:
        """Stations were refused; queued."""
        for one in knocks:
            row = {"station": one.station, "address": one.address, "reason": one.reason, "count": one.count}
            self._writer.put(knock, {**row, "at": to_ms(one.at)})

    def alive(self, at: datetime) -> None:
        """A sign of life, by which the time of a crash is known; queued."""
        self._run["alive"] = to_ms(at)
        self._writer.put(start, self._run)

    def stopped(self, at: datetime) -> None:
        """The controller ends as it should; on its way to disk at once."""
        self._run["alive"] = self._run["ended"] = to_ms(at)
        self._writer.put(start, self._run, Urgency.AT_ONCE)

    def has_ended(self, transaction: int) -> bool:
        """Whether a transaction is known to be over."""
        entry = self._entries.get(transaction)
        return entry is not None and entry.ended

    def _begun(self, evse: str, transaction: Transaction, start_key: str | None) -> Row:
        row = transaction_row(evse, transaction, start_key)
        self._enter(transaction.id, _Entry(evse, transaction))
        self._energies.grow(evse, transaction.id, 0.0)
        self._current.remember(transaction_log, row)
        return row

    def _enter(self, transaction: int, entry: _Entry) -> None:
        self._entries[transaction] = entry
        if len(self._entries) > KEPT_STARTS:
            ended = next((id_ for id_, known in self._entries.items() if known.ended), None)
            if ended is not None:
                del self._entries[ended]

    def _session_row(self, known: Session, unplugged: datetime | None) -> Row:
        running = known.transaction is not None and not self.has_ended(known.transaction.id)
        energies = self._energies.of(known, running)
        total = sum(energies.values()) if energies else known.energy_wh
        return session_row(known, total, energies, unplugged, self._current.row(session, known.id))

    async def _stored(self, table: Table, row: Row) -> None:
        try:
            done: Future[None] = self._writer.put_durably(table, row)
            async with asyncio.timeout(self._patience_s):
                await asyncio.wrap_future(done)
        except TimeoutError:
            trouble = self._writer.health.trouble or "the disk is slow"
            raise TimeoutError(f"not on disk after {self._patience_s:g} s, but queued: {trouble}") from None
        except (QueueFullError, *WRITE_ERRORS) as error:
            raise NotStoredError(f"{table.name} {row['id']}: {error}") from error


_LAYERS = tuple(Layer)


def _most(row: Row) -> float:
    """The highest current that a grant's row allows."""
    return max(row.get("amps") or 0.0, row.get("claimed_a") or 0.0)
