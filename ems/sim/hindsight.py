"""What was, of a run in virtual time, as the clairvoyant optimum looks at it (`ems.planning.clairvoyant`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from ems.domain.energy.tariff import Tariff
from ems.domain.site import Site
from ems.planning.arrays import Floats
from ems.planning.clairvoyant import Facts, Presence
from ems.planning.horizon import Horizon
from ems.sim.load_course import LoadCourse
from ems.sim.placement import Visit

FINE_S, COARSE_S = 300.0, 900.0
"""Lengths of a step; none is longer than the shortest interval over which a utility takes the mean."""

FINE_DAYS = 8.0
"""So many days at most are looked at in fine steps, which makes the bound 0.1 points tighter."""


def presence_of(site: Site, visit: Visit) -> Presence:
    """A recorded visit."""
    most_a, legs = visit.current(site.evses[visit.evse])
    record = visit.record
    return Presence(record.id, visit.evse, record.arrival, record.departure, record.delivered_wh, most_a, legs)


def facts_of(
    site: Site, horizon: Horizon, courses: Sequence[LoadCourse], origin: datetime, tariff: Tariff | None = None
) -> Facts:
    """From courses of load whose clock begins at `origin`."""
    own = np.zeros((len(site.circuits), 3, horizon.steps))
    drawn, made = np.zeros(horizon.steps), np.zeros(horizon.steps)
    for course in courses:
        amps = _means(course, horizon, origin)
        for above in site.circuits.path_of(site.circuits.index(course.circuit)):
            own[above] += amps
        watts = amps.sum(axis=0) * site.voltage_v
        drawn, made = drawn + np.maximum(watts, 0.0), made + np.maximum(-watts, 0.0)
    declared = np.array([circuit.base_load_max_a for circuit in site.circuits])[:, :, None]
    metered = np.array([circuit.meter is not None for circuit in site.circuits])[:, None, None]
    return Facts(site, horizon, np.where(metered, own, declared), drawn, made, tariff)


def grid(begins: datetime, seconds: float, step_s: float | None = None) -> Horizon:
    """The steps of a bound over `seconds`: fine ones for a week, else a quarter hour."""
    step_s = step_s or (FINE_S if seconds <= FINE_DAYS * 86_400.0 else COARSE_S)
    return Horizon.uniform(begins, math.ceil(seconds / step_s - 1e-9), step_s)


def _means(course: LoadCourse, horizon: Horizon, origin: datetime) -> Floats:
    """Mean ampere per phase and step."""
    begin = (horizon.begins - origin) / timedelta(seconds=1)
    means = np.zeros((3, horizon.steps))
    for k, (since, until) in enumerate(zip(horizon.edges_s[:-1], horizon.edges_s[1:], strict=True)):
        t, total = begin + since, np.zeros(3)
        while t < begin + until:
            following = min(course.next_change(t), begin + until)
            total += (following - t) * np.array(course.at(t))
            t = following
        means[:, k] = total / (until - since)
    return means
