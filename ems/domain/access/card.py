"""Tags that somebody presented and nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Card:
    """A tag that nobody knows: as the station wrote it, where and when it was presented last, and how often; and a tag
    of somebody (`person`), or of a vehicle, that may be this card written otherwise.
    """

    tag: str
    evse: str
    at: datetime
    count: int = 1
    alike: str = ""
    person: str | None = None


@dataclass(frozen=True, slots=True)
class TagUse:
    """What a transaction took with a tag, Wh; it belongs to the period in which it began."""

    transaction: int
    tag: str
    started: datetime
    energy_wh: float


@dataclass(frozen=True, slots=True)
class TagCost:
    """What a session cost with a tag, minor units; it belongs to the period in which that began it."""

    session: str
    tag: str
    started: datetime
    cost_minor: int
