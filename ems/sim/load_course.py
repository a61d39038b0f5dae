"""What flows through a circuit besides vehicles, over time: buildings (positive) and generation (negative)."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field

from ems.domain.phases import PhaseAmps


@dataclass(frozen=True, slots=True)
class LoadCourse:
    """Ampere per phase of `circuit`, constant from each point (`at_s`, amps) to the next.

    With `repeat_s` the course begins again after that time; without it the last value stays. Before the first point
    it is that of the first. `meter` is the meter that measures this plant alone, if it has one.
    """

    circuit: str
    points: tuple[tuple[float, PhaseAmps], ...]
    repeat_s: float | None = None
    meter: str | None = None
    _starts: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = tuple(at for at, _ in self.points)
        if not starts or list(starts) != sorted(set(starts)):
            raise ValueError(f"the load course of {self.circuit} needs points whose times rise")
        if self.repeat_s is not None and self.repeat_s <= starts[-1]:
            raise ValueError(f"the load course of {self.circuit} repeats before its last point")
        object.__setattr__(self, "_starts", starts)

    def at(self, t: float) -> PhaseAmps:
        """Ampere per phase at `t`."""
        index = bisect_right(self._starts, self._folded(t)) - 1
        return self.points[max(0, index)][1]

    def next_change(self, t: float) -> float:
        """When the value changes after `t`; infinite when it stays."""
        folded = self._folded(t)
        index = bisect_right(self._starts, folded)
        if index < len(self._starts):
            return t + (self._starts[index] - folded)
        return math.inf if self.repeat_s is None else t + (self.repeat_s - folded)

    def _folded(self, t: float) -> float:
        return t if self.repeat_s is None or t < 0 else t % self.repeat_s
