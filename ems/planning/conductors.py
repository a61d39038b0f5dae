"""The kinds of current that flow on a site, and what each puts on a conductor.

A single-phase leg puts its current on its phase conductor, in phase with the voltage. A leg between two phases puts it
on both, thirty degrees off (208 V split legs of North America): on L1 the legs L1-L2 and L3-L1 are sixty degrees apart,
so |I| = sqrt(x² + y² + xy) and not x + y. Angles of a symmetric system with unity power factor, as in
Lee et al., "Adaptive Charging Networks", 2021, section III.

Where a site limits unbalance, a vehicle that loads one phase and not another counts for that pair of phases as well.
That is no current of its own: nothing drives it, and no conductor knows it but the line of that limit.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from ems.domain.phases import PHASE_PAIRS, Leg, Phase
from ems.planning.arrays import Complexes, Floats


class Kind(IntEnum):
    """Between which conductors a current flows."""

    L1 = 0
    L2 = 1
    L3 = 2
    L1_L2 = 3
    L2_L3 = 4
    L3_L1 = 5
    L1_OVER_L2 = 6
    L1_OVER_L3 = 7
    L2_OVER_L1 = 8
    L2_OVER_L3 = 9
    L3_OVER_L1 = 10
    L3_OVER_L2 = 11


KINDS = len(Kind)


def kind_of(leg: Leg) -> Kind:
    """The kind of a leg; the order of its two phases does not matter."""
    if len(leg) == 1:
        return Kind(int(leg[0]))
    pair = frozenset(leg)
    return next(kind for kind, ends in _ENDS.items() if frozenset(ends) == pair)


def kinds_of(legs: Sequence[Leg], *, unbalance: bool) -> tuple[Kind, ...]:
    """The kinds of currents on some legs that all carry the same; where `unbalance` is limited, with the pairs of
    phases that they load unevenly.
    """
    currents = tuple(map(kind_of, legs))
    loaded = {phase for leg in legs for phase in leg}
    uneven = tuple(kind for kind, (more, less) in OVER.items() if more in loaded and less not in loaded)
    return currents + uneven if unbalance else currents


def over(kind: Kind) -> Complexes:
    """Per kind what counts for one phase carrying more than another: what is on the one and not on the other."""
    values = np.zeros(KINDS, dtype=np.complex128)
    values[kind] = 1.0
    return values


def volts(voltage_v: float) -> Floats:
    """Per kind the voltage that drives it; `voltage_v` is phase to neutral."""
    return voltage_v * np.array([1.0] * len(Phase) + [math.sqrt(3.0)] * len(_ENDS) + [0.0] * len(OVER))


def on_line(phase: Phase) -> Complexes:
    """Per kind what one ampere puts on a phase conductor."""
    values = np.zeros(KINDS, dtype=np.complex128)
    values[int(phase)] = _angle(_PHASE_DEG[phase])
    for kind, (plus, minus) in _ENDS.items():
        if phase in (plus, minus):
            values[kind] = _angle(_LEG_DEG[kind]) * (1.0 if phase is plus else -1.0)
    return values


def on_primary(phase: Phase, turns: float) -> Complexes:
    """Per kind what one ampere puts on a primary conductor of a delta-wye transformer: (I_a - I_c) / turns and cyclic;
    `turns` is primary voltage between lines over secondary voltage to neutral.
    """
    before = Phase((int(phase) + 2) % len(Phase))
    return (on_line(phase) - on_line(before)) / turns


def in_phase(coefficients: Complexes) -> bool:
    """Whether currents with these coefficients simply add up."""
    present = coefficients[np.abs(coefficients) > 0.0]
    return bool(present.size == 0 or np.abs(np.angle(present / present[0])).max() < SAME_ANGLE)


def facets(coefficients: Complexes, every_deg: float) -> tuple[tuple[Floats, float], ...]:
    """A polygon inside `|sum of coefficient × current| ≤ capacity` for currents ≥ 0: rows `plane · currents ≤ share ·
    capacity`. Only the cone of directions that the sum can have is covered, exactly at its two ends; between two facets
    `1 - cos(every_deg / 2)` of the capacity is lost. Currents in phase need one row and lose nothing.
    """
    present = np.abs(coefficients) > 0.0
    if in_phase(coefficients):
        return ((np.abs(coefficients), 1.0),)
    middle = complex((coefficients[present] / np.abs(coefficients[present])).sum())
    first, last = -math.pi, math.pi
    if abs(middle) > SAME_ANGLE:
        turned = np.angle(coefficients[present] / middle)
        if float(np.ptp(turned)) < math.pi:
            first, last = float(turned.min()), float(turned.max())
    count = math.ceil((last - first) / math.radians(every_deg) - SAME_ANGLE)
    half = (last - first) / count / 2.0
    towards = (cmath.phase(middle) + first + (2 * k + 1) * half for k in range(count))
    share = math.cos(half)
    return tuple((np.real(cmath.rect(1.0, -angle) * coefficients), share) for angle in towards)


SAME_ANGLE = 1e-9

OVER = {Kind[f"{more.name}_OVER_{less.name}"]: (more, less) for more, less in PHASE_PAIRS}
"""The kinds that count for a phase carrying more than another."""

_ENDS = {
    Kind.L1_L2: (Phase.L1, Phase.L2),
    Kind.L2_L3: (Phase.L2, Phase.L3),
    Kind.L3_L1: (Phase.L3, Phase.L1),
}
_PHASE_DEG = {Phase.L1: 0.0, Phase.L2: -120.0, Phase.L3: 120.0}
_LEG_DEG = {Kind.L1_L2: 30.0, Kind.L2_L3: -90.0, Kind.L3_L1: 150.0}


def _angle(degrees: float) -> complex:
    return cmath.rect(1.0, math.radians(degrees))
