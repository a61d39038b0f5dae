"""The record of a commissioning: what was tested and measured, by whom, and what the site file said then.

Records are a chain: each carries the digest of the one before. That proves that none was changed, left out or put in
between since, to whoever kept a later digest on paper or elsewhere. It does not prove who made a record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

BEGIN = "0" * 64
"""What the first record names as the digest of the one before."""

PROVES = (
    "Each record carries the digest of the one before, so whoever kept this digest can tell that neither this record "
    "nor an earlier one was changed since. It does not prove who made it: for that, sign it by hand."
)


@dataclass(frozen=True, slots=True)
class Part:
    """A table of a record in words, as it is printed."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Handover:
    """What somebody records: `revision` of the site file and its `digest` (SHA-256), whether everything that must be so
    was so, a note, and all that was seen.
    """

    site: str
    zone: str
    revision: str
    file_sha256: str
    is_complete: bool
    note: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class CommissioningRecord:
    """A record in its chain. `digest` is that of everything else in it."""

    number: int
    at: datetime
    who: str
    told: Handover
    previous: str = BEGIN
    digest: str = ""

    def sealed(self) -> CommissioningRecord:
        """With its digest."""
        return replace(self, digest=digest_of(self))


def digest_of(record: CommissioningRecord) -> str:
    """SHA-256 of a record without its digest, as JSON with sorted keys and no blanks, in UTF-8."""
    told = {name: value for name, value in as_data(record).items() if name != "digest"}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def follows(last: CommissioningRecord | None, at: datetime, who: str, told: Handover) -> CommissioningRecord:
    """The next record of a chain."""
    number, previous = (1, BEGIN) if last is None else (last.number + 1, last.digest)
    return CommissioningRecord(number, at, who, told, previous).sealed()


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
