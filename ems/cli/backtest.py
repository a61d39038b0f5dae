"""The command that holds what was foreseen against what happened: backtest."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ems.cli.outcome import FINE, UsageError
from ems.cli.site import settings_to_read
from ems.sim.forecast_backtest import WARM_UP_DAYS, Row, as_json, as_table, backtest_load, backtest_pv
from ems.sim.recorded_series import SeriesFile, read_series
from ems.sim.session_backtest import backtest_sessions
from ems.sim.session_record import Rejected
from ems.sim.sessions import read_sessions

MOST_NAMED = 5


def backtest(options: argparse.Namespace) -> int:
    """So far of forecasts alone, which the first word says."""
    kind, *site = options.words
    if kind != "forecast" or len(site) > 1:
        raise UsageError("write `ems backtest forecast SITE`")
    return forecast(options, site[0] if site else None)


def forecast(options: argparse.Namespace, site: str | None) -> int:
    """Every forecast on recorded data, beside seasonal naive."""
    if not (options.sessions or options.building or options.pv):
        raise UsageError("name what to forecast: --sessions FILE, --building CSV or --pv CSV, or several of them")
    zone = settings_to_read(site).site.zone
    rows: list[Row] = []
    try:
        if options.building:
            rows += backtest_load(_told(read_series(options.building, zone)).series, zone)
        if options.pv:
            rows += backtest_pv(_told(read_series(options.pv, zone)).series)
        if options.sessions:
            file = read_sessions(options.sessions)
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
