"""What legs put on the conductors of a symmetric system at unity power factor, as complex numbers.

Worked out from the voltages: a leg between two phases draws in the direction of the difference of theirs. Written for
those who judge; nothing of it is shared with what they judge.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Sequence

from ems.domain.phases import Phase, Wiring

VOLTAGE = {phase: cmath.rect(1.0, -2.0 * math.pi / 3.0 * phase) for phase in Phase}


def on_conductors(wiring: Wiring, leg_amps: Sequence[float]) -> tuple[complex, complex, complex]:
    """The current on L1, L2 and L3, each beside its own voltage."""
    site = [0j, 0j, 0j]
    for leg, amps in zip(wiring.legs, leg_amps, strict=False):
        if len(leg) == 1:
            site[leg[0]] += amps
            continue
        for phase, other in (leg, leg[::-1]):
            across = VOLTAGE[phase] - VOLTAGE[other]
            site[phase] += amps * across / abs(across) / VOLTAGE[phase]
    return (site[0], site[1], site[2])


def total_a(currents: Iterable[tuple[complex, complex, complex]]) -> tuple[float, float, float]:
    """What a meter on each conductor shows of all of them together, negative where power flows back."""
    sums = [sum(column, 0j) for column in zip(*currents, strict=True)] or [0j, 0j, 0j]
    a, b, c = (math.copysign(abs(value), value.real) for value in sums)
    return (a, b, c)
