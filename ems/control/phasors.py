"""What a conductor carries where legs between two phases come together: less than their sum, being out of phase.

A leg between two phases (208 V between lines, North America) puts its current on both conductors, thirty degrees ahead
of the voltage of the one and thirty degrees behind that of the other, at unity power factor. On a conductor that legs
from both other phases load, the magnitude of the sum of phasors must stay within the limit, which is no linear bound.
It is held by the sides of a polygon within the circle, over the sixty degrees that the sum can point to: each side is a
link of its own, on which an ampere counts with its part in the direction of the side. The corners lie on the circle; in
between, 1 - cos(5 degrees) = 0.4 % of the limit is given away. All parts are positive, so that a sum falls with every
cut, as that of any other link does. The planner holds the same polygon (`planning.conductors.facets`).

What other loads and EVSEs out of reach draw there is taken off the limit of every side in full: a sum of phasors is
never longer than the sum of their lengths.

Source: the three-phase constraints of Lee et al., "Adaptive Charging Networks", 2021, section III.
"""

from __future__ import annotations

import math

from ems.domain.phases import Leg, Phase

SIDES = 6
LEG_DEG = 30.0
_HALF_DEG = LEG_DEG / SIDES
"""Half of what one side spans: the sixty degrees between a leg ahead and a leg behind, by twice the sides."""


def angle_deg(leg: Leg, phase: Phase) -> float:
    """By how much the current of `leg` on the conductor of `phase` is ahead of that phase's voltage, degrees."""
    if len(leg) == 1:
        return 0.0
    (other,) = (end for end in leg if end is not phase)
    return LEG_DEG if other == (phase + 1) % len(Phase) else -LEG_DEG


def parts(leg: Leg, phase: Phase) -> tuple[float, ...]:
    """What one ampere of `leg` counts on each side of the polygon of `phase`, against the limit in full."""
    own = angle_deg(leg, phase)
    sides = (-LEG_DEG + _HALF_DEG * (2 * k + 1) for k in range(SIDES))
    share = math.cos(math.radians(_HALF_DEG))
    return tuple(math.cos(math.radians(own - side)) / share for side in sides)
