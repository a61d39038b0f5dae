"""Whether a notice has reached a target: tried until it has, ever more rarely, in the order of what happened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum

from ems.domain.alarm.notice import Notice

BACK_OFF_S = (2.0, 5.0, 15.0, 60.0, 300.0, 900.0)
KEPT = timedelta(days=3)
"""What could not be delivered for so long is given up."""

MAX_REFUSED = 8
"""So often is a notice tried that a target takes exception to; then those behind it have their turn."""

DEAD = timedelta(hours=1)
"""A target that took nothing for so long is called dead; it is tried all the same."""


class DeliveryState(StrEnum):
    """How a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice on its way to a target. `refused`: how often the target said that this one is wrong. `answer`: what came
    of the last attempt, in words.
    """

    target: str
    notice: Notice
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    refused: int = 0
    answer: str = ""
    done: datetime | None = None

    def delivered(self, at: datetime, answer: str) -> Delivery:
        """The target took it."""
        return replace(self, state=DeliveryState.DELIVERED, attempts=self.attempts + 1, answer=answer, done=at)

    def failed(self, at: datetime, answer: str, is_refusal: bool) -> Delivery:
        """The target did not take it; after too long, or too many refusals, it is given up."""
        after = replace(self, attempts=self.attempts + 1, refused=self.refused + is_refusal, answer=answer)
        if after.refused >= MAX_REFUSED or at - self.notice.at >= KEPT:
            return replace(after, state=DeliveryState.GIVEN_UP, done=at)
        return after

    def dropped(self, at: datetime, why: str = "too many waited") -> Delivery:
        """It is not told."""
        return replace(self, state=DeliveryState.DROPPED, answer=why, done=at)


def pause_s(failures: int) -> float:
    """How long a target is left alone after so many failures in a row."""
    return BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1] if failures else 0.0


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A time of day, local, in which people are only told what is serious; may reach over midnight."""

    since: time
    until: time

    def holds(self, local: datetime) -> bool:
        """Whether it is quiet now."""
        now = local.timetz().replace(tzinfo=None)
        if self.since <= self.until:
            return self.since <= now < self.until
        return now >= self.since or now < self.until

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """Read '22:00-06:00'. Raises ValueError."""
        first, dash, last = text.partition("-")
        try:
            since, until = time.fromisoformat(first.strip()), time.fromisoformat(last.strip())
        except ValueError:
            dash = ""
            since = until = time(0)
        if not dash or since == until:
            raise ValueError(f"{text[:40]!r} is no time of day from and until: write for example 22:00-06:00")
        return cls(since, until)
