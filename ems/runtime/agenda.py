"""When the next plan is due: pure arithmetic on moments of the monotonic clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ems.domain.instant import Instant
from ems.domain.state import NEVER

BACK_OFF_S = (2.0, 5.0, 15.0, 60.0, 300.0)

NEWS_BACK_OFF_S = 60.0
"""The longest wait after failures once something has happened: what made planning fail may have gone with it, and who
has just come, or is to have more, is not in the last plan. No shorter one: an attempt may take minutes.
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: a plan `every_s`, `after_s` a round moment of the wall clock, so that a tick has seen it; after news as
    soon as there was none for `settle_s`, at the latest after `least_s`, which is also the least between two plans;
    where a course strays at most every `stray_s`. Courses and prices are looked at every `look_s`. Who makes plans
    rests when nobody has asked for `idle_s`. `told`: so many failures in a row are an alarm, as are fewer ones that
    lasted `told_s`.
    """

    every_s: float = 300.0
    after_s: float = 1.5
    settle_s: float = 2.0
    least_s: float = 10.0
    stray_s: float = 60.0
    look_s: float = 10.0
    idle_s: float = 15.0
    told: int = 3
    told_s: float = 120.0


PACE = Pace()


@dataclass(frozen=True, slots=True)
class Agenda:
    """What was asked for last, what happened since then, how often planning failed in a row, `failing` since when, and
    when it `failed_at` last.

    `why`: the first thing that happened, in a word; empty where nothing did.
    """

    pace: Pace = PACE
    asked: float = NEVER
    since: float = math.inf
    latest: float = NEVER
    why: str = ""
    failures: int = 0
    failing: float = NEVER
    failed_at: float = NEVER

    def happened(self, word: str, now: float) -> Agenda:
        """Something that the last plan did not know."""
        first = not self.why
        return replace(self, since=now if first else self.since, latest=now, why=word if first else self.why)

    def begun(self, now: float) -> Agenda:
        """A plan is asked for, with everything that has happened."""
        return replace(self, asked=now, since=math.inf, latest=NEVER, why="")

    def failed(self, now: float) -> Agenda:
        """It was not to be had."""
        failing = self.failing if self.failures else self.asked
        return replace(self, failures=self.failures + 1, failing=failing, failed_at=now)

    def succeeded(self) -> Agenda:
        """It came."""
        return replace(self, failures=0)

    @property
    def is_trouble(self) -> bool:
        """Whether people are to be told."""
        lasted_s = self.failed_at - self.failing if self.failures else 0.0
        return self.failures >= self.pace.told or lasted_s >= self.pace.told_s

    def due(self, now: Instant) -> float:
        """When the next plan is to be asked for."""
        if self.failures:
            wait_s = BACK_OFF_S[min(self.failures, len(BACK_OFF_S)) - 1]
            return self.failed_at + (min(wait_s, NEWS_BACK_OFF_S) if self.why else wait_s)
        regular = self._round(now)
        if not self.why:
            return regular
        quiet = min(self.latest + self.pace.settle_s, self.since + self.pace.least_s)
        soon = max(quiet, self.asked + self.pace.least_s)
        return soon if regular <= now.monotonic_s else min(soon, regular)

    def _round(self, now: Instant) -> float:
        """A little after the first round moment since the last plan; at once when that is long ago."""
        every_s, after_s = self.pace.every_s, self.pace.after_s
        if now.monotonic_s - self.asked >= every_s + after_s:
            return now.monotonic_s
        epoch = now.utc_at(self.asked).timestamp() - after_s
        return self.asked + (math.floor(epoch / every_s) + 1.0) * every_s - epoch
