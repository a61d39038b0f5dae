"""Strategies of the controller in virtual time beside the clairvoyant optimum: how far from the possible each is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from ems.domain.energy.bill import Component, bill
from ems.domain.energy.load import Load
from ems.domain.energy.tariff import Tariff
from ems.domain.policy import PLANNED, Strategy
from ems.domain.site import Site
from ems.planning.arrays import Floats
from ems.planning.clairvoyant import Facts, Presence, economy_of, least_cost, most_energy, problem_of, stored_worth
from ems.planning.day_verdict import DayRegret
from ems.planning.planner import battery_of
from ems.planning.problem import ChargingProblem, Economy
from ems.planning.schedule import Schedule
from ems.sim.backtest_task import BacktestTask, Knowledge, told_by
from ems.sim.core_battery import BEGIN_SOC
from ems.sim.core_planner import EVERY_S, CorePlanner, load_of
from ems.sim.core_run import CoreRun, Setup
from ems.sim.core_tally import BIN_S, WAITING, Outcome
from ems.sim.findings import findings
from ems.sim.finished_days import regrets_of
from ems.sim.hindsight import facts_of as facts_of_run
from ems.sim.hindsight import grid, presence_of
from ems.sim.promise import MET_SLACK_WH
from ems.sim.simulate import UNCONTROLLED, boundless, following
from ems.sim.simulation_result import SimulationResult
from ems.sim.sun_share import sun_share

BY_DEADLINE = frozenset({Strategy.EARLIEST_DEADLINE, Strategy.LEAST_LAXITY})
QUARTER_S = 900
UTC_CLOCK = ZoneInfo("UTC")


class Costs(NamedTuple):
    """What the whole site pays: `energy` with what is paid for feed-in taken off, `demand` in full for every billing
    period that is touched; VAT included, fixed charges not. `peak_kw` is the highest mean of a quarter hour. `battery`:
    its wear, and what it holds less at the end than at the begin, at what that would save at the mean price.
    """

    energy: float
    demand: float
    peak_kw: float
    battery: float = 0.0

    @property
    def sum(self) -> float:
        """All of it."""
        return self.energy + self.demand + self.battery


class Service(NamedTuple):
    """What vehicles got: of all that wanted at least 0.1 kWh how many got it, Jain's index of delivered ÷ wanted, and
    the least of these by user (where users are not known: by session).
    """

    wanted_kwh: float
    delivered_kwh: float
    needs: int
    met: int
    jain: float
    worst: float

    @property
    def share(self) -> float:
        """Delivered of wanted, 0 … 1."""
        return self.delivered_kwh / self.wanted_kwh if self.wanted_kwh else 1.0

    @property
    def missing_kwh(self) -> float:
        """What was wanted and not delivered."""
        return max(0.0, self.wanted_kwh - self.delivered_kwh)


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy with one kind of knowledge, or the clairvoyant bound (`knowledge` None).

    `total` is what it costs and `missing_per_kwh` for what is missing. `pv_share`: of the vehicles' energy, what the
    plant made beyond the building's need. `pauses`: how often a vehicle that was charging had to wait, per session.
    `days`: what each day could have cost.
    """

    strategy: str
    knowledge: Knowledge | None
    service: Service
    costs: Costs
    total: float
    pv_share: float
    pauses: float
    site_w: tuple[float, ...] = field(repr=False)
    evses_w: tuple[float, ...] = field(repr=False)
    result: SimulationResult | None = field(default=None, repr=False)
    days: tuple[DayRegret, ...] = field(default=(), repr=False)
    plans: int = 0
    plans_failed: int = 0

    @property
    def name(self) -> str:
        """As people call it."""
        return self.strategy if self.knowledge is None else f"{self.strategy} ({self.knowledge})"


@dataclass(frozen=True, slots=True)
class Backtest:
    """All runs of a task beside the bounds: `most` delivers the most energy, `cheapest` has the lowest total."""

    task: BacktestTask
    most: Row
    cheapest: Row
    rows: tuple[Row, ...]

    def energy_gap(self, row: Row) -> float:
        """Percentage points of the wanted energy that were possible and not delivered."""
        return 100.0 * (self.most.service.share - row.service.share)

    def cost_gap(self, row: Row) -> float | None:
        """By how many per cent the total lies above the least possible; None where that is nothing."""
        least = self.cheapest.total
        return 100.0 * (row.total - least) / least if least > 1e-6 else None


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


def battery_cost(economy: Economy, battery_w: Floats, hours: float) -> float:
    """Wear of the battery that is steered, and what it lacks at the end, of what flowed into it in steps of `hours`."""
    cell = economy.battery
    if cell is None:
        return 0.0
    kept_w = np.where(battery_w > 0.0, battery_w * cell.efficiency, battery_w / cell.efficiency)
    through_kwh, gained_kwh = (float(watts.sum()) * hours / 1000.0 for watts in (np.abs(battery_w), kept_w))
    return cell.wear_per_kwh * through_kwh / 2.0 - stored_worth(economy) * gained_kwh


def costs_of(tariff: Tariff | None, load: Load) -> Costs:
    """What a load costs; nothing without a tariff."""
    peak_kw = max((kw for _, kw in load.import_kw(QUARTER_S, (tariff.zone if tariff else UTC_CLOCK))), default=0.0)
    if tariff is None:
        return Costs(0.0, 0.0, peak_kw)
    found = bill(tariff, load)
    energy = found.of(Component.ENERGY) * tariff.vat_factor + found.of(Component.FEED_IN)
    return Costs(energy, found.of(Component.DEMAND) * tariff.vat_factor, peak_kw)


def service_of(outcomes: Sequence[Outcome], users: Mapping[str, str]) -> Service:
    """How vehicles were served; `users` by session, as far as they are known."""
    wanting = [one for one in outcomes if one.wanted_wh >= MET_SLACK_WH]
    ratios = np.array([min(1.0, one.got_wh / one.wanted_wh) for one in wanting])
    by_user: dict[str, list[float]] = {}
    for one in wanting:
        both = by_user.setdefault(users.get(one.id, one.id), [0.0, 0.0])
        both[0] += one.got_wh
        both[1] += one.wanted_wh
    return Service(
        wanted_kwh=sum(one.wanted_wh for one in outcomes) / 1000.0,
        delivered_kwh=sum(one.got_wh for one in outcomes) / 1000.0,
        needs=len(wanting),
        met=sum(one.is_met for one in wanting),
        jain=jain(ratios),
        worst=min((got / wanted for got, wanted in by_user.values()), default=1.0),
    )


def at_the_plug_wh(site: Site, schedule: Schedule) -> dict[str, float]:
    """What each session of a schedule gets, behind the converter of a DC station."""
    efficiency = {evse.id: evse.dc_efficiency or 1.0 for evse in site.evses}
    delivered = zip(schedule.problem.requests, schedule.delivered_wh.tolist(), strict=True)
    return {request.session: wh * efficiency[request.evse] for request, wh in delivered}


def jain(ratios: Floats) -> float:
    """Jain's index: 1 when all have the same share, 1 / n when one has everything."""
    squares = float((ratios**2).sum()) * ratios.size
    return float(ratios.sum()) ** 2 / squares if squares > 0.0 else 1.0


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
    return Row(
        strategy=name,
        knowledge=None,
        service=service,
        costs=costs,
        total=costs.sum + task.missing_per_kwh * service.missing_kwh,
        pv_share=_covered(task, np.repeat(evses_w, repeated), np.repeat(schedule.battery_w, repeated)),
        pauses=0.0,
        site_w=tuple(np.repeat(site_w, repeated).tolist()),
        evses_w=tuple(np.repeat(evses_w, repeated).tolist()),
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
