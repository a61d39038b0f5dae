"""What a station says: each request becomes events and gets its answer; nothing it sends raises."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ocpp.v16.enums import Action, AuthorizationStatus, ChargePointErrorCode, DataTransferStatus, RegistrationStatus

from ems.adapters.ocpp import frame, schemas
from ems.adapters.ocpp.v16.record import StationRecord
from ems.adapters.ocpp.v16.samples import MeterValue, MeterValuesRequest, Reading, decode, moment, number, read
from ems.domain.events import MeterValues, StationBooted, StatusChanged, TransactionEnded, TransactionStarted
from ems.domain.session import Transaction
from ems.domain.station import Evse, EvseStatus
from ems.ports import NotStoredError

log = logging.getLogger(__name__)

VERSION = "v16"
ON_DISK_S = 2.0
"""A start is answered when it is on disk, but no later than this: a full disk must not keep a driver waiting."""

STALE_S = 60.0
TIME_TRUSTED = timedelta(days=7)
TEXT = 64

Payload = Mapping[str, Any]
Reply = bytes | Awaitable[bytes | None]


class Incoming:
    """The handlers of one station."""

    def __init__(self, record: StationRecord) -> None:
        self._record = record
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
            if message.connector_id != 0:
                self._record.deviates("unknown connector")
            return
        self._adopt(evse, message)
        for bucket in message.meter_value[-_BUCKETS:]:
            self._sample(evse, bucket)

    def _sample(self, evse: Evse, bucket: MeterValue) -> None:
        record = self._record
        reading = read(bucket, record.bounds(evse), record.deviations)
        now = record.clock.now()
        told = moment(reading.timestamp, record.zone)
        age = 0.0 if told is None else (record.station_now() - told).total_seconds()
        if told is not None and reading.periodic and abs(age) < STALE_S * 60 and not self._is_backlog(told):
            record.measure_clock(told)
            age = (record.station_now() - told).total_seconds()
        stale = STALE_S < age < TIME_TRUSTED.total_seconds()
        record.sink(
            MeterValues(
                evse=evse.id,
                at=now.monotonic_s - min(max(age, 0.0), STALE_S / 2),
                leg_a=reading.leg_a,
                total_a=reading.total_a,
                power_w=reading.power_w,
                register_wh=self._register(evse, reading),
                soc_percent=reading.soc_percent,
                offered_a=reading.offered_a,
                control=not stale and reading.periodic,
            )
        )
        if not stale:
            record.sampled_at[evse.id] = now.monotonic_s

    def _is_backlog(self, told: datetime) -> bool:
        """A sample from before the station connected says nothing about its clock (Q73b)."""
        return self._record.clock.now().utc - told > timedelta(seconds=STALE_S) and self._record.skew_s == 0.0

    def _register(self, evse: Evse, reading: Reading) -> float | None:
        """Some stations count from the start of the transaction in MeterValues, and for life at its ends (Q68)."""
        transaction = self._record.book.open.get(evse.id)
        register = reading.register_wh
        if register is None or transaction is None or register >= transaction.meter_start_wh:
            return register
        return register + transaction.meter_start_wh

    def _adopt(self, evse: Evse, message: MeterValuesRequest) -> None:
        """A transaction that began before us, or while we were away (Q92)."""
        record = self._record
        identity = _whole(message.transaction_id)
        if evse.id in record.book.open or identity is None or not message.meter_value:
            return
        register = read(message.meter_value[-1], record.bounds(evse), record.deviations).register_wh or 0.0
        adopted = record.book.adopt(evse.id, identity, record.clock.now().utc, register)
        if adopted is not None:
            log.info("transaction.adopted evse=%s id=%d", evse.id, adopted.id)
            record.sink(TransactionStarted(evse.id, record.clock.now(), adopted))
            record.ledger.transaction_adopted(evse.id, adopted)

    def _boot(self, payload: Payload) -> Payload:
        record = self._record
        record.vendor, record.product = _text(payload, "chargePointVendor"), _text(payload, "chargePointModel")
        record.firmware = _text(payload, "firmwareVersion")
        record.boots += 1
        known = record.recognise(record.vendor, record.product) if record.recognise else None
        if known is not None:
            record.learned(known)
        record.sink(StationBooted(record.id, record.clock.now(), record.vendor, record.product, record.firmware))
        record.booted.set()
        log.info("station.boot id=%s vendor=%r model=%r firmware=%r", record.id, record.vendor, record.product,
                 record.firmware)  # fmt: skip
        return {
            "status": RegistrationStatus.accepted.value,
            "currentTime": self._now_text(),
            "interval": record.heartbeat_s,
        }

    def _status(self, payload: Payload) -> Payload:
        record = self._record
        told = moment(payload.get("timestamp"), record.zone)
        if told is not None and abs((record.station_now() - told).total_seconds()) < STALE_S:
            record.measure_clock(told)
        status = _STATUS.get(str(payload.get("status", "")).strip().lower())
        evse = record.evse(payload.get("connectorId"))
        if evse is None or status is None or payload.get("connectorId") == 0:
            if status is None:
                record.deviates("unknown status")
            return {}
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
        register = number(payload.get("meterStart")) or 0.0
        tag = _text(payload, "idTag") or None
        running = record.book.open.get(evse.id)
        transaction, is_new = record.book.start(evse.id, announced, now.utc, tag, register)
        if is_new:
            if running is not None:
                await self._end(evse.id, running, None, "replaced by another start", inferred=True)
            record.sink(TransactionStarted(evse.id, now, transaction))
            log.info("transaction.start evse=%s id=%d", evse.id, transaction.id)
            await self._on_disk(record.ledger.transaction_started(evse.id, transaction))
        return _started(transaction.id, AuthorizationStatus.accepted)

    async def _stop(self, payload: Payload) -> Payload:
        record = self._record
        identity = _whole(payload.get("transactionId"))
        ended = None if identity is None else record.book.end(identity)
        if ended is not None:
            register = number(payload.get("meterStop"))
            at = moment(payload.get("timestamp"), record.zone) or record.clock.now().utc
            await self._end(*ended, register, _text(payload, "reason") or "Local", at=at)
        elif identity is None or not record.book.was_ended(identity):
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
        energy = None if register is None else register - transaction.meter_start_wh
        if energy is not None and energy < 0:
            record.deviates("register ran backwards")
            energy = None
        now = record.clock.now()
        record.sink(TransactionEnded(evse, now, transaction.id, energy, reason, inferred))
        log.info("transaction.end evse=%s id=%d reason=%r inferred=%s", evse, transaction.id, reason[:TEXT], inferred)
        await self._on_disk(
            record.ledger.transaction_ended(evse, transaction.id, at or now.utc, energy, reason, inferred)
        )

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
    parsed = number(value)
    if parsed is None or abs(parsed) >= 2**63:
        return None
    return value if isinstance(value, int) else int(parsed)
