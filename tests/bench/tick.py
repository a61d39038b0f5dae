"""The tick and the allocation within it, on a site whose state changes every second.

Measured is processor time of this thread: on a machine of its own that is what the clock shows, and on a busy one it is
the nearest to it. What the clock showed is in the notes.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ems.control import tick
from ems.control.allocation import Allocation
from ems.control.situation import Situation
from ems.domain.site import Site
from ems.runtime.event_loop import tuned_loop
from tests.bench.busy_site import BusySite, Took
from tests.bench.figure import Baseline, Figure, Measured, Rule
from tests.bench.plain_filling import plain_allocation
from tests.bench.site_folder import MeterPlace, write_site

MILLISECONDS = 1000.0
WARM_UP_S = 60
SAME_A = 1e-6
LIMITS_MS = {100: (3.0, 1.0), 1000: (30.0, 5.0)}
"""EVSEs to what the tick and the allocation alone may take."""


@dataclass(slots=True)
class _Watched:
    """What was seen of the allocation inside the ticks."""

    took_s: list[float] = field(default_factory=list)
    last: tuple[Situation, Allocation] | None = None


def measure(quick: bool = False) -> Iterator[Figure]:
    """The four figures: tick and allocation, at 100 and at 1000 EVSEs."""
    for evses, ticks in ((100, 30), (1000, 4)) if quick else ((100, 200), (1000, 80)):
        yield from _figures(evses, ticks, WARM_UP_S // 4 if quick else WARM_UP_S)


def _figures(evses: int, ticks: int, warm_up: int) -> Sequence[Figure]:
    tuned_loop()  # what else it does: the garbage collector works as in the daemon
    world = BusySite(_site(evses))
    ticked: list[Took] = []
    applied: list[float] = []
    plain: list[float] = []
    short = 0
    for _ in range(warm_up):
        world.second()
        world.decide()
    world.applied = 0
    gc.collect()
    with _watching() as watched:
        for _ in range(ticks):
            applied.append(world.second().cpu_s)
            _, took = world.decide()
            ticked.append(took)
            assert watched.last is not None
            situation, allocation = watched.last
            plain.append(_plainly(situation, allocation))
            short += int((allocation.bottleneck >= 0).sum())
    tick_ms, allocation_ms = LIMITS_MS[evses]
    events = world.applied / ticks
    by_clock = Measured.of((took.clock_s for took in ticked), MILLISECONDS)
    return (
        Figure(
            f"tick, {evses} EVSEs",
            "ms",
            Measured.of((took.cpu_s for took in ticked), MILLISECONDS),
            Rule.AT_MOST,
            tick_ms,
            Baseline("plain Python allocation alone", Measured.of(plain, MILLISECONDS)),
            (
                f"decide() alone, {ticks} ticks, by the clock {by_clock.median:.2f} ms; beside it"
                f" {Measured.of(applied, MILLISECONDS).median:.2f} ms to apply the {events:.0f} events of a second",
            ),
        ),
        Figure(
            f"allocation alone, {evses} EVSEs",
            "ms",
            Measured.of(watched.took_s, MILLISECONDS),
            Rule.AT_MOST,
            allocation_ms,
            Baseline("the same in plain Python, same result", Measured.of(plain, MILLISECONDS)),
            (f"{short / ticks:.0f} EVSEs kept short by a circuit, on {len(world.site.circuits)} circuits",),
        ),
    )


def _site(evses: int) -> Site:
    with TemporaryDirectory() as folder:
        return write_site(Path(folder), evses, MeterPlace()).site


@contextmanager
def _watching() -> Iterator[_Watched]:
    """Time every allocation where it happens, and keep the last with its question."""
    watched, allocate = _Watched(), tick.allocate

    def timed(at: Situation) -> Allocation:
        began = time.thread_time()
        found = allocate(at)
        watched.took_s.append(time.thread_time() - began)
        watched.last = (at, found)
        return found

    tick.allocate = timed
    try:
        yield watched
    finally:
        tick.allocate = allocate


def _plainly(at: Situation, allocation: Allocation) -> float:
    """How long plain Python takes; raises AssertionError when it comes to other currents."""
    began = time.thread_time()
    amps = plain_allocation(at)
    took = time.thread_time() - began
    worst = max(abs(a - b) for a, b in zip(amps, allocation.amps.tolist(), strict=True))
    assert worst < SAME_A, f"plain Python allocates differently, by up to {worst:g} A"
    return took
