"""Congested weeks of two car parks on the wye tree: strategies beside the clairvoyant optimum.

python -m tests.bench.weeks [--sites jpl,caltech] [--weeks 0,2,4,6] [--days 7] [--workers N] [--json FILE]

The weeks are chosen by a rule and not by what comes out: every second one from the first full week of June on, a month
after the first session, so that forecasts have something to learn from. It takes two minutes of processor time a week
and run, so it is not one of the figures of `python -m tests.bench`; a line is printed as soon as a run is ready, and at
the end the mean, worst and best week of each kind of run. Prices: GB Agile 2019, hourly, in the site's own time; a
demand charge of 2.50 per kW and billing month, in full for each week, in the bound as in the runs; a kWh that is
missing counts 0.50.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from ems.adapters.prices.price_file import read_prices
from ems.domain.energy.demand_charge import DemandCharge
from ems.domain.energy.tariff import Tariff
from ems.domain.site import Site
from ems.sim.backtest import bounds, run
from ems.sim.backtest_task import BacktestTask, Beside, Knowledge, backtest_task, priced_by
from ems.sim.sessions import read_sessions
from ems.sim.simulation_task import recorded_task
from tests.sim.sites import recorded
from tests.sim.wye_tree import wye_tree

SITES = {"jpl": 111, "caltech": 40}
"""Ampere per phase of the grid connection, so that the busiest weeks are congested."""

FIRST = date(2019, 6, 3)

RUNS = "equal:stated,least-laxity:perfect,cheapest:perfect,cheapest:predicted,cheapest:stated"

EVERY_S = 900.0
"""The clock asks for a plan so often here, the daemon three times as often; on the first Monday of June that made a
difference of 0.02 points and took half as long again. News asks for one as in the daemon."""

COLUMNS = (
    f"{'site':8} {'week from':11} {'run':24} {'energy, %':>9} {'possible':>9} {'of it, %':>9} {'cost, %':>8} "
    f"{'< 1/4':>11}"
)

Kind = tuple[str, Knowledge]


class Week(NamedTuple):
    """The first `days` of a week of a car park, counted from `FIRST`; `root_a` per phase of its grid connection."""

    site: str
    number: int
    days: int
    root_a: int

    @property
    def begins(self) -> date:
        """Its Monday."""
        return FIRST + timedelta(weeks=self.number)


class Run(NamedTuple):
    """What came out of a run: energy delivered, % of what was wanted; the total; how many of its vehicles got less than
    a quarter of what they wanted.
    """

    name: str
    energy: float
    total: float
    vehicles: int
    hardly_served: int


class Result(NamedTuple):
    """One run of a week, beside the energy that was possible, %, and the least total."""

    week: Week
    run: Run
    possible: float
    least: float

    @property
    def of_it(self) -> float:
        """Delivered of the possible energy, %."""
        return 100.0 * self.run.energy / self.possible

    @property
    def cost(self) -> float:
        """By how many per cent the total lies above the least."""
        return 100.0 * (self.run.total / self.least - 1.0)

    def __str__(self) -> str:
        one = self.run
        figures = f"{one.energy:9.2f} {self.possible:9.2f} {self.of_it:9.2f} {self.cost:+8.2f}"
        served = f"{one.hardly_served:4} of {one.vehicles:3}"
        return f"{self.week.site:8} {self.week.begins!s:11} {one.name:24} {figures} {served:>11}"

    def as_json(self) -> dict[str, object]:
        """All of it, flat."""
        bounds = {"possible": self.possible, "least": self.least}
        return {**self.week._asdict(), "week": f"{self.week.begins}", **self.run._asdict(), **bounds}


def kinds_in(text: str) -> tuple[Kind, ...]:
    """'equal:stated,cheapest:perfect'."""
    pairs = (part.split(":") for part in text.split(","))
    return tuple((strategy, Knowledge(knowledge)) for strategy, knowledge in pairs)


def task_of(week: Week) -> BacktestTask:
    """The sessions of the week on the wye tree of its site."""
    sessions = read_sessions(recorded(f"{week.site}_2019-05-01_2019-08-31.csv.gz"))
    with tempfile.TemporaryDirectory() as folder:
        site = wye_tree(Path(folder), list(sessions.stations()), week.root_a)
    begins = datetime.combine(week.begins, time(), site.zone).astimezone(UTC)
    task = recorded_task(site, sessions, since=begins, days=week.days)
    return backtest_task(task, sessions, Beside(tariff_for(site)))


def tariff_for(site: Site) -> Tariff:
    """Recorded prices and a demand charge."""
    path = recorded("caltech_2019-05-01_2019-08-31.csv.gz").parents[1] / "prices" / "gb_agile_regA_2019.csv"
    prices = read_prices(path, site.zone)
    return replace(
        priced_by(prices.series, site.currency, site.timezone), demand=(DemandCharge("peak", 2.5, interval_s=900),)
    )


def bound_of(week: Week) -> tuple[float, float]:
    """What was possible, %, and the least total."""
    most, cheapest = bounds(task_of(week))
    return 100.0 * most.service.share, cheapest.total


def run_of(week: Week, kind: Kind) -> Run:
    """One kind of run of a week."""
    row = run(task_of(week), *kind, every_s=EVERY_S)
    return Run(row.name, 100.0 * row.service.share, row.total, row.service.needs, row.service.hardly_served)


def summary(results: Sequence[Result]) -> str:
    """Mean, worst and best of each kind of run over all weeks of each site."""
    lines = []
    for site, name in dict.fromkeys((one.week.site, one.run.name) for one in results):
        same = [one for one in results if (one.week.site, one.run.name) == (site, name)]
        of_it, cost = [one.of_it for one in same], [one.cost for one in same]
        energy = f"of the possible energy {_mean(of_it):.2f} %, worst {min(of_it):.2f}, best {max(of_it):.2f}"
        money = f"cost above the least {_mean(cost):.2f} %, worst {max(cost):.2f}, best {min(cost):.2f}"
        hardly, vehicles = (sum(getattr(one.run, what) for one in same) for what in ("hardly_served", "vehicles"))
        few = f"less than a quarter got {hardly} of {vehicles} vehicles"
        lines.append(f"{site:8} {name:24} {len(same)} weeks: {energy}; {money}; {few}")
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def main() -> None:
    """Print every run as it is ready, then all weeks together."""
    parser = argparse.ArgumentParser(description="Congested weeks beside the clairvoyant optimum.")
    parser.add_argument("--sites", default=",".join(SITES), help=f"some of {', '.join(SITES)}")
    parser.add_argument("--weeks", default="0,2,4,6", help="counted from the first")
    parser.add_argument("--days", type=int, default=7, help="of each week, from its Monday on")
    parser.add_argument("--runs", default=RUNS, help=f"as {RUNS}")
    parser.add_argument("--root", type=int, help="ampere per phase of the grid connection")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes at once (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="append a line for each run to this file")
    options = parser.parse_args()
    weeks = [
        Week(site, int(number), options.days, options.root or SITES[site])
        for number in options.weeks.split(",")
        for site in options.sites.split(",")
    ]
    print(COLUMNS, flush=True)
    results = []
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        bound = dict(zip(weeks, pool.map(bound_of, weeks), strict=True))
        pairs = [(week, kind) for week in weeks for kind in kinds_in(options.runs)]
        jobs = {pool.submit(run_of, *pair): pair[0] for pair in pairs}
        for done in as_completed(jobs):
            week = jobs[done]
            result = Result(week, done.result(), *bound[week])
            results.append(result)
            print(result, flush=True)
            if options.json:
                with options.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(result.as_json()) + "\n")
    print(summary(results))


if __name__ == "__main__":
    main()
