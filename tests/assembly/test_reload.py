"""The site is read again while vehicles charge."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from ems.adapters.store.replay import replay
from ems.assembly.daemon import Daemon
from tests.assembly.charge_point import ChargePoint
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import alarms, evse, running

TIGHTER = "limits: [{name: contract, circuit: grid, max_a: 20}]\n"


@pytest.fixture
def site(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Installation:
    caplog.set_level(logging.INFO)
    return Installation.at(tmp_path)


@asynccontextmanager
async def charging(site: Installation, **ports: int) -> AsyncIterator[tuple[Daemon, ChargePoint]]:
    """A daemon, and a vehicle that has what it can take."""
    station = ChargePoint("CP-01")
    async with grid_meter(site.modbus), running(site, **ports) as daemon, station.connected(site.central):
        await station.start()
        await eventually(lambda: station.allowed_a == 32.0)
        await station.charge(500)
        yield daemon, station


def test_a_new_limit_holds_at_once_and_nothing_that_runs_is_lost(
    site: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with charging(site) as (daemon, station):
            before = daemon.settings.revision
            session = await eventually(lambda: evse(daemon, "CP-01/1").session)
            site.write(more=TIGHTER)
            daemon.reload()
            await eventually(lambda: station.allowed_a < 20.0)
            assert daemon.settings.revision != before
            after = evse(daemon, "CP-01/1").session
            assert after is not None
            assert (after.transaction, after.plugged) == (session.transaction, session.plugged)
            assert station.links == 1
            await station.charge(250)
            await eventually(lambda: (s := evse(daemon, "CP-01/1").session) and s.energy_wh == 750.0)

    asyncio.run(scenario())
    assert "site.changed limit new: contract: 20 A on grid (takes effect at once)" in caplog.text
    found = replay(site.state / "journal")
    assert (found.difference, found.missing, found.damage) == (None, 0, ()), "the journal knows of the reload"


def test_a_broken_file_changes_nothing_and_says_so(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with charging(site) as (daemon, station):
            before = daemon.settings
            site.write(("circuit: grid, fallback_a: 6", "circuit: gird, fallback_a: 6"), more=TIGHTER)
            daemon.reload()
            await eventually(lambda: f"site.reload-refused running={before.revision}" in caplog.text)
            ticks = daemon.live.version
            await eventually(lambda: daemon.live.version > ticks + 1)
            assert daemon.settings is before
            assert station.allowed_a == 32.0
            assert "site.yaml:7: the circuit 'gird' of station 'CP-01'" in alarms(daemon)["settings"].text
            site.write(more=TIGHTER)
            daemon.reload()
            await eventually(lambda: station.allowed_a < 20.0, what="the corrected file")

    asyncio.run(scenario())
    assert f"{site.file}:7: error:" in caplog.text


def test_what_needs_a_restart_waits_for_it(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with charging(site) as (daemon, station):
            site.write(("rating_a: 63", "rating_a: 80"), ("idle_a: 6", "idle_a: 0"))
            daemon.reload()
            await eventually(lambda: "site.reloaded" in caplog.text)
            assert daemon.live.state.site.circuits.root.rating_a == (63.0,) * 3
            await eventually(lambda: daemon.live.state.site.policy.idle_a == 0.0)
            assert station.allowed_a == 32.0

    asyncio.run(scenario())
    assert "site.changed circuit grid: rating_a 63 → 80 (needs a restart)" in caplog.text


def test_a_port_of_the_environment_is_no_difference(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    """It would say on every reload that the port changes with the next restart, which it does not."""
    (site.folder.parent / "other").mkdir()
    other = Installation.at(site.folder.parent / "other")

    async def scenario() -> None:
        async with running(site, ocpp_port=other.ocpp, web_port=other.web) as daemon:
            before = daemon.settings.revision
            daemon.reload()
            await eventually(lambda: "site.reloaded" in caplog.text)
            assert daemon.settings.revision == before

    asyncio.run(scenario())
    assert "site.changed" not in caplog.text


def test_a_new_password_is_asked_for_at_the_next_connect(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with running(site) as daemon:
            secret = site.folder / "secret"
            secret.write_text("correct-horse-battery")
            secret.chmod(0o600)
            site.write(("CP-01: {circuit: grid,", "CP-01: {circuit: grid, password_file: secret,"))
            daemon.reload()
            await eventually(lambda: "site.reloaded" in caplog.text)
            station = ChargePoint("CP-01")
            with pytest.raises(InvalidStatus, match="401"):
                await station.connected(site.central).__aenter__()
            async with station.connected(site.central, "correct-horse-battery"):
                assert "CP-01" in daemon.central.connections()

    asyncio.run(scenario())
    assert "station CP-01 needs a password now (takes effect at once)" in caplog.text


def test_a_file_that_takes_long_to_read_delays_no_tick(site: Installation, caplog: pytest.LogCaptureFixture) -> None:
    """A named pipe is the slowest of disks: it answers when somebody writes."""
    text, go = site.text() + TIGHTER, threading.Event()

    def answer() -> None:
        go.wait(4.0)
        site.file.write_text(text)

    async def scenario() -> None:
        async with running(site) as daemon:
            site.file.unlink()
            os.mkfifo(site.file)
            disk = threading.Thread(target=answer)
            disk.start()
            ticks, began = daemon.live.version, time.monotonic()
            daemon.reload()
            await eventually(lambda: daemon.live.version >= ticks + 2)
            assert time.monotonic() - began < 3.0
            assert "site.reloaded" not in caplog.text
            go.set()
            await eventually(lambda: "site.reloaded" in caplog.text)
            disk.join()

    asyncio.run(scenario())
    assert "loop.late" not in caplog.text
