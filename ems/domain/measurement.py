"""What an EVSE was seen to draw, and what can be concluded about its vehicle."""

from __future__ import annotations

from dataclasses import dataclass

from ems.domain.phases import MAX_LEGS
from ems.domain.station import Evse
from ems.domain.units import finite

LegAmps = tuple[float, ...]

ReportedAmps = tuple[float | None, ...]
"""Current per leg; None for a leg that the station is silent about."""

LEG_IN_USE_A = 1.0
"""A leg above this current is in use; placeholders and standby losses stay below (Q65)."""

TELLING_A = 4.0
"""Only a draw of at least this on one leg says anything about the legs that carry nothing."""

PROOF_SAMPLES = 3
"""So many samples in a row must agree before a vehicle counts as not using a leg."""

EVEN_A, EVEN_SHARE = 1.0, 0.1
"""Legs whose currents differ by no more than this, or this share of the largest, carry the same: two meters of class 1
read as much apart.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Current per leg at the monotonic time `at`, as an interval: a station that reports only power or only a total
    leaves open how it is spread over the legs.
    """

    at: float
    low_a: LegAmps
    high_a: LegAmps

    @classmethod
    def of_currents(cls, at: float, amps: ReportedAmps) -> Sample:
        """A station that reports its phases; one that it is silent about may carry as much as any other. Raises
        ValueError on NaN.
        """
        known = tuple([max(0.0, finite("current", a)) for a in amps if a is not None])
        if len(known) == len(amps):
            return cls(at, known, known)
        told = tuple(None if a is None else max(0.0, a) for a in amps)
        most = max(known, default=0.0)
        return cls(at, tuple(a or 0.0 for a in told), tuple(most if a is None else a for a in told))

    @classmethod
    def of_total(cls, at: float, evse: Evse, amps: float) -> Sample:
        """A single current without a phase: on one leg it is that leg's, else either each leg's or their sum (Q66)."""
        drawn = max(0.0, finite("current", amps))
        legs = len(evse.wiring.legs)
        if legs == 1:
            return cls(at, (drawn,), (drawn,))
        return cls(at, (drawn / legs, *[0.0] * (legs - 1)), (drawn,) * legs)

    @classmethod
    def of_power(cls, at: float, evse: Evse, watts: float, voltage_v: float) -> Sample:
        """A station that reports only power; a DC outlet spreads it over all legs through its efficiency."""
        drawn = max(0.0, finite("power", watts))
        legs = len(evse.wiring.legs)
        if evse.dc_efficiency is not None:
            each = (drawn / evse.dc_efficiency / evse.wiring.watts_per_amp(voltage_v),) * legs
            return cls(at, each, each)
        one_leg = drawn / evse.wiring.watts_per_amp(voltage_v, 1)
        if legs == 1:
            return cls(at, (one_leg,), (one_leg,))
        spread = one_leg / legs
        return cls(at, (spread, *[0.0] * (legs - 1)), tuple(one_leg / (k + 1) for k in range(legs)))

    @property
    def peak_a(self) -> float:
        """The largest current that any leg may have carried."""
        return max(self.high_a)


@dataclass(frozen=True, slots=True)
class LegUse:
    """Which legs the vehicle of this session uses, learned from samples.

    `agreeing` counts the samples in a row that showed exactly the legs in `seen` and were telling, up to the proof.
    `even`: the newest sample that could tell surely showed the same current on all of them.
    """

    seen: tuple[bool, ...] = (False,) * MAX_LEGS
    agreeing: int = 0
    even: bool = False

    def after(self, sample: Sample) -> LegUse:
        """The knowledge after one more sample; a leg once seen in use stays in use for the session."""
        used = [a > LEG_IN_USE_A for a in sample.high_a]
        news = any([now and not known for now, known in zip(used, self.seen, strict=False)])
        seen = tuple(a or b for a, b in zip(self.seen, (*used, False, False), strict=False)) if news else self.seen
        even = self.even if sample.peak_a < TELLING_A else _is_even(seen, sample)
        if not news and (self.agreeing >= PROOF_SAMPLES or max(sample.low_a) < TELLING_A or not any(used)):
            return self if even == self.even else LegUse(seen, self.agreeing, even)
        return LegUse(seen, 1 if news else self.agreeing + 1, even)

    def legs(self, count: int) -> tuple[bool, ...]:
        """Per leg whether it must be counted: all of them until enough samples agree that some are idle."""
        if self.agreeing < PROOF_SAMPLES:
            return (True,) * count
        return self.seen[:count]

    def is_even(self, count: int) -> bool:
        """Whether all legs that must be counted were seen to carry the same current."""
        return self.even and (self.agreeing >= PROOF_SAMPLES or all(self.seen[:count]))


def _is_even(seen: tuple[bool, ...], sample: Sample) -> bool:
    least = min([a for a, counts in zip(sample.low_a, seen, strict=False) if counts], default=0.0)
    return sample.peak_a - least <= max(EVEN_A, EVEN_SHARE * sample.peak_a)
