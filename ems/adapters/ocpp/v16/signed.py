"""Signed meter values (section 7.44, SignedData) are handed on to the letter; nobody here looks inside."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ocpp.v16.enums import ValueFormat

from ems.adapters.ocpp.v16.record import StationRecord
from ems.adapters.ocpp.v16.samples import MAX_SAMPLES, MeterValue, moment
from ems.domain.record.signed_value import MAX_VALUE, SignedValue

SIGNED = ValueFormat.signed_data.value.lower()
MOST_PER_HOUR = 1_000
"""Of a station; a meter that signs every minute at ten outlets stays below. More would be there to fill a disk."""

HOUR_S = 3600.0


def keep_signed(record: StationRecord, evse: str, transaction: int | None, buckets: Iterable[MeterValue]) -> None:
    """Keep every signed value of a message."""
    if record.signed is None:
        return
    for bucket in buckets:
        for sample in bucket.sampled_value[:MAX_SAMPLES]:
            if not sample.format or sample.format.lower() != SIGNED:
                continue
            if not isinstance(sample.value, str) or not sample.value.strip():
                continue
            now = record.clock.now()
            if len(sample.value) > MAX_VALUE:
                record.deviates("signed value that is too long")
                continue
            if not _has_room(record, now.monotonic_s):
                record.deviates("signed values without end")
                return
            record.signing.add(evse)
            digest = hashlib.sha256(f"{evse}\0{sample.value}".encode("utf-8", "replace")).hexdigest()
            at = moment(bucket.timestamp, record.zone) or now.utc
            record.signed.kept(SignedValue(digest, evse, transaction, at, sample.context or "", sample.value))


def _has_room(record: StationRecord, now_s: float) -> bool:
    hour = int(now_s // HOUR_S)
    if hour not in record.signed_in_hour:
        record.signed_in_hour.clear()
    record.signed_in_hour[hour] += 1
    return record.signed_in_hour[hour] <= MOST_PER_HOUR
