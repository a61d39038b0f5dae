"""How the parts of a controller and its machine are doing, for people."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Condition(StrEnum):
    """How a part is doing."""

    GOOD = "good"
    WAITS = "wait"
    BAD = "bad"


class PartStatus(NamedTuple):
    """A part: how it is doing in a word and in a sentence, how old or how quick its last word is (seconds, None: it
    says nothing of that), and what went wrong last.
    """

    name: str
    condition: Condition
    words: str
    age_s: float | None = None
    latency_s: float | None = None
    last_error: str = ""
    last_error_at: datetime | None = None


class StationAnswer(NamedTuple):
    """The last request that a station answered: how long it took, and how long ago that is, seconds."""

    station: str
    action: str
    took_s: float
    age_s: float


class ClockStatus(NamedTuple):
    """Whether the machine's clock is kept by others (None: nobody can say), and how wrong it may be."""

    is_kept: bool | None
    error_s: float | None


class DiskStatus(NamedTuple):
    """Bytes of the disk on which the state lies, and what of it is ours."""

    total: int
    free: int
    database: int
    journal: int
    uploads: int
    backups: int


class LogLine(NamedTuple):
    """Something that the log said."""

    at: datetime
    level: str
    source: str
    text: str


class BackupFile(NamedTuple):
    """A backup that lies on this machine."""

    name: str
    size: int
    made: datetime
    with_secrets: bool
