"""The chain of commissioning records: digests, where it does not hold, and records as data and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from ems.domain.remote.commissioning import BEGIN, CommissioningRecord, Handover, Part


def digest_of(record: CommissioningRecord) -> str:
    """SHA-256 of a record without its digest, as JSON with sorted keys and no blanks, in UTF-8."""
    told = {name: value for name, value in as_data(record).items() if name != "digest"}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def follows(last: CommissioningRecord | None, at: datetime, who: str, told: Handover) -> CommissioningRecord:
    """The next record of a chain."""
    number, previous = (1, BEGIN) if last is None else (last.number + 1, last.digest)
    return _sealed(CommissioningRecord(number, at, who, told, previous))


def _sealed(record: CommissioningRecord) -> CommissioningRecord:
    return replace(record, digest=digest_of(record))


def faults(records: Sequence[CommissioningRecord]) -> Iterator[str]:
    """Where a chain does not hold, in words."""
    previous, number = BEGIN, 0
    for record in records:
        if digest_of(record) != record.digest:
            yield f"record {record.number} is not what it was when it was made"
        if record.number != number + 1 or record.previous != previous:
            yield f"before record {record.number} another one was changed or is missing"
        previous, number = record.digest, record.number


def as_data(record: CommissioningRecord) -> dict[str, Any]:
    """For a file, or for programs."""
    return {**asdict(record), "at": record.at.isoformat()}


def from_data(told: Mapping[str, Any]) -> CommissioningRecord:
    """As `as_data` wrote it. Raises KeyError, TypeError or ValueError."""
    handed = told["told"]
    parts = tuple(
        Part(part["title"], tuple(part["columns"]), tuple(tuple(row) for row in part["rows"]))
        for part in handed["parts"]
    )
    return CommissioningRecord(
        int(told["number"]),
        datetime.fromisoformat(told["at"]),
        str(told["who"]),
        Handover(**{**handed, "parts": parts}),
        str(told["previous"]),
        str(told["digest"]),
    )
