"""One measured figure, what it is compared with, and what it must reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """Repeated measurements of one thing."""

    samples: tuple[float, ...]

    @classmethod
    def of(cls, samples: Iterable[float], scale: float = 1.0) -> Measured:
        """Samples times `scale`. Raises ValueError when there are none."""
        values = tuple(value * scale for value in samples)
        if not values:
            raise ValueError("nothing was measured")
        return cls(values)

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.samples)

    @property
    def least(self) -> float:
        """The smallest."""
        return min(self.samples)

    @property
    def most(self) -> float:
        """The largest."""
        return max(self.samples)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the same costs in another way, measured in the same run."""

    what: str
    measured: Measured


class Rule(StrEnum):
    """What must hold: the median does not exceed a limit or fall below one, or is so many times better than the
    baseline.
    """

    AT_MOST = "at most"
    AT_LEAST = "at least"
    TIMES_LESS = "times less"
    TIMES_MORE = "times more"


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the table; `required` is a limit in `unit`, or a factor. `notes` say what else was seen."""

    what: str
    unit: str
    measured: Measured
    rule: Rule
    required: float
    baseline: Baseline | None = None
    notes: tuple[str, ...] = ()

    @property
    def times(self) -> float | None:
        """How many times better than the baseline; None without one."""
        if self.baseline is None:
            return None
        ours, other = self.measured.median, self.baseline.measured.median
        return ours / other if self.rule is Rule.TIMES_MORE else other / ours

    @property
    def margin(self) -> float:
        """How many times better than required; below 1 the figure is missed."""
        if self.rule is Rule.AT_MOST:
            return self.required / self.measured.median
        if self.rule is Rule.AT_LEAST:
            return self.measured.median / self.required
        return (self.times or 0.0) / self.required

    @property
    def is_met(self) -> bool:
        """Whether what is required was reached."""
        return self.margin >= 1.0

    def as_data(self) -> Mapping[str, Any]:
        """Plain data."""
        return {
            "what": self.what,
            "unit": self.unit,
            **_spread(self.measured),
            "samples": [round(value, 6) for value in self.measured.samples],
            "rule": str(self.rule),
            "required": self.required,
            "baseline": None
            if self.baseline is None
            else {"what": self.baseline.what, **_spread(self.baseline.measured)},
            "times": self.times,
            "margin": self.margin,
            "met": self.is_met,
            "notes": list(self.notes),
        }


def _spread(measured: Measured) -> dict[str, float]:
    return {"median": measured.median, "min": measured.least, "max": measured.most}
