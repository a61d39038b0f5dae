"""The accounts of a station: transactions begin and end, and their registers are read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import datetime

from ocpp.v16.enums import AuthorizationStatus

from ems.adapters.ocpp.v16.id_tag import EVERYBODY, tag_info
from ems.adapters.ocpp.v16.payload import TEXT, Payload, text, whole
from ems.adapters.ocpp.v16.record import StationRecord
from ems.adapters.ocpp.v16.samples import MeterValuesRequest, Reading, buckets_of, moment, number, read
from ems.adapters.ocpp.v16.signed import keep_signed
from ems.adapters.ocpp.v16.transactions import plausible
from ems.domain.events import TransactionEnded, TransactionStarted
from ems.domain.session import Transaction
from ems.domain.station import Evse
from ems.ports.controller import NotStoredError

log = logging.getLogger(__name__)

ON_DISK_S = 2.0
"""A start is answered when it is on disk, but no later than this: a full disk must not keep a driver waiting."""


class Accounting:
    """What is charged, from the first register to the last, and told to the ledger."""

    def __init__(self, record: StationRecord) -> None:
        self._record = record
        self._unknown_starts: set[int] = set()

    async def start(self, payload: Payload) -> Payload:
        """StartTransaction.req; a repeated one gets its old id, and one with a refused tag gets one too."""
        record = self._record
        evse = record.evse(payload.get("connectorId"))
        if evse is None:
            record.spoke_of(number(payload.get("connectorId")), may_charge=True)
            return _started(record.ledger.next_transaction_id(), {"status": AuthorizationStatus.invalid.value})
        asked = None if record.authority is None else record.authority.consult(record.id, text(payload, "idTag"))
        if asked is not None:
            await asked
        now = record.clock.now()
        announced = moment(payload.get("timestamp"), record.zone)
        told = number(payload.get("meterStart"))
        register = 0.0 if told is None else told
        running = record.book.open.get(evse.id)
        transaction, is_new = record.book.start(evse.id, announced, now.utc, text(payload, "idTag") or None, register)
        told_of_tag = (
            EVERYBODY if record.authority is None else tag_info(record.authority.started(evse.id, transaction))
        )
        if is_new:
            record.opened_at[evse.id] = now.monotonic_s
            if told is None:
                record.deviates("start without a register")
                self._unknown_starts.add(transaction.id)
            else:
                record.registers[evse.id].began(told, now.monotonic_s)
            if running is not None:
                await self._end(evse.id, running, None, "replaced by another start", inferred=True)
            log.info("transaction.start evse=%s id=%d", evse.id, transaction.id)
            await self._on_disk(record.ledger.transaction_started(evse.id, transaction))
            # Told last: a session limit must not overtake the answer that gives the transaction its id.
            record.sink(TransactionStarted(evse.id, now, transaction, record.age_s(announced, now)))
        return _started(transaction.id, told_of_tag)

    async def stop(self, payload: Payload) -> Payload:
        """StopTransaction.req, whichever id it names."""
        record = self._record
        identity = whole(payload.get("transactionId"))
        ended = None if identity is None else record.book.end(identity)
        register, reason = number(payload.get("meterStop")), text(payload, "reason") or "Local"
        late = None if identity is None or ended is not None else record.ledger.inferred_end(identity)
        self._signed(payload, identity, ended or late)
        told = moment(payload.get("timestamp"), record.zone)
        if ended is not None:
            await self._end(*ended, register, reason, told)
        elif late is not None and late[0] in record.registers:
            # After the end had to be inferred, maybe by another life of ours: what the station says replaces it.
            evse, transaction = late
            at = plausible(told, record.clock.now().utc)
            energy = self._energy_wh(evse, transaction, register, at)
            await self._on_disk(record.ledger.transaction_ended(evse, transaction.id, at, energy, reason, False))
        else:
            record.deviates("stop of an unknown transaction")
        tag = text(payload, "idTag")
        if not tag:
            return {}
        return {
            "idTagInfo": EVERYBODY if record.authority is None else tag_info(record.authority.authorise(record.id, tag))
        }

    def _signed(self, payload: Payload, identity: int | None, owner: tuple[str, Transaction] | None) -> None:
        """Keep what the meter signed; of a transaction that nobody knows only where there is one outlet."""
        told = payload.get("transactionData")
        only = self._record.evse(None)
        if told and owner is not None:
            keep_signed(self._record, owner[0], owner[1].id, buckets_of(told))
        elif told and only is not None:
            keep_signed(self._record, only.id, identity, buckets_of(told))

    async def end_inferred(self, evse: str, reason: str) -> None:
        """Close what the station forgot to close (Q89)."""
        ended = self._record.book.end_at(evse)
        if ended is not None:
            await self._end(*ended, None, reason, inferred=True)

    def adopt(self, evse: Evse, message: MeterValuesRequest) -> None:
        """A transaction that began before us, or while we were away (Q92)."""
        record = self._record
        if evse.id in record.book.open or not message.meter_value:
            return
        identity = whole(message.transaction_id)
        if identity is None:
            return
        register = read(message.meter_value[-1], record.bounds(evse), record.deviations).register_wh
        adopted = record.book.adopt(evse.id, identity, record.clock.now().utc, register or 0.0)
        if adopted is not None:
            if register is None:
                self._unknown_starts.add(adopted.id)
            log.info("transaction.adopted evse=%s id=%d", evse.id, adopted.id)
            record.opened_at[evse.id] = record.clock.now().monotonic_s
            record.sink(TransactionStarted(evse.id, record.clock.now(), adopted))
            record.ledger.transaction_adopted(evse.id, adopted)

    def register_wh(self, evse: Evse, reading: Reading, now: float) -> float | None:
        """The energy register of a reading, if it can be true."""
        value, record = reading.register_wh, self._record
        if value is None:
            return None
        running = record.book.open.get(evse.id)
        if running is not None and running.id in self._unknown_starts:
            # Nobody said where its register stood; it counts from what is seen first.
            self._unknown_starts.discard(running.id)
            running = record.book.open[evse.id] = replace(running, meter_start_wh=value)
            record.registers[evse.id].began(value, now)
            record.sink(TransactionStarted(evse.id, record.clock.now(), running))
        identity, start = (None, 0.0) if running is None else (running.id, running.meter_start_wh)
        register = record.registers[evse.id].read(value, identity, start, now)
        if register is None:
            record.deviates("register that cannot be")
        return register

    async def _end(
        self,
        evse: str,
        transaction: Transaction,
        register: float | None,
        reason: str,
        told: datetime | None = None,
        inferred: bool = False,
    ) -> None:
        record = self._record
        now = record.clock.now()
        at, age_s = plausible(told, now.utc), record.age_s(told, now)
        energy = self._energy_wh(evse, transaction, register, at)
        self._unknown_starts.discard(transaction.id)
        record.sink(TransactionEnded(evse, now, transaction.id, energy, reason, inferred, age_s))
        log.info("transaction.end evse=%s id=%d reason=%r inferred=%s", evse, transaction.id, reason[:TEXT], inferred)
        await self._on_disk(record.ledger.transaction_ended(evse, transaction.id, at, energy, reason, inferred))

    def _energy_wh(self, evse: str, transaction: Transaction, register: float | None, at: datetime) -> float | None:
        """What flowed, if the registers can be true (P02, P03)."""
        if register is None or transaction.id in self._unknown_starts:
            return None
        energy = register - transaction.meter_start_wh
        lasted = max(at, self._record.clock.now().utc) - transaction.started
        if 0 <= energy <= self._record.registers[evse].most_wh(lasted.total_seconds()):
            return energy
        self._record.deviates("register that cannot be")
        return None

    async def _on_disk(self, writing: Awaitable[None]) -> None:
        """Give the disk a moment; what it does not take now stays queued there, and the station gets its answer."""
        try:
            async with asyncio.timeout(ON_DISK_S):
                await writing
        except (TimeoutError, NotStoredError) as missed:
            log.warning("transaction.not-on-disk station=%s %s", self._record.id, missed)


def _started(identity: int, told_of_tag: Mapping[str, str]) -> Payload:
    """The start is recorded whatever is said of its tag: current may flow until the station ends it (section 6.46)."""
    return {"transactionId": identity, "idTagInfo": told_of_tag}
