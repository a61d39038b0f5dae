"""Strategies of the controller in virtual time beside the clairvoyant optimum: how far from the possible each is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import pairwise
from multiprocessing import get_context

import numpy as np

from ems.domain.energy.load import Load
from ems.domain.site import Site
from ems.domain.strategy import PLANNED, Strategy
from ems.planning.arrays import Floats
from ems.planning.clairvoyant import Facts, Presence, economy_of, least_cost, most_energy, problem_of
from ems.planning.planner import battery_of
from ems.planning.problem import ChargingProblem
from ems.planning.schedule import Schedule
from ems.sim.backtest_result import Backtest, Row, battery_cost, costs_of, service_of
from ems.sim.backtest_task import BacktestTask, Knowledge, told_by
from ems.sim.core_battery import BEGIN_SOC
from ems.sim.core_planner import EVERY_S, CorePlanner, load_of
from ems.sim.core_run import CoreRun, Setup
from ems.sim.core_tally import BIN_S, WAITING, Outcome
from ems.sim.findings import findings
from ems.sim.finished_days import regrets_of
from ems.sim.hindsight import facts_of as facts_of_run
from ems.sim.hindsight import grid, presence_of
from ems.sim.simulate import UNCONTROLLED, boundless, following
from ems.sim.simulation_result import SimulationResult
from ems.sim.sun_share import sun_share

BY_DEADLINE = frozenset({Strategy.EARLIEST_DEADLINE, Strategy.LEAST_LAXITY})


def combinations(strategies: Sequence[str], knowledge: Sequence[Knowledge]) -> tuple[tuple[str, Knowledge], ...]:
    """What is to be run: planned strategies with every kind of knowledge; those that go by departures with what is true
    and with what is stated, for nobody predicts for them; the others once.
    """
    return tuple((one, kind) for one in strategies for kind in _kinds(one, knowledge))


def _kinds(strategy: str, knowledge: Sequence[Knowledge]) -> Iterator[Knowledge]:
    if strategy != UNCONTROLLED and Strategy(strategy) in PLANNED:
        yield from knowledge
    elif strategy != UNCONTROLLED and Strategy(strategy) in BY_DEADLINE:
        yield from [kind for kind in knowledge if kind is not Knowledge.PREDICTED] or [Knowledge.STATED]
    else:
        yield Knowledge.STATED


def backtest(
    task: BacktestTask,
    runs: Sequence[tuple[str, Knowledge]],
    *,
    workers: int | None = None,
    every_s: float = EVERY_S,
    regret: bool = False,
) -> Backtest:
    """Run all, each in a process of its own while there are processors, and compute the bounds."""
    count = min(len(runs) + 1, workers or os.cpu_count() or 1)
    if count <= 1:
        most, cheapest = bounds(task)
        return Backtest(task, most, cheapest, tuple(run(task, *one, every_s=every_s, regret=regret) for one in runs))
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        bound = pool.submit(bounds, task)
        rows = [pool.submit(partial(run, every_s=every_s, regret=regret), task, *one) for one in runs]
        most, cheapest = bound.result()
        return Backtest(task, most, cheapest, tuple(row.result() for row in rows))


def run(
    task: BacktestTask, strategy: str, knowledge: Knowledge, *, every_s: float = EVERY_S, regret: bool = False
) -> Row:
    """One strategy in virtual time, planning every `every_s` and when anything changes; with the `regret` of its days,
    which takes some seconds for each.
    """
    inner, free = task.task, strategy == UNCONTROLLED
    planned = not free and Strategy(strategy) in PLANNED
    planner = CorePlanner(inner.site, task.past(knowledge), every_s) if planned else None
    setup = Setup(
        seed=inner.seed,
        courses=inner.courses,
        faults=inner.faults.of_the_world() if free else inner.faults,
        observed=inner.site,
        planner=planner,
        told=told_by(knowledge),
    )
    site = boundless(inner.site) if free else following(inner.site, Strategy(strategy))
    core = CoreRun(site, inner.placement.visits, inner.begins, setup)
    core.run(inner.seconds)
    series, result = core.plant.tally.series, findings(inner, strategy, core)
    costs = costs_of(task.beside.tariff, load_of(inner.begins, series.site_w))
    stored_w = np.array(series.battery_w)
    costs = costs._replace(battery=battery_cost(economy_of(facts_of(task)), stored_w, BIN_S / 3600.0))
    service = service_of(core.plant.tally.outcomes, _users(task))
    return Row(
        strategy=strategy,
        knowledge=knowledge,
        service=service,
        costs=costs,
        total=costs.sum + task.missing_per_kwh * service.missing_kwh,
        pv_share=_covered(task, np.array(series.evses_w), stored_w),
        pauses=_pauses(result) / max(1, result.sessions),
        site_w=tuple(series.site_w),
        evses_w=tuple(series.evses_w),
        battery_w=() if inner.site.steered_battery is None else tuple(series.battery_w),
        result=result,
        days=regrets_of(inner, core.plant.tally, setup.told, task.beside.tariff, task.missing_per_kwh)
        if regret
        else (),
        plans=0 if planner is None else planner.plans,
        plans_failed=0 if planner is None else planner.failed,
    )


def bounds(task: BacktestTask) -> tuple[Row, Row]:
    """What would have been possible: the most energy, and the least total."""
    problem, presences = _known(task)
    return _bound(task, "clairvoyant, most energy", most_energy(problem), presences), least_total(task)


def least_total(task: BacktestTask) -> Row:
    """The least total that was possible for who had known everything."""
    problem, presences = _known(task)
    return _bound(task, "clairvoyant, least cost", least_cost(problem, task.missing_per_kwh), presences)


def _known(task: BacktestTask) -> tuple[ChargingProblem, list[Presence]]:
    inner = task.task
    presences = [presence_of(inner.site, visit) for visit in inner.placement.visits]
    return problem_of(facts_of(task), presences), presences


def facts_of(task: BacktestTask, step_s: float | None = None) -> Facts:
    """What flowed beside the vehicles over the whole time."""
    inner = task.task
    horizon = grid(inner.begins, inner.seconds, step_s)
    facts = facts_of_run(inner.site, horizon, inner.courses, inner.begins, task.beside.tariff)
    steered = inner.site.steered_battery
    if steered is None:
        return facts
    return replace(facts, battery=battery_of(inner.site, BEGIN_SOC * inner.site.batteries[steered].capacity_wh))


def at_the_plug_wh(site: Site, schedule: Schedule) -> dict[str, float]:
    """What each session of a schedule gets, behind the converter of a DC station."""
    efficiency = {evse.id: evse.dc_efficiency or 1.0 for evse in site.evses}
    delivered = zip(schedule.problem.requests, schedule.delivered_wh.tolist(), strict=True)
    return {request.session: wh * efficiency[request.evse] for request, wh in delivered}


def _bound(task: BacktestTask, name: str, schedule: Schedule, presences: Sequence[Presence]) -> Row:
    inner, horizon = task.task, schedule.problem.horizon
    got = at_the_plug_wh(inner.site, schedule)
    outcomes = [
        Outcome(one.session, inner.site.evses[one.evse].id, one.wants_wh, got.get(one.session, 0.0), one.wants_wh, 0.0)
        for one in presences
    ]
    site_w = tuple(schedule.site_w.tolist())
    step_s = int(horizon.edges_s[1])
    costs = costs_of(task.beside.tariff, Load(horizon.begins, step_s, site_w))
    costs = costs._replace(battery=battery_cost(schedule.problem.economy, schedule.battery_w, step_s / 3600.0))
    service = service_of(outcomes, _users(task))
    evses_w = schedule.problem.vehicles_w(schedule.amps) if got else np.zeros(horizon.steps)
    repeated = max(1, round(step_s / BIN_S))
    battery_w = np.repeat(schedule.battery_w, repeated)
    return Row(
        strategy=name,
        knowledge=None,
        service=service,
        costs=costs,
        total=costs.sum + task.missing_per_kwh * service.missing_kwh,
        pv_share=_covered(task, np.repeat(evses_w, repeated), battery_w),
        pauses=0.0,
        site_w=tuple(np.repeat(site_w, repeated).tolist()),
        evses_w=tuple(np.repeat(evses_w, repeated).tolist()),
        battery_w=() if inner.site.steered_battery is None else tuple(battery_w.tolist()),
    )


def _users(task: BacktestTask) -> dict[str, str]:
    records = (visit.record for visit in task.task.placement.visits)
    return {record.id: record.user for record in records if record.user}


def _sun_w(task: BacktestTask) -> Floats:
    """What the plant makes beyond the building's need, per bin; below nothing where that is more."""
    facts = facts_of(task, BIN_S)
    return facts.generation_w - facts.base_w


def _covered(task: BacktestTask, evses_w: Floats, battery_w: Floats) -> float:
    sun_w, steered = _sun_w(task), task.task.site.steered_battery
    bins = min(len(evses_w), len(sun_w), len(battery_w))
    efficiency = 1.0 if steered is None else task.task.site.batteries[steered].efficiency
    return sun_share(evses_w[:bins], sun_w[:bins], battery_w[:bins], efficiency, BIN_S / 3600.0)


def _pauses(result: SimulationResult) -> int:
    """How often a vehicle that was charging at the end of five minutes was left waiting at the end of the next."""
    return sum(int(((before > 0) & (after == WAITING)).sum()) for before, after in pairwise(result.series.evse_a))
