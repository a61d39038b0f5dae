"""The allocation once more in plain Python: loops over EVSEs and links, as one would write it down first.

It is the baseline of the vectorised allocation, and at the same time its proof: both must come to the same currents.
"""

from __future__ import annotations

import math

import numpy as np

from ems.control.incidence import Floats, Incidence
from ems.control.situation import Situation

TINY = 1e-9

Links = list[list[tuple[int, float]]]
"""(link, load of one ampere) of every EVSE."""


def plain_allocation(at: Situation) -> list[float]:
    """What `ems.control.tick.allocate` answers where headroom is shared equally: minimum currents in order of rank,
    then equal shares up to what vehicles are known to take, then up to what they may take. Ampere per leg.
    """
    asked, n = at.asked, len(at.asked.wants)
    wants, controlled = asked.wants.tolist(), at.seen.controlled.tolist()
    forced, idle, upper = asked.forced_a.tolist(), asked.idle_a.tolist(), asked.upper_a.tolist()
    minimum = asked.minimum_a.tolist()
    links = _links(at.seen.incidence, at.room.now)
    room = dict(enumerate(at.room.now.tolist()))
    amps = [forced[j] if wants[j] else idle[j] if controlled[j] else 0.0 for j in range(n)]
    _take(links, room, amps)
    for j in np.argsort(asked.rank).tolist():
        more = minimum[j] - forced[j]
        if wants[j] and more > 0 and all(room[k] + TINY * max(1.0, room[k]) >= c * more for k, c in links[j]):
            amps[j] += more
            for link, coefficient in links[j]:
                room[link] -= coefficient * more
    on = [j for j in range(n) if wants[j] and amps[j] > 0]
    for goal in (asked.target_a.tolist(), upper):
        raised = _filled(links, room, {j: (amps[j], max(goal[j], amps[j])) for j in on})
        for j, value in raised.items():
            amps[j] = value
    return amps


def _filled(links: Links, room: dict[int, float], bounds: dict[int, tuple[float, float]]) -> dict[int, float]:
    """Let one level rise: every EVSE follows it between its bounds, until a link on its way is full. What is given is
    taken from `room`.
    """
    begins = sorted(bounds, key=lambda j: bounds[j][0], reverse=True)
    settled: dict[int, float] = {}
    rising: set[int] = set()
    slope: dict[int, float] = {}
    on_link: dict[int, list[int]] = {}
    for j in bounds:
        for link, _ in links[j]:
            on_link.setdefault(link, []).append(j)
    level = 0.0
    while len(settled) < len(bounds):
        full_at = min((level + max(0.0, room[k]) / s for k, s in slope.items() if s > TINY), default=math.inf)
        ends_at = min((bounds[j][1] for j in rising), default=math.inf)
        stop = min(bounds[begins[-1]][0] if begins else math.inf, ends_at, full_at)
        for link, rate in slope.items():
            room[link] -= rate * (stop - level)
        level = stop
        while begins and bounds[begins[-1]][0] <= level:
            j = begins.pop()
            rising.add(j)
            for link, coefficient in links[j]:
                slope[link] = slope.get(link, 0.0) + coefficient
        over = {j for j in rising if bounds[j][1] <= level}
        for link, rate in slope.items():
            if rate > TINY and room[link] <= TINY * max(1.0, rate):
                over |= rising.intersection(on_link[link])
        for j in over:
            rising.discard(j)
            settled[j] = min(level, bounds[j][1])
            for link, coefficient in links[j]:
                slope[link] -= coefficient
    return settled


def _links(incidence: Incidence, capacity: Floats) -> Links:
    """The links of every EVSE that can bind at all."""
    found: Links = [[] for _ in range(incidence.evses)]
    entries = zip(incidence.link.tolist(), incidence.evse.tolist(), incidence.coefficient.tolist(), strict=True)
    finite = np.isfinite(capacity).tolist()
    for link, j, coefficient in entries:
        if finite[link]:
            found[j].append((link, coefficient))
    return found


def _take(links: Links, room: dict[int, float], amps: list[float]) -> None:
    for j, value in enumerate(amps):
        for link, coefficient in links[j]:
            room[link] -= coefficient * value
