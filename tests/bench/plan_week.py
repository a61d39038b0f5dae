"""A congested week of the car park at JPL on its wye tree, beside the clairvoyant optimum and equal sharing; more weeks
by `python -m tests.bench.weeks`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from ems.sim.backtest_task import Knowledge
from tests.bench.figure import Baseline, Figure, Measured, Rule
from tests.bench.plan_garage import recorded
from tests.bench.weeks import SITES, Kind, Result, Week, bound_of, run_of

EQUAL: Kind = ("equal", Knowledge.STATED)
PERFECT, PREDICTED, STATED = (
    ("cheapest", known) for known in (Knowledge.PERFECT, Knowledge.PREDICTED, Knowledge.STATED)
)

ENERGY_SHARE, COST_FACTOR = 99.0, 1.03


def measure(quick: bool) -> Iterator[Figure]:
    """Energy and cost with perfect, predicted and stated departures; nothing where the sessions are absent."""
    if not recorded().with_name("jpl_2019-05-01_2019-08-31.csv.gz").exists():
        return
    week = Week("jpl", 0, 1 if quick else 7, SITES["jpl"])
    kinds = (EQUAL, PERFECT, PREDICTED, STATED)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        bound = pool.submit(bound_of, week)
        runs = [pool.submit(run_of, week, kind) for kind in kinds]
        equal, perfect, predicted, stated = (Result(week, run.result(), *bound.result()) for run in runs)
    where = f"JPL from {week.begins}, {week.root_a} A"
    energy, cost = "energy, of the possible", "cost, of the least"
    yield _figure(f"{where}, perfect departures: {energy}", "%", perfect.of_it, Rule.AT_LEAST, ENERGY_SHARE)
    yield _figure(f"{where}, perfect departures: {cost}", "x", _times(perfect), Rule.AT_MOST, COST_FACTOR)
    ours, others = predicted.of_it, f"with stated departures {stated.of_it:.2f} %"
    yield _figure(f"{where}, predicted departures: {energy}", "%", ours, Rule.TIMES_MORE, 1.0, equal.of_it, others)
    ours, others = _times(predicted), f"with stated departures {_times(stated):.3f} x"
    yield _figure(f"{where}, predicted departures: {cost}", "x", ours, Rule.TIMES_LESS, 1.0, _times(equal), others)


def _times(result: Result) -> float:
    return 1.0 + result.cost / 100.0


def _figure(
    what: str, unit: str, value: float, rule: Rule, required: float, equal: float | None = None, *notes: str
) -> Figure:
    baseline = None if equal is None else Baseline("equal sharing", Measured.of([equal]))
    return Figure(what, unit, Measured.of([value]), rule, required, baseline, notes)
