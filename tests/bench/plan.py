"""How long a plan takes, and how close it comes to the best that was possible.

Measured is processor time of this process, which computes all the time: on a machine of its own that is what the clock
shows. The published form (adacharge on cvxpy with CLARABEL, second-order cones) is not in the package index; its times
are quoted: a plan for as many vehicles on line-to-line legs over 144 steps, on two cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from statistics import median

from ems.domain.strategy import LADDERS, Strategy
from ems.planning.flow import is_feasible, minimum_peak_w
from ems.planning.horizon import Horizon
from ems.planning.optimiser import optimise
from ems.planning.problem import ChargingProblem
from tests.bench.figure import Baseline, Figure, Measured, Rule
from tests.bench.plan_garage import DAYS, Garage, Served, recorded
from tests.planning.instances import MORNING, car_park

MIXED = ((50, 0.08, 0.48, 5), (200, 0.4, 3.6, 3), (500, 2.0, 11.5, 2))
"""Vehicles, limit in s, the published form in s, instances."""

LINE_TO_LINE = ((50, 0.5, 0.48, 3), (200, 3.0, 3.6, 2))

CONGESTED, SHORT = (2.0, 3.0), (3.0, 6.0)
"""Demand over capacity. At 2 nearly all can be served, at 3 a twentieth of the energy is short, at 6 half of it."""

STRATEGIES = (Strategy.FAST, Strategy.CHEAPEST)

FLOW_VEHICLES, FLOW_STEPS = 1000, 144
FEASIBLE_S, PEAK_S = 0.1, 1.0

CAPS = ((20.0, 76.0, 76.9), (30.0, 93.9, 94.8), (50.0, 99.9, 99.9))
"""kW, delivered at least, and what the clairvoyant was published to deliver, %."""

POINTS = 0.1
"""How near to the published clairvoyant ours must come."""

EXACTLY = 1e-3


def measure(quick: bool = False) -> Iterator[Figure]:
    """The figures; those of the garage only where its sessions are."""
    yield from _plans("mixed", MIXED[:1] if quick else MIXED, CONGESTED, quick)
    yield from _plans("line-to-line", LINE_TO_LINE[:1] if quick else LINE_TO_LINE, SHORT, quick)
    missing = "" if recorded().exists() else f"the garage of Caltech is left out: no sessions at {recorded()}"
    yield from _flows(200 if quick else FLOW_VEHICLES, missing)
    if not missing:
        yield from _garage(quick)


def _plans(
    legs: str, sizes: Sequence[tuple[int, float, float, int]], loads: Sequence[float], quick: bool
) -> Iterator[Figure]:
    for vehicles, limit_s, published_s, instances in sizes:
        cases = list(product(range(1 if quick else instances), loads, STRATEGIES))
        problems = {(seed, load): car_park(vehicles, seed, load, legs) for seed, load, _ in cases}
        clock = time.perf_counter()
        took = [_seconds(_planning(problems[seed, load], strategy)) for seed, load, strategy in cases]
        by_clock = (time.perf_counter() - clock) / len(cases)
        yield Figure(
            f"plan for {vehicles} vehicles, {legs}, congested",
            "s",
            Measured.of(took),
            Rule.AT_MOST,
            limit_s,
            Baseline("the published cvxpy form (quoted)", Measured.of([published_s])),
            (f"{len(cases)} plans of 50 steps, demand {loads[0]:g} and {loads[1]:g}; {by_clock:.2f} s by the clock",),
        )


def _planning(problem: ChargingProblem, strategy: Strategy) -> Callable[[], object]:
    return lambda: optimise(problem, LADDERS[strategy])


def _flows(vehicles: int, note: str) -> Iterator[Figure]:
    horizon = Horizon.uniform(MORNING, FLOW_STEPS, 86_400.0 / FLOW_STEPS)
    problems = [car_park(vehicles, 0, load, horizon=horizon) for load in (1.0, *CONGESTED)]
    name = f"{vehicles} vehicles x {FLOW_STEPS} steps"
    feasible = [_seconds(partial(is_feasible, problem)) for problem in problems]
    peak = [_seconds(partial(minimum_peak_w, problem)) for problem in problems]
    yield Figure(f"{name}, feasible by flow", "s", Measured.of(feasible), Rule.AT_MOST, FEASIBLE_S)
    yield Figure(
        f"{name}, lowest peak by flow", "s", Measured.of(peak), Rule.AT_MOST, PEAK_S, notes=(note,) if note else ()
    )


def _garage(quick: bool) -> Iterator[Figure]:
    garage = Garage(2 if quick else DAYS)
    where = f"garage of Caltech, {2 if quick else DAYS} days, {{cap:g}} kW: {{what}}"
    for cap_kw, least, published in CAPS[:1] if quick else CAPS:
        best, ours = garage.clairvoyant(cap_kw), garage.receding(cap_kw)
        yield Figure(
            where.format(cap=cap_kw, what="delivered"),
            "%",
            Measured.of([ours.percent]),
            Rule.AT_LEAST,
            least,
            notes=(f"clairvoyant {best.percent:.2f} %; {_times(ours)}",),
        )
        if not quick:  # what was published is of all days
            yield Figure(
                where.format(cap=cap_kw, what="clairvoyant off the published one"),
                "points",
                Measured.of([max(abs(best.percent - published), EXACTLY)]),
                Rule.AT_MOST,
                POINTS,
                notes=(f"{best.percent:.2f} % in {best.seconds[0]:.1f} s; published {published:g} %",),
            )


def _times(served: Served) -> str:
    ordered = sorted(served.seconds)
    return f"{len(ordered)} plans, median {1000 * median(ordered):.1f} ms, most {1000 * ordered[-1]:.0f} ms"


def _seconds(job: Callable[[], object]) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began
