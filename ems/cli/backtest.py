"""The command that holds what was done and foreseen against what would have been best: backtest."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from ems.adapters.prices.price_file import read_prices
from ems.cli.out_folder import make_folder, writing_to
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.simulation import OVERLOAD_A
from ems.cli.site import day, settings_to_read
from ems.domain.energy.tariff import Tariff
from ems.domain.strategy import Strategy
from ems.settings.build import SiteSettings
from ems.settings.tariff import tariff_in
from ems.sim import backtest_report as report
from ems.sim.backtest import backtest as held_against_the_best
from ems.sim.backtest import combinations
from ems.sim.backtest_pictures import draw_backtest
from ems.sim.backtest_result import Backtest
from ems.sim.backtest_task import BacktestTask, Beside, Knowledge, backtest_task, priced_by
from ems.sim.forecast_backtest import WARM_UP_DAYS, Row, as_json, as_table, backtest_load, backtest_pv
from ems.sim.recorded_series import SeriesFile, read_series
from ems.sim.session_backtest import backtest_sessions
from ems.sim.session_record import Rejected
from ems.sim.sessions import read_sessions
from ems.sim.simulate import STRATEGIES, UNCONTROLLED
from ems.sim.simulation_task import recorded_task

MOST_NAMED = 5


def backtest(options: argparse.Namespace) -> int:
    """Strategies of a site beside the clairvoyant optimum; or, when the first word is `forecast`, forecasts."""
    kind, *site = options.words or [None]
    if kind == "forecast":
        if len(site) > 1:
            raise UsageError("write `ems backtest forecast SITE`")
        return forecast(options, site[0] if site else None)
    if site:
        raise UsageError("write `ems backtest SITE --sessions FILE` or `ems backtest forecast SITE`")
    return strategies(options, kind)


def strategies(options: argparse.Namespace, site: str | None) -> int:
    """The controller in virtual time, with each strategy and each kind of knowledge."""
    settings = settings_to_read(site)
    if not options.sessions:
        raise UsageError("name the recorded sessions: --sessions FILE")
    try:
        task = task_of(options, settings)
        runs = _runs(options, task)
        make_folder(options.out)
        found = held_against_the_best(task, runs, regret=True)
    except (OSError, ValueError) as wrong:
        raise UsageError(str(wrong)) from None
    print(json.dumps(report.as_json(found)) if options.json else report.as_table(found))
    if options.out is not None:
        _write(options.out, found)
        print(f"{options.out}: result.json and pictures", file=sys.stderr if options.json else sys.stdout)
    overloads = [row.result.overload_own_a for row in found.rows if row.result and row.strategy != UNCONTROLLED]
    return FINDING if max(overloads, default=0.0) > OVERLOAD_A else FINE


def _runs(options: argparse.Namespace, task: BacktestTask) -> tuple[tuple[str, Knowledge], ...]:
    """What is to be compared. Whoever charges from the sun alone needs one."""
    chosen = list(STRATEGIES) if options.strategy == "all" else options.strategy.split(",")
    if options.strategy == "all" and task.beside.generation_w is None:
        chosen.remove(Strategy.SOLAR)
    unknown = [name for name in chosen if name not in STRATEGIES]
    if unknown:
        raise UsageError(f"unknown strategy {unknown[0]!r}: choose all, {', '.join(STRATEGIES)}")
    kinds = options.departures.split(",")
    wrong = [name for name in kinds if name not in list(Knowledge)]
    if wrong:
        raise UsageError(f"unknown departures {wrong[0]!r}: choose some of {', '.join(Knowledge)}")
    return combinations(chosen, [Knowledge(name) for name in kinds])


def task_of(options: argparse.Namespace, settings: SiteSettings) -> BacktestTask:
    """What a command line names. Raises ValueError, OSError and UsageError."""
    site = settings.site
    if not 0.0 <= options.missing_per_kwh < math.inf:
        raise UsageError(f"--missing {options.missing_per_kwh:g}: write what a kWh counts that is missing, 0 or more")
    sessions = read_sessions(options.sessions, site.zone)
    _tell_rejected(options.sessions, sessions.rejected)
    task = recorded_task(
        site,
        sessions,
        days=options.days,
        since=day(options.since, site.zone) if options.since else None,
        seed=options.seed,
        map_unknown=options.map_unknown,
    )
    beside = Beside(
        tariff=_tariff(options, settings),
        building_w=_told(read_series(options.building, site.zone)).series if options.building else None,
        generation_w=_told(read_series(options.pv, site.zone)).series if options.pv else None,
    )
    return backtest_task(
        task, sessions, beside, map_unknown=options.map_unknown, missing_per_kwh=options.missing_per_kwh
    )


def _tariff(options: argparse.Namespace, settings: SiteSettings) -> Tariff | None:
    """The tariff of the site or of the file that is named, with the recorded prices in it."""
    site, tariff = settings.site, settings.tariff
    if options.tariff:
        tariff, found = tariff_in(options.tariff, site.currency, site.timezone)
        for finding in found:
            print(finding, file=sys.stderr)
        if tariff is None:
            raise UsageError(f"{options.tariff} is no tariff")
    if not options.prices:
        return tariff
    prices = read_prices(options.prices, site.zone)
    for problem in prices.findings[:MOST_NAMED]:
        print(f"{options.prices}: {problem}", file=sys.stderr)
    if not prices.is_usable:
        raise UsageError(f"{options.prices} holds no prices")
    if tariff is None:
        return priced_by(prices.series, site.currency, site.timezone)
    names = sorted(tariff.series_names)
    if len(names) != 1:
        which = f"follows several series ({', '.join(names)})" if names else "follows no series"
        raise UsageError(f"the tariff '{tariff.name}' {which}: --prices is for one that follows one")
    return tariff.with_series(names[0], prices.series)


def _write(folder: Path, found: Backtest) -> None:
    with writing_to(folder):
        report.write_backtest(folder / "result.json", found)
        draw_backtest(found, folder)


def forecast(options: argparse.Namespace, site: str | None) -> int:
    """Every forecast on recorded data, beside seasonal naive."""
    if not (options.sessions or options.building or options.pv):
        raise UsageError("name what to forecast: --sessions FILE, --building CSV or --pv CSV, or several of them")
    known = settings_to_read(site).site
    zone = known.zone
    rows: list[Row] = []
    try:
        if options.building:
            series = _told(read_series(options.building, zone)).series
            days = len(series.mean_w) * series.step_s // 86_400 + 1
            rows += backtest_load(series, zone, known.holidays.around(series.begins.astimezone(zone).date(), 0, days))
        if options.pv:
            rows += backtest_pv(_told(read_series(options.pv, zone)).series)
        if options.sessions:
            file = read_sessions(options.sessions, zone)
            _tell_rejected(options.sessions, file.rejected)
            rows += backtest_sessions(file.records, zone)
    except ValueError as wrong:
        raise UsageError(str(wrong)) from None
    if not any(row.count for row in rows):
        print(f"nothing could be scored: that begins {WARM_UP_DAYS} days after the first row", file=sys.stderr)
    print(json.dumps([as_json(row) for row in rows]) if options.json else as_table(rows))
    return FINE


def _told(file: SeriesFile) -> SeriesFile:
    print(f"{file.name}: times are {file.clock}", file=sys.stderr)
    _tell_rejected(Path(file.name), file.rejected)
    return file


def _tell_rejected(path: Path, rejected: Sequence[Rejected]) -> None:
    for one in rejected[:MOST_NAMED]:
        print(f"{path}: {one.where}: {one.reason}", file=sys.stderr)
    if len(rejected) > MOST_NAMED:
        print(f"{path}: {len(rejected)} rows in all were left out", file=sys.stderr)
