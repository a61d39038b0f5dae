"""Congested weeks of two car parks on the wye tree: strategies beside the clairvoyant optimum.

python -m tests.bench.weeks [--sites jpl,caltech] [--weeks 0,2,4,6] [--days 7] [--workers N] [--json FILE]

The weeks are chosen by a rule and not by what comes out: every second one from the first full week of June on, a month
after the first session, so that forecasts have something to learn from. It takes minutes a week, so it is not one of
the figures of `python -m tests.bench`; a line is printed as soon as a week is ready, and at the end the means, best and
worst of each kind of run. Prices: GB Agile 2019, hourly, in the site's own time; a demand charge of 2.50 per kW and
billing month, in full for each week, in the bound as in the runs; a kWh that is missing counts 0.50.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from ems.adapters.prices.price_file import read_prices
from ems.domain.demand_charge import DemandCharge
from ems.domain.site import Site
from ems.domain.tariff import Tariff
from ems.sim.backtest import Backtest, backtest
from ems.sim.backtest_task import Beside, Knowledge, backtest_task, priced_by
from ems.sim.sessions import SessionFile, read_sessions
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

COLUMNS = f"{'site':8} {'week from':11} {'run':24} {'energy, %':>9} {'possible':>9} {'of it, %':>9} {'cost, %':>8}"


def runs_in(text: str) -> tuple[tuple[str, Knowledge], ...]:
    """'equal:stated,cheapest:perfect'."""
    pairs = (part.split(":") for part in text.split(","))
    return tuple((strategy, Knowledge(knowledge)) for strategy, knowledge in pairs)


def week(
    site: Site,
    sessions: SessionFile,
    number: int,
    days: int = 7,
    runs: Sequence[tuple[str, Knowledge]] = (),
    workers: int | None = None,
) -> Backtest:
    """The back-test of the first `days` of a week, counted from `FIRST`."""
    begins = datetime.combine(FIRST + timedelta(weeks=number), time(), site.zone).astimezone(UTC)
    task = recorded_task(site, sessions, since=begins, days=days)
    beside = Beside(tariff_for(site))
    return backtest(backtest_task(task, sessions, beside), runs or runs_in(RUNS), workers=workers, every_s=EVERY_S)


def tariff_for(site: Site) -> Tariff:
    """Recorded prices and a demand charge."""
    path = recorded("caltech_2019-05-01_2019-08-31.csv.gz").parents[1] / "prices" / "gb_agile_regA_2019.csv"
    prices = read_prices(path, site.zone)
    return replace(
        priced_by(prices.series, site.currency, site.timezone), demand=(DemandCharge("peak", 2.5, interval_s=900),)
    )


def rows_of(name: str, number: int, found: Backtest) -> list[dict[str, Any]]:
    """Per run: energy delivered, what was possible, its share of that and the cost gap, all in per cent."""
    begins, possible = FIRST + timedelta(weeks=number), 100 * found.most.service.share
    rows = []
    for row in found.rows:
        share = 100 * row.service.share
        figures = {"energy": share, "possible": possible, "of_it": 100 * share / possible, "cost": found.cost_gap(row)}
        rows.append({"site": name, "week": f"{begins}", "run": row.name, **figures, "total": row.total})
    return rows


def line(row: dict[str, Any]) -> str:
    """One run as people read it."""
    cost = "" if row["cost"] is None else f"{row['cost']:+.2f}"
    figures = f"{row['energy']:9.2f} {row['possible']:9.2f} {row['of_it']:9.2f} {cost:>8}"
    return f"{row['site']:8} {row['week']:11} {row['run']:24} {figures}"


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """Mean, worst and best of each kind of run over all weeks of each site."""
    lines = []
    for site, run in dict.fromkeys((row["site"], row["run"]) for row in rows):
        same = [row for row in rows if (row["site"], row["run"]) == (site, run)]
        of_it, cost = [row["of_it"] for row in same], [row["cost"] for row in same if row["cost"] is not None]
        parts = [
            f"{what} mean {sum(values) / len(values):.2f} %, {min(values):.2f} … {max(values):.2f}"
            for what, values in (("of the possible energy", of_it), ("cost above the least", cost))
            if values
        ]
        lines.append(f"{site:8} {run:24} {len(same)} weeks: {'; '.join(parts)}")
    return "\n".join(lines)


def main() -> None:
    """Print the runs of a week, as each is ready, then all weeks together."""
    parser = argparse.ArgumentParser(description="Congested weeks beside the clairvoyant optimum.")
    parser.add_argument("--sites", default=",".join(SITES), help=f"some of {', '.join(SITES)}")
    parser.add_argument("--weeks", default="0,2,4,6", help="counted from the first")
    parser.add_argument("--days", type=int, default=7, help="of each week, from its Monday on")
    parser.add_argument("--runs", default=RUNS, help=f"as {RUNS}")
    parser.add_argument("--root", type=int, help="ampere per phase of the grid connection")
    parser.add_argument("--workers", type=int, help="processes at once")
    parser.add_argument("--json", type=Path, help="append a line for each run to this file")
    options = parser.parse_args()
    print(COLUMNS, flush=True)
    rows: list[dict[str, Any]] = []
    for name in options.sites.split(","):
        sessions = read_sessions(recorded(f"{name}_2019-05-01_2019-08-31.csv.gz"))
        with tempfile.TemporaryDirectory() as folder:
            site = wye_tree(Path(folder), list(sessions.stations()), options.root or SITES[name])
        for number in map(int, options.weeks.split(",")):
            found = week(site, sessions, number, options.days, runs_in(options.runs), options.workers)
            made = rows_of(name, number, found)
            rows += made
            print("\n".join(map(line, made)), flush=True)
            if options.json:
                with options.json.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(row) + "\n" for row in made)
    print(summary(rows))


if __name__ == "__main__":
    main()
