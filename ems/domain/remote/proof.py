"""What tests of an installation have shown: each step with what was measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """PASSED and FAILED speak for themselves. SKIPPED: it could not be tried, the words say why. RUNNING: not yet."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a test: what was tried, what was seen, and how long that took (seconds)."""

    name: str
    verdict: Verdict
    words: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """The test of one outlet. `ended` None: it runs. `maker`: vendor, product and firmware as the station told them."""

    station: str
    evse: int
    who: str
    began: datetime
    steps: tuple[Step, ...] = ()
    ended: datetime | None = None
    maker: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be tried."""
        return self.ended is not None

    @property
    def verdict(self) -> Verdict:
        """Of all steps: failed when one failed, passed when the rest did or were skipped."""
        verdicts = {step.verdict for step in self.steps}
        if Verdict.FAILED in verdicts:
            return Verdict.FAILED
        if not self.is_over:
            return Verdict.RUNNING
        return Verdict.PASSED if Verdict.PASSED in verdicts else Verdict.SKIPPED

    def with_step(self, step: Step) -> Proof:
        """With one more step; it takes the place of one of the same name that runs."""
        kept = tuple(one for one in self.steps if (one.name, one.verdict) != (step.name, Verdict.RUNNING))
        return replace(self, steps=(*kept, step))


@dataclass(frozen=True, slots=True)
class CircuitPeak:
    """What a circuit carried at most during a run, ampere on its strongest phase, beside what it may."""

    circuit: str
    most_a: float | None
    limit_a: float
    over_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A supervised run of the whole site: how long it was watched (seconds), what flowed, and what was complained of.
    `ends` is when it is over; `mode` whether the controller was armed all along.
    """

    who: str
    began: datetime
    ends: datetime
    watched_s: float = 0.0
    peaks: tuple[CircuitPeak, ...] = ()
    alarms: tuple[str, ...] = ()
    energy_wh: float = 0.0
    most_vehicles: int = 0
    armed: bool = True
    is_over: bool = False
    revision: str = ""
