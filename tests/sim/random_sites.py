"""Sites, visits, loads and faults drawn from a seed, within what such a site declares."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import numpy as np

from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.limit import LimitWindow
from ems.domain.meter import Meter
from ems.domain.phases import PhaseAmps, Wiring
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.station import Evse, Station
from ems.domain.strategy import Strategy
from ems.sim.faults import FaultKind, FaultPlan
from ems.sim.load_course import LoadCourse
from ems.sim.placement import Visit, place
from ems.sim.session_record import SessionRecord
from tests.sim.sites import BEGIN

WIRINGS = ("L1 L2 L3", "L2 L3 L1", "L3 L1 L2", "L1", "L2", "L3", "L1 L2")
STRATEGIES = (Strategy.EQUAL, Strategy.FIRST_COME, Strategy.EARLIEST_DEADLINE, Strategy.LEAST_LAXITY)


RULES = {80.0: 20.0, 125.0: 32.0}
"""Connections at which phases may differ by so much only."""


class Drawn(NamedTuple):
    """What a seed stands for."""

    site: Site
    visits: tuple[Visit, ...]
    courses: tuple[LoadCourse, ...]
    faults: FaultPlan


def drawn(seed: int, seconds: float, faults: int) -> Drawn:
    """A connection with up to three feeders, up to eight stations, a building, and what comes, flows and fails."""
    rng = np.random.default_rng(seed)
    site = _site(rng)
    building = site.circuits.root.base_load_max_a
    plan = FaultPlan.drawn(rng, site, seconds - 600.0, faults)
    steady = tuple(fault for fault in plan.faults if fault.kind is not FaultKind.BUILDING_STEP)
    records = [record for evse in site.evses for record in _stays(evse, seconds, rng)]
    return Drawn(site, place(site, records).visits, (_course(building, seconds, rng),), FaultPlan(steady))


def _site(rng: np.random.Generator) -> Site:
    rating = float(rng.choice([50, 80, 125]))
    base = tuple(float(v) for v in rng.integers(0, 15, 3))
    root = Circuit(
        "grid", None, (rating,) * 3, 3.0, "main", (base[0], base[1], base[2]), unbalance_max_a=RULES.get(rating)
    )
    feeders = tuple(
        Circuit(f"row-{k}", "grid", (float(rng.choice([20, 32, 50])),) * 3, margin_a=1.0)
        for k in range(int(rng.integers(1, 4)))
    )
    stations = []
    for k in range(int(rng.integers(2, 9))):
        wiring = Wiring.parse(WIRINGS[int(rng.integers(len(WIRINGS)))])
        circuit = (root, *feeders)[int(rng.integers(1 + len(feeders)))].id
        stations.append(Station(f"S{k}", (Evse(f"S{k}", 1, circuit, wiring, float(rng.choice([16, 32])), 0.0),)))
    tree, power_w = CircuitTree((root, *feeders)), 0.6 * 3 * rating * 230.0
    limit = LimitWindow(
        "grid", "contract", frozenset(range(7)), *LimitWindow.parse_when("08:20-08:40")[1:], max_w=power_w
    )
    policy = Policy(strategy=STRATEGIES[int(rng.integers(4))], lease_s=300.0, restart_hold_s=60.0)
    return Site("drawn", "Europe/Berlin", tree, tuple(stations), (Meter("main"),), (limit,), policy)


def _stays(evse: Evse, seconds: float, rng: np.random.Generator) -> list[SessionRecord]:
    records, t = [], float(rng.uniform(0, 600))
    while t < seconds - 300:
        stay = float(rng.uniform(300, 3000))
        arrival = BEGIN + timedelta(seconds=round(t))
        wh, legs = float(rng.gamma(2, 5000)), int(rng.integers(1, 4))
        departure = arrival + timedelta(seconds=round(stay))
        records.append(SessionRecord(f"{evse.id}@{t:.0f}", evse.id, arrival, departure, wh, wh, departure, legs=legs))
        t += stay + float(rng.uniform(1, 600))
    return records


def _course(most: PhaseAmps, seconds: float, rng: np.random.Generator) -> LoadCourse:
    points, t = [], 0.0
    while t < seconds:
        share = float(rng.uniform(0.1, 0.9))
        points.append((round(t, 1), (most[0] * share, most[1] * share, most[2] * share)))
        t += float(rng.exponential(300)) + 1.0
    return LoadCourse("grid", tuple(points))
