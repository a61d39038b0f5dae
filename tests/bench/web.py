"""What people look at, made from a year of 54 EVSEs: the page of sessions with a filter, and the year as a CSV.

The database is a real one, made up from a fixed seed (`year.py`); the application is the real one, asked without a
socket. Measured is processor time, of all threads and of the process that makes the file: on a machine of its own that
is what the clock shows, which is told beside it, as is for how long the event loop was held.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx2

from ems.adapters.store.recovery import Recovered
from ems.adapters.web.app import WebOptions
from ems.adapters.web.route import Router
from ems.assembly.sessions import session_ways
from ems.domain.access.account import LoginRule
from tests.adapters.web.office import Office
from tests.bench import year
from tests.bench.figure import Figure, Measured, Rule
from tests.bench.process_usage import whole_s
from tests.bench.web_report import report_figure, report_routes

PAGE_MS, CSV_S = 200.0, 5.0
TURNS = 9
LOOK_S = 0.005
SPAN = "from=2025-11-01&last=2026-10-31"
FILTERS = {
    "one station": f"/sessions?{SPAN}&where=station:CP-07",
    "one tag": f"/sessions?{SPAN}&tag=04000011",
    "a group, by energy": f"/sessions?{SPAN}&group=fleet&sort=energy",
    "half of all in a group, by cost": f"/sessions?{SPAN}&group=staff&sort=cost",
    "how they ended, by time plugged in": f"/sessions?{SPAN}&ended_by=Local&sort=duration",
    "how they were paid, by energy": f"/sessions?{SPAN}&payment=none&sort=energy",
    "no filter": f"/sessions?{SPAN}",
}


class Timed(NamedTuple):
    """Seconds of processor time and by the clock of each turn, bytes of the answer, and how long the event loop was
    held at most meanwhile.
    """

    took: list[float]
    by_clock: list[float]
    size: int
    held_s: float


class Yard(Office):
    """An office on the day after the year."""

    today: datetime

    def open(self) -> None:
        self.scene.instant = replace(self.scene.instant, utc=self.today)
        super().open()

    def ways(self, _recovered: Recovered) -> tuple[Router, ...]:
        path = self.store.database.path
        assert path is not None
        reports = report_routes(self.store, self.scene)
        return (*session_ways(self.store, path, self.scene, self.scene, self.operations), *reports)

    def timed(self, path: str, turns: int) -> Timed:
        """Ask for a path several times."""
        return self._runner.run(_timed(self, path, turns))


def measure(quick: bool = False) -> Iterator[Figure]:
    """The figures."""
    days, evses, turns = (30, 8, 2) if quick else (year.DAYS, year.EVSES, TURNS)
    with tempfile.TemporaryDirectory() as folder:
        made = year.build(Path(folder) / "ems.db", days, evses)
        Yard.today = made.end + timedelta(hours=9)
        with Yard(Path(folder), WebOptions(login=LoginRule.LOOPBACK_FREE)) as yard:
            yield from _pages(yard, made, turns)
            yield _csv(yard, made, min(turns, 3))
            yield report_figure(yard, min(turns, 6))


def _pages(yard: Yard, made: year.Year, turns: int) -> Iterator[Figure]:
    yard.timed(FILTERS["one tag"], 1)
    for what, path in FILTERS.items():
        told = yard.timed(path, turns)
        yield Figure(
            f"page of sessions, {made.sessions} of a year, {what}",
            "ms",
            Measured.of(told.took, 1000.0),
            Rule.AT_MOST,
            PAGE_MS,
            notes=(
                f"by the clock {1000 * median(told.by_clock):.0f} ms; {told.size / 1000:.0f} kB of HTML before it is"
                " compressed",
            ),
        )


def _csv(yard: Yard, made: year.Year, turns: int) -> Figure:
    told = yard.timed(f"/api/v1/exports/sessions?from=2025-11-01&to={made.end:%Y-%m-%d}T23:00:00Z", turns)
    return Figure(
        f"CSV of the year, {made.sessions} sessions",
        "s",
        Measured.of(told.took),
        Rule.AT_MOST,
        CSV_S,
        notes=(
            f"by the clock {median(told.by_clock):.1f} s, nice and beside others; {told.size / 1e6:.1f} MB;"
            f" the event loop was held for {1000 * told.held_s:.1f} ms at most",
        ),
    )


async def _timed(yard: Yard, path: str, turns: int) -> Timed:
    took: list[float] = []
    by_clock: list[float] = []
    size, held = 0, [0.0]
    watch = asyncio.create_task(_watch(held))
    transport = httpx2.ASGITransport(app=yard.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080", timeout=120) as client:
        for _ in range(turns):
            began, worked = time.perf_counter(), whole_s()
            answer = await client.get(path)
            by_clock.append(time.perf_counter() - began)
            took.append(whole_s() - worked)
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:200]}")
            size = len(answer.content)
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    return Timed(took, by_clock, size, held[0])


async def _watch(held: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(LOOK_S)
        held[0] = max(held[0], time.perf_counter() - began - LOOK_S)
