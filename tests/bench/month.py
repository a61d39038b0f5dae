"""A month in the garage of 54 EVSEs, core only: recorded sessions where the data are there, made-up ones elsewhere.

The baseline is the same controller looking every second, as a plain simulation would do it, instead of only when
something may change: an hour of one morning, scaled, because a month of it takes hours. Measured is processor time of
this process, which computes all the time: on a machine of its own that is what the clock shows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from ems.domain.strategy import Strategy
from ems.settings.load import load
from ems.sim.core_run import CoreRun, Setup
from ems.sim.sessions import read_sessions
from ems.sim.simulate import Task, following, made_up_task, recorded_task, simulate
from tests.bench.child import CHECKOUT
from tests.bench.figure import Baseline, Figure, Measured, Rule

DAYS = 31
LIMIT_S = 60.0
RECORDED = "sessions/caltech_2019-05-01_2019-08-31.csv.gz"
MORNING_H, MORNING_S = 7, 3600.0
EVERY_S = 1.0
HOUR_S, DAY_S = 3600.0, 86_400.0


def measure(quick: bool = False) -> Iterator[Figure]:
    """The figure."""
    days, morning_s = (2, 600.0) if quick else (DAYS, MORNING_S)
    task = _task(days)
    began, clock = time.process_time(), time.perf_counter()
    result = simulate(task)
    took, by_clock = time.process_time() - began, time.perf_counter() - clock
    sparse, dense = _morning(task, morning_s)
    yield Figure(
        f"{days} days of {result.evses} EVSEs simulated",
        "s",
        Measured.of([took]),
        Rule.AT_MOST,
        LIMIT_S * days / DAYS,
        Baseline("looking every second, scaled from a morning", Measured.of([dense * days * DAY_S / morning_s])),
        (
            f"by the clock {by_clock:.0f} s; {result.sessions} sessions, {result.delivered_kwh:.0f} kWh,"
            f" {result.decisions} decisions, {result.overload_own_a:g} A overload of our own;"
            f" {task.notes[0] if task.notes else 'recorded sessions'}",
            f"{morning_s / HOUR_S:.2g} h of a morning: {sparse:.2f} s, and {dense:.1f} s when looking every second",
        ),
    )


def _task(days: int) -> Task:
    site = load("caltech").settings
    assert site is not None
    data = Path(os.environ.get("EMS_DATA_DIR") or CHECKOUT.parent / "shared" / "data") / RECORDED
    if not data.exists():
        return made_up_task(site.site, days=days)
    return recorded_task(site.site, read_sessions(data), days=days)


def _morning(task: Task, seconds: float) -> tuple[float, float]:
    """How long the second morning takes to simulate: as it is, and looking every second."""
    took = []
    begins = task.begins + timedelta(days=1, hours=MORNING_H)
    ends = begins + timedelta(seconds=seconds)
    visits = [v for v in task.placement.visits if v.record.departure > begins and v.record.arrival < ends]
    for look_s in (float("inf"), EVERY_S):
        run = CoreRun(following(task.site, Strategy.EQUAL), visits, begins, Setup(seed=task.seed, look_s=look_s))
        began = time.process_time()
        run.run(seconds)
        took.append(time.process_time() - began)
    return took[0], took[1]
