"""Whole simulations: a task and a strategy give a result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.phases import PhaseAmps
from ems.domain.site import Site
from ems.domain.strategy import PLANNED, Strategy
from ems.planning.regret import MISSING_PER_KWH
from ems.sim.core_planner import CorePlanner, PlannersPast
from ems.sim.core_run import CoreRun, Setup
from ems.sim.findings import findings
from ems.sim.finished_days import regrets_of
from ems.sim.simulation_result import SimulationResult
from ems.sim.simulation_task import Task, made_up_task, recorded_task

__all__ = ["STRATEGIES", "Task", "made_up_task", "recorded_task", "simulate", "simulate_all"]

UNCONTROLLED = "uncontrolled"
STRATEGIES = (UNCONTROLLED, *map(str, Strategy))
"""What can be compared: the controller's strategies, and nobody in control."""

LEARNS_AS_IT_GOES = PlannersPast(sessions=())

BOUNDLESS_A = 1e6


def simulate(task: Task, strategy: str = "equal", *, regret: bool = False) -> SimulationResult:
    """Run one strategy of `STRATEGIES`. The same task gives the same result. With `regret` also what every day could
    have delivered, which takes about a second a day. Raises ValueError for an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"unknown strategy {strategy!r}; known are {', '.join(STRATEGIES)}")
    free = strategy == UNCONTROLLED
    setup = Setup(
        seed=task.seed,
        courses=task.courses,
        faults=task.faults.of_the_world() if free else task.faults,
        observed=task.site,
        planner=None if free or Strategy(strategy) not in PLANNED else CorePlanner(task.site, LEARNS_AS_IT_GOES),
    )
    site = boundless(task.site) if free else following(task.site, Strategy(strategy))
    run = CoreRun(site, task.placement.visits, task.begins, setup)
    run.run(task.seconds)
    result = findings(task, strategy, run)
    if not regret:
        return result
    return replace(result, regret=regrets_of(task, run.plant.tally, setup.told, None, MISSING_PER_KWH))


def simulate_all(
    task: Task, strategies: Sequence[str] = STRATEGIES, *, workers: int | None = None, regret: bool = False
) -> tuple[SimulationResult, ...]:
    """Run several strategies, each in a process of its own while there are processors."""
    count = min(len(strategies), workers or os.cpu_count() or 1)
    one = partial(simulate, regret=regret)
    if count <= 1:
        return tuple(one(task, strategy) for strategy in strategies)
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        return tuple(pool.map(one, [task] * len(strategies), strategies))


def following(site: Site, strategy: Strategy) -> Site:
    """The same site with another strategy."""
    return replace(site, policy=replace(site.policy, strategy=strategy))


def boundless(site: Site) -> Site:
    """The same site with conductors that carry anything, without limits and meters: what happens without control."""
    circuits = tuple(_boundless(circuit) for circuit in site.circuits)
    stations = tuple(
        replace(station, evses=tuple(replace(evse, meter=None) for evse in station.evses)) for station in site.stations
    )
    policy = replace(site.policy, strategy=Strategy.EQUAL, raise_step_a=BOUNDLESS_A, raise_every_s=0.0)
    batteries = tuple(replace(battery, meter=None, steered=False) for battery in site.batteries)
    return replace(
        site,
        circuits=CircuitTree(circuits),
        stations=stations,
        limits=(),
        meters=(),
        batteries=batteries,
        policy=policy,
    )


def _boundless(circuit: Circuit) -> Circuit:
    def wide(value: float) -> float:
        return BOUNDLESS_A if value else 0.0

    rating: PhaseAmps = (wide(circuit.rating_a[0]), wide(circuit.rating_a[1]), wide(circuit.rating_a[2]))
    return replace(circuit, rating_a=rating, meter=None)
