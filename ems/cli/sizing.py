"""The command that an owner asks before buying a transformer: size."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ems.cli.backtest import task_of
from ems.cli.out_folder import make_folder, writing_to
from ems.cli.outcome import FINE, UsageError
from ems.cli.site import settings_to_read
from ems.sim.backtest_task import Knowledge
from ems.sim.simulate import STRATEGIES
from ems.sim.sizing import Sized, Sizing, as_table, compare, sizes
from ems.sim.sizing_picture import draw_sizes

MOST_SIZES, MOST_ADDED, MOST_A = 60, 1000, 1e5

AT_BEST = (
    "at best: as if all that happened had been known before; --strategy equal lets the controller serve, which falls "
    "somewhat short of that and takes minutes"
)


def size(options: argparse.Namespace) -> int:
    """Service and cost against the size of the connection and the number of EVSEs."""
    if options.strategy is not None and options.strategy not in STRATEGIES[1:]:
        raise UsageError(f"unknown strategy {options.strategy!r}: choose one of {', '.join(STRATEGIES[1:])}")
    if not options.sessions:
        raise UsageError("name the recorded sessions: --sessions FILE")
    settings = settings_to_read(options.site)
    wanted = sizes(_limits(options.limit) if options.limit else (), _added(options.add))
    if len(wanted) > MOST_SIZES:
        raise UsageError(f"{len(wanted)} sizes: name at most {MOST_SIZES}")
    try:
        sizing = Sizing(task_of(options, settings), options.strategy, Knowledge(options.departures))
    except (OSError, ValueError) as wrong:
        raise UsageError(str(wrong)) from None
    make_folder(options.out)
    found = compare(sizing, wanted)
    print(json.dumps([one.as_json() for one in found]) if options.json else as_table(found))
    if options.strategy is None and not options.json:
        print(AT_BEST)
    if options.out is not None:
        served = "at best" if options.strategy is None else f"strategy {options.strategy}"
        _write(options.out, found, f"{settings.site.name}, {served}")
        print(f"{options.out}: sizes.json and sizes.png", file=sys.stderr if options.json else sys.stdout)
    return FINE


def _limits(text: str) -> tuple[float, ...]:
    """'100:400:50': from 100 A per phase to 400 A in steps of 50; or single ones with commas."""
    wrong = UsageError(f"--limit {text}: write ampere per phase as 100:400:50, or 100,160,250")
    try:
        numbers = [float(part) for part in text.replace(":", ",").split(",")]
    except ValueError:
        raise wrong from None
    if ":" in text:
        if len(numbers) != 3 or not numbers[2] > 0.0 or not 0.0 <= numbers[1] - numbers[0] <= MOST_SIZES * numbers[2]:
            raise wrong
        first, last, step = numbers
        numbers = [first + step * k for k in range(int((last - first) / step + 1e-9) + 1)]
    if not all(0.0 < limit < MOST_A for limit in numbers):
        raise wrong
    return tuple(numbers)


def _added(text: str) -> tuple[int, ...]:
    """Numbers of EVSEs more, with none as the first."""
    if not all(part.strip().isdigit() and int(part) <= MOST_ADDED for part in text.split(",")):
        raise UsageError(f"--add {text}: write how many EVSEs more, for example 20, or 10,20")
    return tuple(sorted({0, *map(int, text.split(","))}))


def _write(folder: Path, found: tuple[Sized, ...], title: str) -> None:
    with writing_to(folder):
        (folder / "sizes.json").write_text(json.dumps([one.as_json() for one in found], indent=1) + "\n", "utf-8")
        draw_sizes(found, title, folder / "sizes.png")
