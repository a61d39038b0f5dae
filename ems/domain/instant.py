"""A moment, as the two clocks of the machine show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Instant:
    """`monotonic_s` decides every age and deadline; `utc` only names moments to people and stations."""

    monotonic_s: float
    utc: datetime

    def __post_init__(self) -> None:
        if self.utc.tzinfo is None:
            raise ValueError("utc needs a time zone")

    def later(self, seconds: float) -> Instant:
        """The moment `seconds` later, with both clocks running true."""
        return Instant(self.monotonic_s + seconds, self.utc + timedelta(seconds=seconds))

    def utc_at(self, monotonic_s: float) -> datetime:
        """The wall-clock time at which the monotonic clock shows `monotonic_s`."""
        return self.utc + timedelta(seconds=monotonic_s - self.monotonic_s)

    def monotonic_at(self, utc: datetime) -> float:
        """The monotonic time at which the wall clock shows `utc`."""
        return self.monotonic_s + (utc - self.utc).total_seconds()


EPOCH = Instant(0.0, datetime(2000, 1, 1, tzinfo=UTC))
"""A moment for tests and simulations to start from."""
