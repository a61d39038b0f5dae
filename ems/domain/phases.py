"""Phases, and how an EVSE is wired to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise


class Phase(IntEnum):
    """A phase conductor of the site, counted at the grid connection."""

    L1 = 0
    L2 = 1
    L3 = 2


PhaseAmps = tuple[float, float, float]
"""One current per site phase (L1, L2, L3), ampere."""

NO_AMPS: PhaseAmps = (0.0, 0.0, 0.0)

PHASE_PAIRS = tuple((more, less) for more in Phase for less in Phase if more is not less)
"""Every phase beside every other one, in both orders: of which the first may carry more than the second."""

MAX_LEGS = 3

Leg = tuple[Phase, ...]
"""The site phases on which one current of an EVSE flows: one phase against neutral, or two against each other."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which site phases each leg of an EVSE loads.

    `legs[k]` belongs to what the station itself calls phase k+1, so a rotated EVSE is ((L2,), (L3,), (L1,)).
    A line-to-line leg (North America, 208 V) is one leg on two phases; its full current counts on both, which is
    never less than the phasor sum.
    """

    legs: tuple[Leg, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.legs) <= MAX_LEGS:
            raise ValueError(f"wiring needs one to three legs, got {len(self.legs)}")
        if len(self.legs) > 1 and any(len(leg) != 1 for leg in self.legs):
            raise ValueError("a line-to-line leg stands alone: write for example 'L1-L2'")
        flat = [phase for leg in self.legs for phase in leg]
        if len(set(flat)) != len(flat):
            raise ValueError(f"a phase is named twice in '{self}'")
        if any(not 1 <= len(leg) <= 2 for leg in self.legs):
            raise ValueError("a leg is one phase ('L1') or a pair ('L1-L2')")

    @classmethod
    def parse(cls, text: str) -> Wiring:
        """Read 'L1 L2 L3', 'L2 L3 L1' (rotated), 'L2' or 'L1-L2'. Raises ValueError with the remedy."""
        words = text.replace(",", " ").upper().split()
        try:
            legs = tuple(tuple(Phase[name] for name in word.split("-")) for word in words)
        except KeyError as unknown:
            raise ValueError(
                f"unknown phase {unknown.args[0]!r}: write 'L1', 'L1 L2 L3', a rotation as 'L2 L3 L1', or 'L1-L2'"
            ) from None
        return cls(legs)

    def __str__(self) -> str:
        return " ".join("-".join(phase.name for phase in leg) for leg in self.legs)

    @property
    def phases(self) -> frozenset[Phase]:
        """Every site phase that is loaded when all legs carry current."""
        return frozenset(phase for leg in self.legs for phase in leg)

    @property
    def is_rotated(self) -> bool:
        """Whether the station's phase order differs from the site's."""
        return any(a[0] > b[0] for a, b in pairwise(self.legs))

    def watts_per_amp(self, voltage_v: float, legs_in_use: int | None = None) -> float:
        """Power of one ampere on each leg in use; `voltage_v` is phase to neutral."""
        count = len(self.legs) if legs_in_use is None else legs_in_use
        per_leg = voltage_v * (math.sqrt(3.0) if len(self.legs[0]) == 2 else 1.0)
        return per_leg * count

    def on_site_phases(self, leg_amps: tuple[float, ...]) -> PhaseAmps:
        """Turn currents in the station's own phase order into currents per site phase."""
        site = [0.0, 0.0, 0.0]
        for leg, amps in zip(self.legs, leg_amps, strict=False):
            for phase in leg:
                site[phase] += amps
        return (site[0], site[1], site[2])
