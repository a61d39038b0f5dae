"""The daemon as a process, on real sockets, with a real database, against the same virtual site.

Real time is needed here: only a process can be killed, only the kernel drops its sockets, only a file shows what was
on disk at that moment, and only signals tell whether they are heard. Everything else is in virtual time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ems.runtime.clock import SystemClock
from ems.settings.build import SiteSettings
from ems.sim.virtual_meter import MeterFault
from ems.sim.virtual_site import SitePlan, VirtualSite
from tests.ports import free_ports
from tests.system.judge import Judge
from tests.system.sites import OUTLETS, busy, settings_of

QUICK = """
policy: {lease_s: 120, raise_every_s: 1, raise_hold_s: 1, raise_step_a: 20, min_on_s: 10, min_off_s: 1, rotation_s: 60,
         restart_hold_s: 3, hold_s: 2, cautious_s: 3, fallback_s: 5, steady_s: 3}
"""
PATIENCE_S = 25.0

pytestmark = pytest.mark.timeout(150)
"""Each test waits for several things in turn, and a busy machine takes longer."""


class Process:
    """`ems run` on a folder."""

    def __init__(self, settings: SiteSettings, state_dir: Path) -> None:
        self.settings, self.state_dir, self.folder = settings, state_dir, settings.path.parent
        self.log = self.folder / "log.txt"
        self._running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        environment = {**os.environ, "EMS_STATE_DIR": str(self.state_dir)}
        for name in ("EMS_SITE", "EMS_HTTP_PORT", "EMS_OCPP_PORT", "EMS_DATABASE"):
            environment.pop(name, None)
        with self.log.open("ab") as log:
            self._running = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ems", "run", str(self.folder), env=environment, stdout=log, stderr=log
            )

    async def signal(self, number: signal.Signals) -> int | None:
        """Send a signal; if it ends the process, its exit code."""
        assert self._running is not None
        self._running.send_signal(number)
        if number is signal.SIGHUP:
            return None
        async with asyncio.timeout(PATIENCE_S):
            return await self._running.wait()

    @property
    def is_alive(self) -> bool:
        return self._running is not None and self._running.returncode is None

    async def state(self) -> dict[str, Any] | None:
        """`/api/v1/state`, None while there is none."""

        def get() -> dict[str, Any] | None:
            try:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{self.settings.web.port}/api/v1/state", timeout=2
                ) as page:
                    return dict(json.load(page))
            except OSError:
                return None

        return await asyncio.to_thread(get)

    async def ready(self) -> None:
        """Wait until it answers."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if await self.state() is not None:
                    return
                await asyncio.sleep(0.2)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What is on disk, for somebody who looks from outside."""
        with contextlib.closing(sqlite3.connect(f"file:{self.state_dir / 'ems.sqlite3'}?mode=ro", uri=True)) as reader:
            return reader.execute(query).fetchall()


class Yard:
    """A site in real time: the world, the process that controls it, and the judge."""

    def __init__(self, world: VirtualSite, process: Process) -> None:
        self.world, self.process = world, process
        self.judge = Judge(world)
        self.judge.out_of_reach = lambda: () if process.is_alive else tuple(world.stations)
        self.judge.condition = lambda: (process.is_alive, [s.link.is_up for s in world.stations.values()])

    async def watch(self) -> None:
        while True:
            self.judge.look()
            await asyncio.sleep(1.0)

    def amps(self) -> dict[str, float]:
        """What every vehicle draws per leg."""
        return {e.id: max(self.world.stations[e.station].leg_amps(e.number)) for e in self.world.site.evses}

    def transactions(self) -> set[int]:
        """Their ids, as stations know them."""
        running = [c.transaction for s in self.world.stations.values() for c in s.connectors.values()]
        return {transaction.id for transaction in running if transaction is not None and transaction.id is not None}

    async def until(self, what: Callable[[], bool]) -> None:
        """Wait for something; fails when it does not come."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if what():
                    return
                await asyncio.sleep(0.1)

    async def shows(self, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the process says something; fails when it does not."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                state = await self.process.state()
                if state is not None and what(state):
                    return state
                await asyncio.sleep(0.2)

    async def under_load(self) -> None:
        """Everybody is connected and charges, together about as much as there is."""
        await self.until(lambda: len(self.transactions()) == len(self.amps()))
        await self.until(lambda: min(self.amps().values()) >= 6 and sum(self.amps().values()) >= 45)


@asynccontextmanager
async def yard(folder: Path) -> AsyncIterator[Yard]:
    """Six stations and a meter that call a process which runs already."""
    ocpp, web, meter = free_ports(3)
    site, state = folder / "site", folder / "state"
    site.mkdir()
    (site / "stations").mkdir()
    (site / "stations" / "lively.yaml").write_text("{sample_interval_s: 2, apply_s: 4}\n")
    models = dict.fromkeys(OUTLETS["garage"], "lively")
    settings = settings_of("garage", site, models=models, policy=QUICK, ports=(ocpp, web, meter))
    process = Process(settings, state)
    await process.start()
    await process.ready()
    units = {connection.id: connection.unit for connection in settings.meters}
    plan = SitePlan(f"ws://127.0.0.1:{ocpp}/ocpp", units, meter_port=meter, step_s=0.5)
    world = VirtualSite(settings.site, busy(settings.site, (0.0, 10.0), every_s=0.5), plan, SystemClock())
    there = Yard(world, process)
    tasks = [asyncio.create_task(world.run()), asyncio.create_task(there.watch())]
    try:
        yield there
        assert there.judge.faults == []
    except BaseException:
        print(process.log.read_text()[-4000:])
        raise
    finally:
        if process.is_alive:
            await process.signal(signal.SIGKILL)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_killed_under_load_started_again_and_told_to_stop(tmp_path: Path) -> None:
    """Killed: transactions keep their ids and sessions their energy, and stations their limits. Told to stop: everybody
    is at the fallback within seconds, the exit code is 0 and the database has a goodbye.
    """

    async def story() -> None:
        async with yard(tmp_path) as there:
            process = there.process
            await there.under_load()
            before, drawn = there.transactions(), there.amps()
            await process.signal(signal.SIGKILL)
            assert {row[0] for row in process.rows("SELECT id FROM transaction_log WHERE ended IS NULL")} == before
            energies = dict(process.rows("SELECT evse, energy_wh FROM session WHERE unplugged IS NULL"))
            assert set(energies) == set(drawn)
            await asyncio.sleep(2)
            assert min(there.amps().values()) >= 6
            await process.start()
            await there.until(lambda: all(s.link.is_up for s in there.world.stations.values()))
            state = await there.shows(lambda s: "offline" not in {e["reason"]["binding"] for e in s["evses"]})
            assert all(evse["session"]["energy_wh"] >= energies[evse["id"]] for evse in state["evses"])
            await there.under_load()
            assert there.transactions() == before
            assert process.rows("SELECT COUNT(*) FROM transaction_log") == [(len(before),)]
            assert await process.signal(signal.SIGTERM) == 0
            await there.until(lambda: set(there.amps().values()) == {6.0})
            assert process.rows("SELECT COUNT(*) FROM start WHERE ended IS NULL") == [(1,)]

    asyncio.run(story())


def test_the_meter_goes_away_and_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    """The server of the meter is gone, everybody falls back; a broken site.yaml is refused, a good one taken; the meter
    is back, and so is the current.
    """

    async def story() -> None:
        async with yard(tmp_path) as there:
            await there.under_load()
            unit = next(iter(there.world.plan.units.values()))
            there.world.meters.fail(unit, MeterFault.LOST)
            await there.until(lambda: set(there.amps().values()) == {6.0})
            file = there.process.settings.path
            text = file.read_text()
            file.write_text(text.replace("rating_a: 80", "rating_a: eighty"))
            await there.process.signal(signal.SIGHUP)
            await there.until(lambda: "site.reload-refused" in there.process.log.read_text())
            file.write_text(text + "\nlimits: [{name: works, circuit: grid, max_a: 60}]\n")
            await there.process.signal(signal.SIGHUP)
            await there.until(lambda: "site.reloaded" in there.process.log.read_text())
            there.world.meters.fail(unit, MeterFault.NONE)
            state = await there.shows(lambda s: s["mode"] == "normal" and s["circuits"][0]["limit_a"]["L1"] == 60)
            assert there.process.is_alive
            assert "works" in json.dumps(state["circuits"][0])
            await there.until(lambda: sum(there.amps().values()) > 40)

    asyncio.run(story())


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
