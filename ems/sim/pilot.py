"""The control pilot of an outlet: how a station turns a limit into what it offers the vehicle, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from ems.domain.units import PILOT_MIN_A
from ems.sim.quirks import Quirks, Zero


@dataclass(frozen=True, slots=True)
class Pilot:
    """What is offered now, ampere per leg, and what will be; times are monotonic seconds.

    `coming`: (when, ampere) of limits that the station has taken but not applied. `deaf`: after a pause it offers its
    maximum until the next limit arrives (`Quirks.first_after_zero_ignored`). `stays`: it was paused during this
    transaction, and nothing ends that (`Zero.STAYS`).
    """

    max_a: float
    quirks: Quirks = field(default_factory=Quirks)
    applied_a: float = -1.0
    coming: tuple[tuple[float, float], ...] = ()
    spikes_until: float = -math.inf
    deaf: bool = False
    stays: bool = False

    def offered_a(self, now: float) -> float:
        """The current on the pilot: 0 or at least 6 A."""
        if self.stays:
            return 0.0
        if self.applied_a < 0 or now < self.spikes_until or self.deaf:
            return self.max_a
        return self.applied_a

    def after(self, limit_a: float | None, now: float, *, charging: bool = False) -> Pilot:
        """The pilot at `now`, when the profiles allow `limit_a` (None: anything); `charging`: a transaction runs."""
        newest = self.coming[-1][1] if self.coming else self.applied_a
        value = self._expressible(self.max_a if limit_a is None else limit_a, newest)
        pilot = self if value == newest else replace(self, coming=(*self.coming, (now + self._delay_s(), value)))
        while pilot.coming and pilot.coming[0][0] <= now:
            pilot = pilot._applied(pilot.coming[0][1], charging=charging)
        return pilot

    def told(self, now: float, *, replaced: bool) -> Pilot:
        """A profile was set or cleared; `replaced`: there was one before."""
        spikes = replaced and self.quirks.spike_s > 0
        heard = replace(self, deaf=False) if self.deaf else self
        return replace(heard, spikes_until=now + self.quirks.spike_s) if spikes else heard

    def freed(self) -> Pilot:
        """A transaction has ended."""
        return replace(self, stays=False) if self.stays else self

    def _delay_s(self) -> float:
        return 0.0 if self.applied_a < 0 else self.quirks.apply_s

    def _applied(self, value: float, *, charging: bool) -> Pilot:
        after, zero = replace(self, coming=self.coming[1:]), self.quirks.zero
        if value == 0 and zero is Zero.IGNORED and self.applied_a > 0:
            return after
        wakes = self.applied_a == 0 and value > 0
        return replace(
            after,
            applied_a=value,
            deaf=self.deaf or (wakes and self.quirks.first_after_zero_ignored),
            stays=self.stays or (zero is Zero.STAYS and charging and value == 0 and self.applied_a > 0),
        )

    def _expressible(self, limit_a: float, before_a: float) -> float:
        quirks, most = self.quirks, min(limit_a, self.max_a)
        if quirks.steps_a:
            if quirks.off_step_ignored and 0 < most < self.max_a and most not in quirks.steps_a and before_a >= 0:
                return before_a
            value = max((step for step in quirks.steps_a if step <= most + 1e-6), default=0.0)
        else:
            value = round(math.floor(most / quirks.step_a + 1e-6) * quirks.step_a, 3)
        least = max(PILOT_MIN_A, quirks.min_a)
        if value >= least:
            return value
        # Below 6 A there is no valid duty cycle (IEC 61851-1, table A.8): the station pauses.
        return least if value > 0 and quirks.raises_to_min else 0.0
