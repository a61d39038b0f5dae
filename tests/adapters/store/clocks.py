"""Clocks for the tests of the store."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ems.domain.instant import Instant

BEGIN = Instant(50_000.0, datetime(2026, 11, 22, 9, 0, tzinfo=UTC))


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self, begin: Instant = BEGIN) -> None:
        self._now = begin

    def now(self) -> Instant:
        """Where its hands are."""
        return self._now

    def move(self, seconds: float) -> Instant:
        """Both clocks run so long."""
        self._now = self._now.later(seconds)
        return self._now

    def set(self, utc: datetime) -> Instant:
        """Somebody sets the wall clock."""
        self._now = replace(self._now, utc=utc)
        return self._now

    def restart(self, after_s: float) -> Instant:
        """The machine was off so long: the wall clock went on, the monotonic one begins anew."""
        self._now = Instant(5.0, self._now.utc + timedelta(seconds=after_s))
        return self._now


class RunningClock:
    """Runs with the machine, from a fixed date."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def now(self) -> Instant:
        """The machine's seconds."""
        return BEGIN.later(time.monotonic() - self._started)
