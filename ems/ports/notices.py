"""The interfaces of alarms as people handle them, and of telling others what has happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from ems.domain.alarm.delivery import Delivery
from ems.domain.alarm.incident import Incident
from ems.domain.alarm.notice import Notice, Topic


class IncidentBook(Protocol):
    """Where incidents are kept. Reading raises NotStoredError."""

    def keep(self, known: Incident) -> None:
        """An incident is new, or another than it was; never waits."""
        ...

    async def acknowledged(self, known: Incident, at: datetime, who: str) -> None:
        """Returns when it is stored that somebody has seen an incident. Raises NotStoredError."""
        ...

    async def left(self) -> tuple[Sequence[Incident], int]:
        """What the run before left open, and the last number that was given."""
        ...

    async def newest(self, before: int | None, most: int, words: str = "", kind: str = "") -> Sequence[Incident]:
        """The newest incidents, newest first, of those that fit."""
        ...

    async def one(self, number: int) -> Incident | None:
        """One incident."""
        ...


class Alarms(Protocol):
    """What is wrong, for those who look after it. Reading raises NotStoredError."""

    @property
    def open(self) -> Sequence[Incident]:
        """What lasts, the newest first."""
        ...

    async def history(self, before: int | None, most: int, words: str = "", kind: str = "") -> Sequence[Incident]:
        """The newest incidents, open ones too, newest first, of those that fit."""
        ...

    async def alarm(self, number: int) -> Incident:
        """One of them. Raises UnknownError."""
        ...

    async def acknowledge(self, number: int, note: str, who: str) -> Incident:
        """Somebody has seen it. Raises UnknownError, ValueError or NotStoredError."""
        ...


class NoticeBook(Protocol):
    """Where notices are kept, with whom each is for. Raises NotStoredError."""

    async def keep(self, told: Sequence[tuple[Notice, Sequence[str]]]) -> None:
        """Returns when notices, and for which targets each is, would survive a power cut."""
        ...

    def delivered(self, known: Delivery) -> None:
        """How a delivery stands; never waits."""
        ...

    async def waiting(self) -> tuple[Sequence[Delivery], int]:
        """What has not reached its target, the oldest first, and the last number of a notice."""
        ...

    async def notices(self, after: int, most: int, topics: Iterable[Topic] = ()) -> Sequence[Notice]:
        """Notices with a number above `after`, the oldest first."""
        ...

    async def last_deliveries(self, target: str, most: int) -> Sequence[Delivery]:
        """The newest deliveries to a target, newest first."""
        ...


class Target(Protocol):
    """Somebody who is told. `most`: so many notices at a time. Two that are told the same in the same way are equal."""

    @property
    def name(self) -> str:
        """What the site file calls it."""
        ...

    @property
    def address(self) -> str:
        """Where that is, for people; without any secret."""
        ...

    @property
    def topics(self) -> frozenset[Topic]:
        """What it wants to know."""
        ...

    @property
    def most(self) -> int:
        """How many notices it takes at a time."""
        ...

    def hold_s(self, waiting: Sequence[Notice], now: datetime) -> float:
        """How long these are to wait for others; 0: not at all."""
        ...

    async def deliver(self, notices: Sequence[Notice], attempt: int) -> str:
        """Tell them; returns what was answered. Raises NotDeliveredError."""
        ...

    async def close(self) -> None:
        """Let go of the way there; nothing more is told."""
        ...


class TargetState(NamedTuple):
    """How a target does. `failing_since`: the first of the failures that no success has followed. `is_dead`: that is
    long ago.
    """

    name: str
    address: str
    topics: tuple[Topic, ...]
    waiting: int
    failures: int
    failing_since: datetime | None
    answer: str
    delivered: datetime | None
    lost: int
    is_dead: bool


class Notices(Protocol):
    """What has happened, and who was told. Reading raises NotStoredError."""

    def targets(self) -> Sequence[TargetState]:
        """Everybody who is told."""
        ...

    async def test(self, target: str, who: str) -> Notice:
        """Send somebody a test. Raises UnknownError."""
        ...

    async def deliveries(self, target: str, most: int) -> Sequence[Delivery]:
        """The newest deliveries to a target, newest first. Raises UnknownError."""
        ...

    async def notices(self, after: int, most: int, topics: Iterable[Topic] = ()) -> Sequence[Notice]:
        """Notices with a number above `after`, the oldest first."""
        ...

    @property
    def last(self) -> int:
        """The number of the newest one."""
        ...

    async def news(self, after: int) -> int:
        """Wait until there is a newer one than `after`; returns the newest number."""
        ...
