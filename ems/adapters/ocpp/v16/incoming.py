"""What a station says: each request becomes events and gets its answer; nothing it sends raises."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

from ocpp.v16.enums import Action, ChargePointErrorCode, DataTransferStatus, RegistrationStatus

from ems.adapters.ocpp import frame, schemas
from ems.adapters.ocpp.notice import Notices
from ems.adapters.ocpp.v16.accounting import Accounting
from ems.adapters.ocpp.v16.id_tag import EVERYBODY, tag_info
from ems.adapters.ocpp.v16.payload import TEXT, Payload, text, whole
from ems.adapters.ocpp.v16.record import BOOTS_WATCHED, StationRecord
from ems.adapters.ocpp.v16.samples import MeterValue, decode, moment, number, read
from ems.adapters.ocpp.v16.signed import keep_signed
from ems.domain.events import MeterValues, StationBooted, StatusChanged
from ems.domain.instant import Instant
from ems.domain.station import Evse, EvseStatus
from ems.ports.controller import Authority

log = logging.getLogger(__name__)

VERSION = "v16"
STALE_S = 60.0
AGE_COUNTED_S = 30.0

Reply = bytes | Awaitable[bytes | None]


class Incoming:
    """The handlers of one station."""

    def __init__(self, record: StationRecord) -> None:
        self._record = record
        self.accounting = Accounting(record)
        self._notices = Notices(record.clock, log)
        self._speaking: set[str] = set()
        self._handlers: dict[str, Callable[[Payload], Payload | Awaitable[Payload]]] = {
            Action.boot_notification: self._boot,
            Action.status_notification: self._status,
            Action.start_transaction: self.accounting.start,
            Action.stop_transaction: self.accounting.stop,
            Action.authorize: self._authorize,
            Action.data_transfer: self._data_transfer,
            Action.firmware_status_notification: partial(self._works, "firmware"),
            Action.diagnostics_status_notification: partial(self._works, "diagnostics"),
            Action.sign_certificate: lambda _: {"status": "Rejected"},
            **dict.fromkeys(_ACKNOWLEDGED, lambda _: {}),
        }

    def handle(self, call: frame.Call, now: Instant) -> Reply:
        """The frame that answers `call`, heard `now`."""
        if call.action == _METER_VALUES:
            self.meter_values(call.payload, now)
            return frame.result(call.id, {})
        if call.action == _HEARTBEAT:
            return frame.result(call.id, {"currentTime": self._nowtext()})
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

    def meter_values(self, payload: bytes, now: Instant) -> None:
        """MeterValues.req, heard `now`: the newest bucket steers, every register counts."""
        message = decode(payload)
        if message is None:
            self._record.deviates("unreadable meter values")
            return
        evse = self._record.evse(message.connector_id)
        if evse is None:
            self._record.deviates("unknown connector")
            return
        self.accounting.adopt(evse, message)
        running = self._record.book.open.get(evse.id)
        told = whole(message.transaction_id)
        keep_signed(self._record, evse.id, running.id if told is None and running else told, message.meter_value)
        over = running is None and self._is_over(told)
        for bucket in message.meter_value[-_BUCKETS:]:
            self._sample(evse, bucket, now, closing=over)

    def _is_over(self, transaction: int | None) -> bool:
        return transaction is not None and self._record.book.has_ended(transaction)

    def _sample(self, evse: Evse, bucket: MeterValue, now: Instant, closing: bool) -> None:
        """One bucket; values that close a transaction (Q73) or waited in the station (Q73b) do not steer."""
        record = self._record
        reading = read(bucket, record.bounds(evse), record.deviations)
        told = moment(reading.timestamp, record.zone)
        age = 0.0
        if told is not None:
            if reading.periodic:
                record.heard_time(told, now)
            age = record.time.age_s(told, record.steady_utc(now))
        stale = age > STALE_S
        steers = reading.periodic and not stale and not closing
        record.sink(
            MeterValues(
                evse=evse.id,
                at=now.monotonic_s - (0.0 if stale else min(age, AGE_COUNTED_S)),
                leg_a=reading.leg_a,
                total_a=reading.total_a,
                power_w=reading.power_w,
                register_wh=self.accounting.register_wh(evse, reading, now.monotonic_s),
                soc_percent=reading.soc_percent,
                offered_a=reading.offered_a,
                control=steers,
            )
        )
        if steers:
            record.sampled_at[evse.id] = now.monotonic_s

    def _boot(self, payload: Payload) -> Payload:
        record = self._record
        now = record.clock.now()
        found = tuple(text(payload, key) for key in ("chargePointVendor", "chargePointModel", "firmwareVersion"))
        if found != (record.vendor, record.product, record.firmware):
            # What was learned of it holds until it is another station or has other firmware.
            record.vendor, record.product, record.firmware = found
            known = record.recognise(record.vendor, record.product) if record.recognise else None
            if known is not None:
                record.learned(known)
        record.boots = (*record.boots, now.monotonic_s)[-BOOTS_WATCHED:]
        record.sink(StationBooted(record.id, now, *found))
        record.booted.set()
        self._notices.tell("station.boot id=%s vendor=%r model=%r firmware=%r", record.id, *found)
        return {
            "status": RegistrationStatus.accepted.value,
            "currentTime": self._nowtext(),
            "interval": record.heartbeat_s,
        }

    def _status(self, payload: Payload) -> Payload:
        record, now = self._record, self._record.clock.now()
        told = moment(payload.get("timestamp"), record.zone)
        if told is not None:
            record.heard_time(told, now)
        status = _STATUS.get(str(payload.get("status", "")).strip().lower())
        if status is None:
            record.deviates("unknown status")
            return {}
        connector = number(payload.get("connectorId"))
        evse = record.evse(payload.get("connectorId"))
        if evse is None:
            if connector != 0:
                record.spoke_of(connector, status not in _OUT_OF_USE)
            elif error := _error(payload):
                self._notices.warn("station.error id=%s status=%s error=%r", record.id, status.value, error)
            return {}
        if connector == 0 and evse.id in self._speaking:
            # The station as a whole; its outlet speaks for itself (Q114).
            return {}
        if connector != 0:
            self._speaking.add(evse.id)
        before = record.status.get(evse.id)
        if before is None or before[0] is not status:
            record.status[evse.id] = (status, now.monotonic_s)
        record.sink(StatusChanged(evse.id, now, status, _error(payload)))
        return {}

    def _authorize(self, payload: Payload) -> Payload | Awaitable[Payload]:
        authority, tag = self._record.authority, text(payload, "idTag")
        if authority is None:
            return {"idTagInfo": EVERYBODY}
        asked = authority.consult(self._record.id, tag)
        return self._authorized(authority, tag) if asked is None else self._consulted(asked, authority, tag)

    def _authorized(self, authority: Authority, tag: str) -> Payload:
        return {"idTagInfo": tag_info(authority.authorise(self._record.id, tag))}

    async def _consulted(self, asked: Awaitable[None], authority: Authority, tag: str) -> Payload:
        await asked
        return self._authorized(authority, tag)

    def _works(self, at_what: str, payload: Payload) -> Payload:
        """How far it is with firmware or diagnostics, in its own word."""
        record, status = self._record, text(payload, "status")
        record.activity = replace(record.activity, **{at_what: (status, record.clock.now().utc)})
        return {}

    def _data_transfer(self, _payload: Payload) -> Payload:
        return {"status": DataTransferStatus.unknown_vendor_id.value}

    async def _later(self, call: frame.Call, answer: Awaitable[Payload]) -> bytes:
        return self._encoded(call, await answer)

    def _encoded(self, call: frame.Call, answer: Payload) -> bytes:
        schemas.check_response(VERSION, call.action, answer)
        return frame.result(call.id, answer)

    def _nowtext(self) -> str:
        return self._record.clock.now().utc.strftime("%Y-%m-%dT%H:%M:%SZ")


_METER_VALUES, _HEARTBEAT = Action.meter_values.value, Action.heartbeat.value
PROMPT = frozenset({_METER_VALUES, _HEARTBEAT})
"""Requests that are answered without waiting."""
_BUCKETS = 64
_OUT_OF_USE = frozenset({EvseStatus.UNAVAILABLE, EvseStatus.FAULTED})
_ACKNOWLEDGED = (
    Action.log_status_notification,
    Action.security_event_notification,
    Action.signed_firmware_status_notification,
)
_STATUS = {status.value.lower(): status for status in EvseStatus if status is not EvseStatus.UNKNOWN} | {
    "occupied": EvseStatus.PREPARING,
    "suspendedevs": EvseStatus.SUSPENDED_EV,
}


def _error(payload: Payload) -> str:
    """The station's own words for what is wrong; empty when nothing is."""
    code = text(payload, "errorCode")
    if code.lower() in {"", ChargePointErrorCode.no_error.lower()}:
        return ""
    return " ".join(part for part in (code, text(payload, "vendorErrorCode"), text(payload, "info")) if part)[:TEXT]
