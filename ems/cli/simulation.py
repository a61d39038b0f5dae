"""The command that lets a site run in virtual time: simulate."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ems.cli.faults import faults_in
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import day, settings_to_read
from ems.domain.site import Site
from ems.sim.pictures import draw
from ems.sim.sessions import read_sessions
from ems.sim.simulate import STRATEGIES, simulate_all
from ems.sim.simulation_result import SimulationResult, as_table, write_result
from ems.sim.simulation_task import A_WEEK, Task, made_up_task, recorded_task

OVERLOAD_A = 0.05
"""More than this, by our own decisions, is a finding."""


def simulate(options: argparse.Namespace) -> int:
    """Virtual time, core only."""
    site = settings_to_read(options.site).site
    chosen = list(STRATEGIES) if options.strategy == "all" else [options.strategy]
    unknown = [name for name in chosen if name not in STRATEGIES]
    if unknown:
        raise UsageError(f"unknown strategy {unknown[0]!r}: choose all, {', '.join(STRATEGIES)}")
    try:
        task = _task(options, site)
    except (OSError, ValueError) as wrong:
        raise UsageError(str(wrong)) from None
    if options.out is not None:
        _make(options.out)
    results = simulate_all(task, chosen, regret=options.out is not None)
    print(json.dumps([r.as_json() for r in results]) if options.json else as_table(results))
    if options.out is not None:
        _write(options.out, site, results)
        print(f"{options.out}: result.json and pictures", file=sys.stderr if options.json else sys.stdout)
    return FINDING if any(r.overload_own_a > OVERLOAD_A for r in results if r.strategy != STRATEGIES[0]) else FINE


def _task(options: argparse.Namespace, site: Site) -> Task:
    faults = faults_in(options.faults, site) if options.faults else None
    if not options.sessions:
        if options.since or options.map_unknown:
            unused = "--from" if options.since else "--map-unknown"
            raise UsageError(f"{unused} is for recorded sessions: name their file with --sessions")
        return made_up_task(site, days=options.days or A_WEEK, seed=options.seed, faults=faults)
    return recorded_task(
        site,
        read_sessions(options.sessions, site.zone),
        days=options.days,
        since=day(options.since, site.zone) if options.since else None,
        seed=options.seed,
        map_unknown=options.map_unknown,
        faults=faults,
    )


def _make(folder: Path) -> None:
    """Before the work, so that an hour of it is not lost to a wrong name."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as failed:
        raise UsageError(_unwritable(folder, failed)) from None


def _unwritable(folder: Path, failed: OSError) -> str:
    return f"cannot write to {folder}: {failed.strerror}; name another folder with --out, or say --no-out"


def _write(folder: Path, site: Site, results: Sequence[SimulationResult]) -> None:
    try:
        write_result(folder / "result.json", results)
        for result in results:
            draw(site, result, folder / result.strategy if len(results) > 1 else folder)
    except OSError as failed:
        raise UsageError(_unwritable(folder, failed)) from None
