"""What an EVSE was offered and what was drawn there, thinned to what a chart can show."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import TypedDict

from ems.adapters.web.values import number, time_of
from ems.domain.record.past import EvsePast

STEPS = 720
HOLDS_S = 120.0
"""So long a measurement counts until the next one; nothing flowing counts until something does."""


class EvseCourse(TypedDict):
    """Ampere over time, on the leg with the most of it. `at` are seconds since 1970 (UTC), the beginning of each step
    of `step_s` seconds. `offered_a` is the highest offer within a step, `measured_a` the highest current; null where
    nothing is known.
    """

    evse: str
    since: str
    until: str
    step_s: float
    at: list[float]
    offered_a: list[float | None]
    measured_a: list[float | None]


def course(evse: str, past: EvsePast, since: datetime, until: datetime) -> EvseCourse:
    """At most `STEPS` steps, of which each keeps the highest values."""
    first, span_s = since.timestamp(), (until - since).total_seconds()
    step_s = max(10.0, span_s / STEPS)
    steps = max(1, int(span_s / step_s))

    def spread(points: list[tuple[float, float]], held: bool) -> list[float | None]:
        """The highest value in each step; a value holds until the next one, or for as long as one may."""
        highest: list[float | None] = [None] * steps
        ends = [*(at for at, _ in points[1:]), first + span_s]
        for (at, value), end in zip(points, ends, strict=False):
            until_s = end if held or value == 0.0 else min(end, at + HOLDS_S)
            low = max(0, int((at - first) / step_s))
            for k in range(low, min(steps - 1, int((until_s - first - 1e-6) / step_s)) + 1):
                known = highest[k]
                highest[k] = value if known is None else max(known, value)
        return highest

    offered = [(one.at.timestamp(), one.amps) for one in past.offered]
    drawn = [(one.at.timestamp(), one.amps) for one in past.drawn if one.amps is not None]
    return {
        "evse": evse,
        "since": time_of(since),
        "until": time_of(until),
        "step_s": step_s,
        "at": [round(first + k * step_s, 1) for k in range(steps)],
        "offered_a": [number(value) for value in spread(offered, held=True)],
        "measured_a": [number(value) for value in spread(drawn, held=False)],
    }
