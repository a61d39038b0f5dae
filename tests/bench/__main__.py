"""`python -m tests.bench`: measure every promised figure and print them in one table. Exit status 1 when one is missed.

python -m tests.bench                       all of them, in a quarter of an hour
python -m tests.bench tick plan             some of them (or --only tick --only plan)
python -m tests.bench --quick               a few seconds each: whether the bench works, not what the figures are
python -m tests.bench --json                for a machine
python -m tests.bench plan --markdown       as a table of the README
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from tests.bench import (
    charging_profiles,
    daemon_load,
    meter_jump,
    meter_values,
    month,
    plan,
    plan_week,
    planner,
    tick,
    web,
    web_live,
)
from tests.bench.figure import Figure
from tests.bench.table import as_markdown, as_table

Measure = Callable[[bool], Iterator[Figure]]

FIGURES: dict[str, Measure] = {
    "tick": tick.measure,
    "charging-profiles": charging_profiles.measure,
    "meter-values": meter_values.measure,
    "meter-jump": meter_jump.measure,
    "daemon-load": daemon_load.measure,
    "month": month.measure,
    "plan": lambda quick: chain(plan.measure(quick), plan_week.measure(quick)),
    "planner": planner.measure,
    "web": lambda quick: chain(web.measure(quick), web_live.measure(quick)),
}

MET, MISSED = 0, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and tell whether everything was reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the promised figures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure; all if none is named")
    parser.add_argument("--only", action="append", choices=list(FIGURES), metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="small and short: only whether the bench works")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--markdown", action="store_true", help="print a table as the README has it")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in FIGURES]:
        parser.error(f"nothing is named {', '.join(unknown)}: choose from {', '.join(FIGURES)}")
    began = time.monotonic()
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    for name in [*options.names, *(options.only or [])] or FIGURES:
        print(f"{time.monotonic() - began:5.0f} s  {name} …", file=sys.stderr, flush=True)
        try:
            figures += FIGURES[name](options.quick)
        except (RuntimeError, AssertionError, OSError, ValueError) as failed:
            failures[name] = f"{type(failed).__name__}: {failed}"
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "seconds": round(time.monotonic() - began),
    }
    if options.json:
        print(
            json.dumps({"machine": machine, "failures": failures, "figures": [f.as_data() for f in figures]}, indent=2)
        )
    else:
        print(as_markdown(figures) if options.markdown else as_table(figures))
        print("; ".join(f"{key} {value}" for key, value in machine.items()))
        for name, reason in failures.items():
            print(f"{name}: could not be measured: {reason}")
    return MET if not failures and all(figure.is_met for figure in figures) else MISSED


if __name__ == "__main__":
    sys.exit(main())
