"""Congested weeks of two car parks on the wye tree: strategies beside the clairvoyant optimum.

python -m tests.bench.weeks [--site jpl|caltech] [--weeks 0,2,4,6] [--days 7] [--root AMPERE] [--json FILE]

It takes many minutes a week, so it is not one of the figures of `python -m tests.bench`. Prices: GB Agile 2019, hourly,
in the site's own time; a demand charge of 2.50 per kW and billing month, in full for each week; a kWh that is missing
counts 0.50.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

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
"""A Monday, a month after the first session: forecasts have something to learn from."""

RUNS = (
    ("equal", Knowledge.STATED),
    ("least-laxity", Knowledge.PERFECT),
    ("cheapest", Knowledge.PERFECT),
    ("cheapest", Knowledge.PREDICTED),
)


def week(site: Site, sessions: SessionFile, tariff: Tariff, number: int, days: int = 7) -> Backtest:
    """The back-test of the first `days` of a week, counted from `FIRST`."""
    begins = datetime.combine(FIRST + timedelta(weeks=number), time(), site.zone).astimezone(UTC)
    task = recorded_task(site, sessions, since=begins, days=days)
    return backtest(backtest_task(task, sessions, Beside(tariff)), RUNS)


def tariff_for(site: Site) -> Tariff:
    """Recorded prices and a demand charge."""
    path = recorded("caltech_2019-05-01_2019-08-31.csv.gz").parents[1] / "prices" / "gb_agile_regA_2019.csv"
    prices = read_prices(path, site.zone)
    return replace(
        priced_by(prices.series, site.currency, site.timezone), demand=(DemandCharge("peak", 2.5, interval_s=900),)
    )


def line(number: int, found: Backtest) -> str:
    """Energy gap in points and cost gap in per cent of every run."""
    begins = FIRST + timedelta(weeks=number)
    cells = [f"{begins}  possible {100 * found.most.service.share:5.2f} %"]
    for row in found.rows:
        cost = found.cost_gap(row)
        gap = "" if cost is None else f"{cost:+6.2f} %"
        ratio = 100 * row.service.share / found.most.service.share
        cells.append(f"{row.name}: {100 * row.service.share:5.2f} % ({ratio:6.2f} of possible), total {gap}")
    return "\n    ".join(cells)


def main() -> None:
    """Print a block per week, as each is ready."""
    parser = argparse.ArgumentParser(description="Congested weeks beside the clairvoyant optimum.")
    parser.add_argument("--site", choices=list(SITES), default="jpl")
    parser.add_argument("--weeks", default="0,2,4,6", help="counted from the first")
    parser.add_argument("--days", type=int, default=7, help="of each week, from its Monday on")
    parser.add_argument("--root", type=int, help="ampere per phase of the grid connection")
    parser.add_argument("--json", type=Path, help="append a line of figures for each week to this file")
    options = parser.parse_args()
    sessions = read_sessions(recorded(f"{options.site}_2019-05-01_2019-08-31.csv.gz"))
    with tempfile.TemporaryDirectory() as folder:
        site = wye_tree(Path(folder), list(sessions.stations()), options.root or SITES[options.site])
    tariff = tariff_for(site)
    for number in map(int, options.weeks.split(",")):
        found = week(site, sessions, tariff, number, options.days)
        print(line(number, found), flush=True)
        if options.json:
            rows = (found.most, found.cheapest, *found.rows)
            figures = {row.name: [row.service.share, row.total, row.costs] for row in rows}
            with options.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"site": options.site, "week": number, "runs": figures}) + "\n")


if __name__ == "__main__":
    main()
