"""EVSEs that are held for somebody: reservations, and the waitlist for when all are taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from ems.domain.access.tag import MAX_NAME, plain_tag
from ems.domain.vehicle import plain_id

LONGEST = timedelta(days=7)
"""A reservation keeps everybody else away, so one for months is a mistake."""

MAX_WISHES = 50


@dataclass(frozen=True, slots=True)
class Reservation:
    """From `starts` until `ends` (UTC) only `tag`, and whoever else its holder has, may charge at `evse`."""

    id: int
    evse: str
    tag: str
    starts: datetime
    ends: datetime
    name: str = ""

    def __post_init__(self) -> None:
        plain_tag(self.tag)
        if len(self.name) > MAX_NAME or not self.name.isprintable():
            raise ValueError(f"the name of a reservation must be at most {MAX_NAME} printable characters")
        if self.starts.tzinfo is None or self.ends.tzinfo is None:
            raise ValueError("a reservation needs times with a zone")
        if not timedelta(0) < self.ends - self.starts <= LONGEST:
            raise ValueError(f"a reservation ends after it starts, and within {LONGEST.days} days of that")

    def holds_at(self, at: datetime) -> bool:
        """Whether it is in force."""
        return self.starts <= at < self.ends


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits for an EVSE since `since`, of `wishes` or any. Once it is their turn, `evse` is theirs
    `until` then.
    """

    id: int
    tag: str
    since: datetime
    name: str = ""
    wishes: frozenset[str] = frozenset()
    evse: str | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        plain_tag(self.tag)
        if self.name:
            plain_id("the name of who waits", self.name)
        if len(self.wishes) > MAX_WISHES:
            raise ValueError(f"at most {MAX_WISHES} EVSEs to choose from; leave them out for any")
        if (self.evse is None) != (self.until is None):
            raise ValueError("a turn has an EVSE and an end")

    def holds(self, evse: str, at: datetime) -> bool:
        """Whether an EVSE is theirs."""
        return self.evse == evse and self.until is not None and at < self.until

    def wants(self, evse: str) -> bool:
        """Whether an EVSE would do."""
        return not self.wishes or evse in self.wishes


class Left(StrEnum):
    """Why somebody waits no more."""

    SERVED = "charges"
    MISSED = "did not come in time"
    GONE = "was taken off the list"


class Hold(NamedTuple):
    """An EVSE is somebody's until a moment, in words."""

    tag: str
    until: datetime
    words: str
