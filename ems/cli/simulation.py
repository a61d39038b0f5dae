"""The command that lets a site run in virtual time: simulate."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ems.cli.faults import faults_in
from ems.cli.out_folder import OTHER_NAME, make_folder, writing_to
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

OR_NONE = f"{OTHER_NAME}, or say --no-out"


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
    make_folder(options.out, OR_NONE)
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


def _write(folder: Path, site: Site, results: Sequence[SimulationResult]) -> None:
    with writing_to(folder, OR_NONE):
        write_result(folder / "result.json", results)
        for result in results:
            draw(site, result, folder / result.strategy if len(results) > 1 else folder)
