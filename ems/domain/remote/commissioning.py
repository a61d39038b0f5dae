"""The record of a commissioning: what was tested and measured, by whom, and what the site file said then.

Records are a chain: each carries the digest of the one before. That proves that none was changed, left out or put in
between since, to whoever kept a later digest on paper or elsewhere. It does not prove who made a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
