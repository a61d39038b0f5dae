"""What a station says: each request becomes events and gets its answer; nothing it sends raises."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ocpp.v16.enums import Action, AuthorizationStatus, ChargePointErrorCode, DataTransferStatus, RegistrationStatus

from ems.adapters.ocpp import frame, schemas
from ems.adapters.ocpp.notice import Notices
from ems.adapters.ocpp.v16.record import StationRecord
from ems.adapters.ocpp.v16.samples import MeterValue, MeterValuesRequest, Reading, decode, moment, number, read
from ems.adapters.ocpp.v16.transactions import plausible
from ems.domain.events import MeterValues, StationBooted, StatusChanged, TransactionEnded, TransactionStarted
from ems.domain.session import Transaction
from ems.domain.station import Evse, EvseStatus
from ems.ports import NotStoredError

log = logging.getLogger(__name__)

VERSION = "v16"
ON_DISK_S = 2.0
"""A start is answered when it is on disk, but no later than this: a full disk must not keep a driver waiting."""

STALE_S = 60.0
AGE_COUNTED_S = 30.0
TEXT = 64

Payload = Mapping[str, Any]
Reply = bytes | Awaitable[bytes | None]


class Incoming:
    """The handlers of one station."""

    def __init__(self, record: StationRecord) -> None:
        self._record = record
        self._notices = Notices(record.clock, log)
        self._speaking: set[str] = set()
        self._unknown_starts: set[int] = set()
        self._inferred: dict[int, tuple[str, Transaction]] = {}
        self._handlers: dict[str, Callable[[Payload], Payload | Awaitable[Payload]]] = {
            Action.boot_notification: self._boot,
            Action.status_notification: self._status,
            Action.start_transaction: self._start,
            Action.stop_transaction: self._stop,
            Action.authorize: self._authorize,
            Action.data_transfer: self._data_transfer,
            Action.sign_certificate: lambda _: {"status": "Rejected"},
            **dict.fromkeys(_ACKNOWLEDGED, lambda _: {}),
        }

    def handle(self, call: frame.Call) -> Reply:
        """The frame that answers `call`."""
        if call.action == _METER_VALUES:
            self.meter_values(call.payload)
            return frame.result(call.id, {})
        if call.action == _HEARTBEAT:
            return frame.result(call.id, {"currentTime": self._now_text()})
        handler = self._handlers.get(call.action)
        if handler is None:
            known = call.action in schemas.known_actions(VERSION)
            self._record.deviates("unknown action")
            return frame.error(call.id, "NotSupported" if known else "NotImplemented", f"cannot do {call.action}")
        payload = frame.decode_object(call.payload)
        if payload is None:
            return frame.error(call.id, "FormationViolation", "the payload is not an object")
        answer = handler(payload)
        if isinstance(answer, Mapping):
            return self._encoded(call, answer)
        return self._later(call, answer)

    def meter_values(self, payload: bytes) -> None:
        """MeterValues.req: the newest bucket steers, every register counts."""
        message = decode(payload)
        if message is None:
            self._record.deviates("unreadable meter values")
            return
        evse = self._record.evse(message.connector_id)
        if evse is None:
            self._record.deviates("unknown connector")
            return
        self._adopt(evse, message)
        identity = _whole(message.transaction_id)
        over = identity is not None and evse.id not in self._record.book.open and self._record.book.has_ended(identity)
        for bucket in message.meter_value[-_BUCKETS:]:
            self._sample(evse, bucket, closing=over)

    def _sample(self, evse: Evse, bucket: MeterValue, closing: bool) -> None:
        """One bucket; values that close a transaction (Q73) or waited in the station (Q73b) do not steer."""
        record = self._record
        reading = read(bucket, record.bounds(evse), record.deviations)
        now = record.clock.now()
        told = moment(reading.timestamp, record.zone)
        age = 0.0
        if told is not None:
            if reading.periodic:
                record.heard_time(told)
            age = record.time.age_s(told, now.utc)
        stale = age > STALE_S
        steers = reading.periodic and not stale and not closing
        record.sink(
            MeterValues(
                evse=evse.id,
                at=now.monotonic_s - (0.0 if stale else min(age, AGE_COUNTED_S)),
                leg_a=reading.leg_a,
                total_a=reading.total_a,
                power_w=reading.power_w,
                register_wh=self._register(evse, reading, now.monotonic_s),
                soc_percent=reading.soc_percent,
                offered_a=reading.offered_a,
                control=steers,
            )
        )
        if steers:
            record.sampled_at[evse.id] = now.monotonic_s

    def _register(self, evse: Evse, reading: Reading, now: float) -> float | None:
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

    def _adopt(self, evse: Evse, message: MeterValuesRequest) -> None:
        """A transaction that began before us, or while we were away (Q92)."""
        record = self._record
        identity = _whole(message.transaction_id)
        if evse.id in record.book.open or identity is None or not message.meter_value:
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

    def _boot(self, payload: Payload) -> Payload:
        record = self._record
        now = record.clock.now()
        found = tuple(_text(payload, key) for key in ("chargePointVendor", "chargePointModel", "firmwareVersion"))
        if found != (record.vendor, record.product, record.firmware):
            # What was learned of it holds until it is another station or has other firmware.
            record.vendor, record.product, record.firmware = found
            known = record.recognise(record.vendor, record.product) if record.recognise else None
            if known is not None:
                record.learned(known)
        record.boots.append(now.monotonic_s)
        record.sink(StationBooted(record.id, now, *found))
        record.booted.set()
        self._notices.tell("station.boot id=%s vendor=%r model=%r firmware=%r", record.id, *found)
        return {
            "status": RegistrationStatus.accepted.value,
            "currentTime": self._now_text(),
            "interval": record.heartbeat_s,
        }

    def _status(self, payload: Payload) -> Payload:
        record = self._record
        told = moment(payload.get("timestamp"), record.zone)
        if told is not None:
            record.heard_time(told)
        status = _STATUS.get(str(payload.get("status", "")).strip().lower())
        if status is None:
            record.deviates("unknown status")
            return {}
        connector = number(payload.get("connectorId"))
        evse = record.evse(payload.get("connectorId"))
        if evse is None:
            if connector != 0:
                record.deviates("unknown connector")
            return {}
        if connector == 0 and evse.id in self._speaking:
            # The station as a whole; its outlet speaks for itself (Q114).
            return {}
        if connector != 0:
            self._speaking.add(evse.id)
        now = record.clock.now()
        before = record.status.get(evse.id)
        if before is None or before[0] is not status:
            record.status[evse.id] = (status, now.monotonic_s)
        record.sink(StatusChanged(evse.id, now, status, _error(payload)))
        return {}

    async def _start(self, payload: Payload) -> Payload:
        record = self._record
        evse = record.evse(payload.get("connectorId"))
        if evse is None:
            record.deviates("unknown connector")
            return _started(record.ledger.next_transaction_id(), AuthorizationStatus.invalid)
        now = record.clock.now()
        announced = moment(payload.get("timestamp"), record.zone)
        told = number(payload.get("meterStart"))
        register = 0.0 if told is None else told
        running = record.book.open.get(evse.id)
        transaction, is_new = record.book.start(evse.id, announced, now.utc, _text(payload, "idTag") or None, register)
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
            record.sink(TransactionStarted(evse.id, now, transaction))
        return _started(transaction.id, AuthorizationStatus.accepted)

    async def _stop(self, payload: Payload) -> Payload:
        record = self._record
        identity = _whole(payload.get("transactionId"))
        ended = None if identity is None else record.book.end(identity)
        register, reason = number(payload.get("meterStop")), _text(payload, "reason") or "Local"
        at = plausible(moment(payload.get("timestamp"), record.zone), record.clock.now().utc)
        if ended is not None:
            await self._end(*ended, register, reason, at=at)
        elif identity in self._inferred:
            # Late, after the end had to be inferred: what the station says replaces that in the books.
            evse, transaction = self._inferred.pop(identity)
            energy = self._energy_wh(evse, transaction, register, at)
            await self._on_disk(record.ledger.transaction_ended(evse, transaction.id, at, energy, reason, False))
        else:
            record.deviates("stop of an unknown transaction")
        return {"idTagInfo": {"status": AuthorizationStatus.accepted.value}} if payload.get("idTag") else {}

    async def end_inferred(self, evse: str, reason: str) -> None:
        """Close what the station forgot to close (Q89)."""
        ended = self._record.book.end_at(evse)
        if ended is not None:
            await self._end(*ended, None, reason, inferred=True)

    async def _end(
        self,
        evse: str,
        transaction: Transaction,
        register: float | None,
        reason: str,
        at: datetime | None = None,
        inferred: bool = False,
    ) -> None:
        record = self._record
        now = record.clock.now()
        energy = self._energy_wh(evse, transaction, register, at or now.utc)
        self._unknown_starts.discard(transaction.id)
        if inferred:
            self._inferred = {**dict(list(self._inferred.items())[-_REMEMBERED:]), transaction.id: (evse, transaction)}
        record.sink(TransactionEnded(evse, now, transaction.id, energy, reason, inferred))
        log.info("transaction.end evse=%s id=%d reason=%r inferred=%s", evse, transaction.id, reason[:TEXT], inferred)
        await self._on_disk(
            record.ledger.transaction_ended(evse, transaction.id, at or now.utc, energy, reason, inferred)
        )

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

    def _authorize(self, _payload: Payload) -> Payload:
        return {"idTagInfo": {"status": AuthorizationStatus.accepted.value}}

    def _data_transfer(self, _payload: Payload) -> Payload:
        return {"status": DataTransferStatus.unknown_vendor_id.value}

    async def _later(self, call: frame.Call, answer: Awaitable[Payload]) -> bytes:
        return self._encoded(call, await answer)

    def _encoded(self, call: frame.Call, answer: Payload) -> bytes:
        schemas.check_response(VERSION, call.action, answer)
        return frame.result(call.id, answer)

    def _now_text(self) -> str:
        return self._record.clock.now().utc.strftime("%Y-%m-%dT%H:%M:%SZ")


_METER_VALUES, _HEARTBEAT = Action.meter_values.value, Action.heartbeat.value
_BUCKETS = 64
_REMEMBERED = 32
_ACKNOWLEDGED = (
    Action.firmware_status_notification,
    Action.diagnostics_status_notification,
    Action.log_status_notification,
    Action.security_event_notification,
    Action.signed_firmware_status_notification,
)
_STATUS = {status.value.lower(): status for status in EvseStatus if status is not EvseStatus.UNKNOWN} | {
    "occupied": EvseStatus.PREPARING,
    "suspendedevs": EvseStatus.SUSPENDED_EV,
}


def _started(identity: int, status: AuthorizationStatus) -> Payload:
    return {"transactionId": identity, "idTagInfo": {"status": status.value}}


def _error(payload: Payload) -> str:
    """The station's own words for what is wrong; empty when nothing is."""
    code = _text(payload, "errorCode")
    if code.lower() in {"", ChargePointErrorCode.no_error.lower()}:
        return ""
    return " ".join(part for part in (code, _text(payload, "vendorErrorCode"), _text(payload, "info")) if part)[:TEXT]


def _text(payload: Payload, key: str) -> str:
    value = payload.get(key)
    return value[:TEXT] if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    """A transaction id, also when it comes as a text; numbers beyond 64 bit are nobody's."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 2**63 else None
    parsed = number(value)
    return None if parsed is None or abs(parsed) >= 2**63 else int(parsed)
