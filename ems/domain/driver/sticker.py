"""What leads a driver to one EVSE: the word on its sticker. And what drivers report there.

A sticker outlives the name of its EVSE: when a station is renamed, an operator moves the stickers over, and what is
glued on in the car park goes on working.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SLUG_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without what is mistaken for something else when it is typed in from a sticker."""

SLUG_LENGTH = 10
MAX_REPORT = 500

GIFT_PREFIX = "FREE-"
"""Begins the tags of sessions that somebody began by phone for nothing."""

CLAIM_S = 900.0
"""So long after its begin a session can be claimed by who charges there."""


@dataclass(frozen=True, slots=True)
class Sticker:
    """`slug` is what is printed, which nobody guesses; `secret` signs what is shown under it, and leaves this machine
    never.
    """

    slug: str
    evse: str
    secret: str
    created: datetime

    def __post_init__(self) -> None:
        if len(self.slug) != SLUG_LENGTH or not set(self.slug) <= set(SLUG_ALPHABET):
            raise ValueError(f"{self.slug!r:.40} is not the word of a sticker")


class Trouble(StrEnum):
    """What drivers find wrong."""

    WILL_NOT_START = "will-not-start"
    WILL_NOT_STOP = "will-not-stop"
    CABLE = "cable"
    DAMAGED = "damaged"
    BLOCKED = "blocked"
    PAYMENT = "payment"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Report:
    """A driver found something wrong at an EVSE; `closed` (by whom: `closed_by`) when somebody has seen to it."""

    number: int
    at: datetime
    evse: str
    trouble: Trouble
    text: str = ""
    closed: datetime | None = None
    closed_by: str = ""
