"""How long a circuit breaker surely carries more than its rating (IEC 60898-1, table 7, type B, the lower limits).

At 1.13 times its rating it must not trip within an hour, at 2.55 times not within a second, at 3 times not within a
tenth; in between the limits are joined by straight lines in the logarithms of current and time. A gG fuse of the same
rating carries more (1.25 times for hours), so what a breaker survives, a fuse does.
"""

from __future__ import annotations

import math
from itertools import pairwise

HELD = ((1.13, 3600.0), (2.55, 1.0), (3.0, 0.1))
"""(current over rating, seconds); below the first for ever, above the last not at all."""


def held_s(ratio: float) -> float:
    """Seconds that a breaker surely carries `ratio` times its rating."""
    if ratio <= HELD[0][0]:
        return math.inf
    for (low, longer), (high, shorter) in pairwise(HELD):
        if ratio <= high:
            share = math.log(ratio / low) / math.log(high / low)
            return longer * math.pow(shorter / longer, share)
    return 0.0


def wear(ratio: float, seconds: float) -> float:
    """The share of its endurance that a breaker loses in that time; it may trip when the shares add up to 1."""
    held = held_s(ratio)
    if held == 0.0:
        return math.inf if seconds > 0 else 0.0
    return seconds / held
