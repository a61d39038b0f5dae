"""What many who look cost: pages of two hundred EVSEs, a change of status on its way to twenty browsers, and the
control tick while fifty look and somebody exports.

The daemon runs in this process, on real sockets, with a meter and its stations in another and everybody who looks in a
third. Times of pages are processor time of the daemon, less what it uses meanwhile without them; those of changes are
by the clock. A tick is processor time of its thread, so that others on the machine do not count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from ems.assembly.daemon import Daemon
from ems.assembly.opening import DATABASE
from ems.domain.decision import Decision
from ems.runtime.event_loop import tuned_loop
from ems.runtime.loop import Core
from ems.settings.load import load
from tests.assembly.patience import eventually
from tests.bench import year
from tests.bench.centrals import layout
from tests.bench.child import Child
from tests.bench.daemon import HOST, _free_port
from tests.bench.figure import Baseline, Figure, Measured, Rule
from tests.bench.process_usage import whole_s
from tests.bench.site_folder import MeterPlace, write_site

EVSES, STREAMS, WATCHERS = 200, 20, 50
PAGE_MS, PAGE_KB, DRIVER_KB, CHANGE_S, REPORT_S = 100.0, 250.0, 100.0, 1.0, 1.0
SAME = 1 / 1.2
"""Within 20 %."""

TURNS = 4
"""Of watching and not watching, so that a slow minute of the machine falls on both; with 120 ticks on either side one
freak is not yet the p99.
"""

PATHS = ("/", "/overview", "/stations", "/plan")


def measure(quick: bool = False) -> Iterator[Figure]:
    """Pages, changes, ticks and the report of a month."""
    evses, times, window_s = (20, 3, 5.0) if quick else (EVSES, 10, 60.0)
    with TemporaryDirectory() as name, asyncio.Runner(loop_factory=tuned_loop()) as runner:
        yield from runner.run(_site(Path(name), evses, times, window_s))
    with TemporaryDirectory() as name, asyncio.Runner(loop_factory=tuned_loop()) as runner:
        yield runner.run(_report(Path(name), *((30, 8, 2) if quick else (year.DAYS, year.EVSES, 5))))


@asynccontextmanager
async def daemon_of(folder: Path) -> AsyncIterator[tuple[Daemon, int, int]]:
    """A daemon of the site in a folder, with its ports for stations and for the page."""
    loaded = load(folder / "site")
    assert loaded.settings is not None, loaded.findings
    ocpp_port, web_port = _free_port(), _free_port()
    daemon = Daemon.of(loaded.settings, folder / "state", ocpp_port=ocpp_port, web_port=web_port)
    stop = asyncio.Event()
    working = asyncio.create_task(daemon.run(stop))
    try:
        await eventually(
            lambda: daemon.live.version > 0 and daemon.product.web.port > 0, what="a first tick and a page"
        )
        yield daemon, ocpp_port, web_port
    finally:
        stop.set()
        await working


async def asked(child: Child, command: str, **arguments: Any) -> dict[str, Any]:
    """What became of a command, while the daemon goes on."""
    return await asyncio.to_thread(child.ask, command, 180.0, **arguments)


class Ticks:
    """How long each tick of the core takes, processor time of its thread, seconds."""

    def __init__(self) -> None:
        self.took: list[float] = []
        original = Core.tick

        def timed(core: Core, *told: Any) -> Decision:
            began = time.thread_time()
            decision = original(core, *told)
            self.took.append(time.thread_time() - began)
            return decision

        self.patched = patch.object(Core, "tick", timed)

    async def watch(self, seconds: float) -> list[float]:
        """Ticks of so many seconds."""
        self.took.clear()
        await asyncio.sleep(seconds)
        return list(self.took)


def p99(samples: list[float]) -> float:
    """Of a hundred the longest but one."""
    return sorted(samples)[max(0, -(-99 * len(samples) // 100) - 1)]


async def _site(folder: Path, evses: int, times: int, window_s: float) -> list[Figure]:
    ticks, figures = Ticks(), []
    with Child("station_farm") as farm, Child("web_visitors") as visitors, ticks.patched:
        meter = await asked(farm, "meter", other_a=1.0 * evses)
        write_site(folder / "site", evses, MeterPlace(meter["port"], halls=False))
        async with daemon_of(folder) as (daemon, ocpp_port, port):
            await asyncio.sleep(1.0)  # stations are listened to a little later than the page
            others = [one for one in layout(evses) if one[0] != "CP-0000"]
            await asked(farm, "connect", host=HOST, port=ocpp_port, stations=others)
            await asked(farm, "report", every_s=10.0)
            await asyncio.sleep(window_s / 3)
            for what, path in (("overview page", "/overview"), ("live page", "/")):
                figures += await _page(visitors, port, path, f"{what}, {evses} EVSEs", times)
            slug = next(iter(daemon.product.drivers.desk.stickers)).slug
            told = await asked(visitors, "pages", port=port, path=f"/c/{slug}", times=2)
            figures.append(_size("page of a driver, with all that it is made of", told, DRIVER_KB))
            await asked(visitors, "open", port=port, streams=STREAMS)
            changed = await asked(visitors, "change", ocpp_port=ocpp_port, station="CP-0000", times=times)
            what = f"status changes at a station until it is in {STREAMS} event streams"
            figures.append(Figure(what, "s", Measured.of(changed["seconds"]), Rule.AT_MOST, CHANGE_S))
            await asked(visitors, "leave")
            figures.append(await _ticks(ticks, visitors, port, window_s))
    return figures


async def _page(visitors: Child, port: int, path: str, what: str, times: int) -> list[Figure]:
    await asked(visitors, "pages", port=port, path=path, times=2)
    idle = await _idle_share()
    took: list[float] = []
    told: dict[str, Any] = {}
    for _ in range(3):
        began, worked = time.perf_counter(), time.process_time()
        told = await asked(visitors, "pages", port=port, path=path, times=times)
        rest = idle * (time.perf_counter() - began)
        took.append(max(0.0, time.process_time() - worked - rest) / times)
    by_clock = 1000 * sorted(told["seconds"])[len(told["seconds"]) // 2]
    note = f"by the clock {by_clock:.0f} ms"
    page = Figure(f"{what}, warm", "ms", Measured.of(took, 1000.0), Rule.AT_MOST, PAGE_MS, notes=(note,))
    return [page, _size(f"{what}: over the wire without the chart library", told, PAGE_KB)]


async def _idle_share() -> float:
    """How much of a core the daemon uses while nobody looks."""
    began, worked = time.perf_counter(), time.process_time()
    await asyncio.sleep(3.0)
    return (time.process_time() - worked) / (time.perf_counter() - began)


def _size(what: str, told: dict[str, Any], most_kb: float) -> Figure:
    note = f"{told['parts']} files besides the page, compressed as they come"
    return Figure(what, "kB", Measured.of([told["bytes"] / 1000]), Rule.AT_MOST, most_kb, notes=(note,))


async def _ticks(ticks: Ticks, visitors: Child, port: int, window_s: float) -> Figure:
    alone, watched = [], []
    for _ in range(TURNS):
        alone += await ticks.watch(window_s / 2)
        await asked(visitors, "open", port=port, streams=WATCHERS)
        export = "/api/v1/audit?limit=500"
        await asked(visitors, "busy", port=port, readers=WATCHERS, paths=list(PATHS), export=export)
        watched += await ticks.watch(window_s / 2)
        answers = (await asked(visitors, "answered"))["answers"]
        await asked(visitors, "leave")
        await asyncio.sleep(2.0)
    return Figure(
        f"control tick under {WATCHERS} open pages and an export: p99",
        "ms",
        Measured.of([p99(watched)], 1000.0),
        Rule.TIMES_LESS,
        SAME,
        Baseline("the same while nobody looks", Measured.of([p99(alone)], 1000.0)),
        (
            f"{len(watched)} and {len(alone)} ticks in turn, medians {_ms(watched)} and {_ms(alone)}",
            f"{answers / (window_s / 2):.0f} pages and exports a second beside {WATCHERS} streams",
        ),
    )


def _ms(samples: list[float]) -> str:
    return f"{1000 * median(samples):.1f} ms"


async def _report(folder: Path, days: int, evses: int, times: int) -> Figure:
    text = ["site: {name: Year, timezone: Europe/Berlin}", "circuits:", "  grid: {rating_a: 1000, base_load_max_a: 20}"]
    text.append("stations:")
    outlet = "{1: {max_a: 32, phases: L1 L2 L3}}"
    text += [f"  CP-{k + 1:02d}: {{circuit: grid, fallback_a: 6, evses: {outlet}}}" for k in range(evses)]
    for name in ("site", "state"):
        (folder / name).mkdir()
    (folder / "site" / "site.yaml").write_text("\n".join([*text, "ocpp: {host: 127.0.0.1}", ""]))
    made = await asyncio.to_thread(year.build, folder / "state" / DATABASE, days, evses)
    took: list[float] = []
    seconds: list[float] = []
    with Child("web_visitors") as visitors:
        async with daemon_of(folder) as (_, _, port):
            for k in range(times):
                month = f"{2025 + (10 + k) // 12}-{(10 + k) % 12 + 1:02d}"
                began = whole_s()
                told = await asked(visitors, "pages", port=port, path=f"/reports?month={month}", times=1)
                took.append(whole_s() - began)
                seconds += told["seconds"]
    return Figure(
        f"report of a month, of {made.sessions} sessions in {days} days",
        "s",
        Measured.of(took),
        Rule.AT_MOST,
        REPORT_S,
        notes=(f"by the clock {median(seconds):.1f} s, each month for the first time",),
    )
