"""What planning costs the daemon: its ticks while a plan is solved, its event loop, and its memory when nobody plans.

The plan is made by the planner's process for a site of five hundred EVSEs, as the daemon asks for it. Times are
processor time of a thread, as in `tick`. A plan holds the event loop while the facts are gathered there, and as long as
the thread that asks keeps the interpreter to itself: while it packs the question, and between two of its pauses while
it reads the answer; the longest of these is what counts.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from ems.assembly.plan_wire import Answer, Question, decoded, encoded
from ems.assembly.planning import COMMAND, ChildPlanning, setup_of
from ems.domain.decision import Decision
from ems.domain.plan import Plan
from ems.domain.strategy import Strategy
from ems.planning.outlook import Outlook, outlook_of
from ems.runtime.child_process import ChildProcess
from ems.runtime.event_loop import tuned_loop
from ems.runtime.patience import Patience
from ems.settings.build import SiteSettings
from tests.bench.busy_site import BusySite
from tests.bench.centrals import layout
from tests.bench.child import Child
from tests.bench.daemon import HOST, running
from tests.bench.figure import Baseline, Figure, Measured, Rule
from tests.bench.process_usage import children, rss_mb
from tests.bench.site_folder import MeterPlace, write_site

MILLISECONDS = 1000.0
WARM_UP_S = 30
HELD_MS, IDLE_MB = 5.0, 40.0
SAME = 0.85
"""Ticks beside a solver: not slower than a sixth; what shares the caches of a machine is never quite unnoticed."""

MEMORY_STATIONS = 50
PATIENCE_S = 300.0
"""Processor time is what counts here, and the machine may be busy."""

PLANNED_S, IDLE_S = 90.0, 25.0


def measure(quick: bool = False) -> Iterator[Figure]:
    """The three figures."""
    tuned_loop()  # what else it does: the garbage collector works as in the daemon
    with TemporaryDirectory() as folder:
        evses = 100 if quick else 500
        settings = write_site(Path(folder), evses, MeterPlace(halls=False))
        yield from _times(settings, Path(folder), rounds=2 if quick else 3, evses=evses)
    yield _memory(10 if quick else MEMORY_STATIONS)


def _times(settings: SiteSettings, folder: Path, rounds: int, evses: int) -> Iterator[Figure]:
    world = BusySite(settings.site)
    world.state = replace(world.state, chosen=Strategy.CHEAPEST)
    for _ in range(WARM_UP_S):
        world.second()
        world.decide()
    setup, thread = setup_of(settings, folder / "none.sqlite3"), ThreadPoolExecutor(1)
    planning = ChildPlanning(setup, ChildProcess(COMMAND, "the planner"), Patience(PATIENCE_S, PATIENCE_S, PATIENCE_S))
    beside, alone, held, took = [], [], [], []
    try:
        for _ in range(rounds):
            decision, _ = world.decide()
            outlook, gathered_s = _gathered(world, decision)
            began = time.monotonic()
            asking = thread.submit(planning.plan, outlook)
            while not asking.done():
                beside.append(_tick_s(world))
            took.append(time.monotonic() - began)
            alone += [_tick_s(world) for _ in range(20)]
            held.append(max(gathered_s, *_in_thread_s(outlook, asking.result())))
    finally:
        planning.rest()
    yield Figure(
        f"tick while a plan is solved, {evses} EVSEs",
        "ms",
        Measured.of(beside, MILLISECONDS),
        Rule.TIMES_LESS,
        SAME,
        Baseline("the same while none is", Measured.of(alone, MILLISECONDS)),
        (f"{len(beside)} ticks beside {rounds} plans, which took {Measured.of(took).median:.1f} s each",),
    )
    yield Figure(
        f"event loop held by a plan, {evses} EVSEs",
        "ms",
        Measured.of(held, MILLISECONDS),
        Rule.AT_MOST,
        HELD_MS,
    )


def _tick_s(world: BusySite) -> float:
    world.second()
    return world.decide()[1].cpu_s


def _in_thread_s(outlook: Outlook, plan: Plan) -> Iterator[float]:
    """The stretches in which the thread that asks keeps the interpreter to itself."""
    began = time.thread_time()
    pickle.dumps(Question(1, 20.0, outlook, {}))
    yield time.thread_time() - began
    payload = encoded(Answer("", 1, "", plan))
    pauses = [time.thread_time()]
    with patch("ems.assembly.plan_wire.time.sleep", lambda _: pauses.append(time.thread_time())):
        decoded(payload, "", 1)
    pauses.append(time.thread_time())
    yield from (later - earlier for earlier, later in pairwise(pauses))


def _gathered(world: BusySite, decision: Decision) -> tuple[Outlook, float]:
    """The facts, and how long it took to gather them in the event loop."""
    began = time.thread_time()
    outlook = outlook_of(world.state, decision, world.memory.setpoints.appetite_a.tolist())
    return outlook, time.thread_time() - began


def _memory(stations: int) -> Figure:
    without, _ = _resident(stations, "{strategy: least-laxity}")
    idle, busy = _resident(stations, "{strategy: cheapest}")
    return Figure(
        "memory of the daemon with the planner idle, above without it",
        "MiB",
        Measured.of([max(0.1, idle - without)]),
        Rule.AT_MOST,
        IDLE_MB,
        None,
        (f"with all its children {idle:.0f} MiB; without it {without:.0f}; while it plans {busy:.0f}",),
    )


def _resident(stations: int, policy: str) -> tuple[float, float]:
    """Resident memory of a daemon and its children, with vehicles that charge: at the end, and at most."""
    with Child("station_farm") as farm, running(stations, farm.ask("meter", other_a=1.0)["port"], policy) as daemon:
        farm.ask("connect", host=HOST, port=daemon.ocpp_port, stations=layout(stations))
        farm.ask("report", every_s=10.0)
        most, now, begun, ended = 0.0, 0.0, "cheapest" not in policy, time.monotonic()
        deadline = time.monotonic() + PLANNED_S
        while time.monotonic() < deadline and not (begun and time.monotonic() - ended > IDLE_S / 2):
            time.sleep(0.5)
            planner = children(daemon.pid)
            now = rss_mb(daemon.pid) + sum(map(rss_mb, planner))
            most = max(most, now)
            if planner:
                begun, ended = True, time.monotonic()
    assert begun, f"no plan was asked for within {PLANNED_S:g} s"
    return now, most
