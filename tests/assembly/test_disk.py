"""A disk that takes nothing, or can only be read: control needs no disk."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.assembly.charge_point import ChargePoint
from tests.assembly.daemon_process import DaemonProcess, daemon_process
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import running

prlimit, setpriv = shutil.which("prlimit"), shutil.which("setpriv")
is_root = os.geteuid() == 0


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path)


async def works(site: Installation, station: ChargePoint, under: Sequence[str]) -> DaemonProcess:
    """A daemon whose disk is broken gives a vehicle all that it can take, and an alarm to people."""
    async with daemon_process(site, under=under) as daemon, station.connected(site.central):
        if station.transaction is None:
            await station.start()
        else:
            session = await daemon.shows(lambda evse: evse["session"])
            assert session["transaction"] == station.transaction, "remembered from when the disk could be read"
        await eventually(lambda: station.allowed_a == 32.0)
        await daemon.shows(lambda evse: evse["setpoint_a"] == 32.0)
        alarms = {alarm["key"]: alarm["text"] for alarm in (await daemon.picture())["alarms"]}
        assert "store" in alarms, alarms
    return daemon


@pytest.mark.skipif(prlimit is None, reason="prlimit (util-linux) is not installed")
def test_a_full_disk_at_the_start(site: Installation) -> None:
    async def scenario() -> None:
        async with grid_meter(site.modbus):
            daemon = await works(site, ChargePoint("CP-01"), [str(prlimit), "--fsize=0"])
        assert daemon.logged("site.yaml:1: warning: no copy of this revision could be kept"), daemon.log
        assert daemon.logged("journal.trouble"), daemon.log
        assert not daemon.logged("Traceback"), daemon.log

    asyncio.run(scenario())


@pytest.mark.skipif(is_root and setpriv is None, reason="root may write everywhere, and setpriv is not installed")
def test_a_state_folder_that_can_only_be_read_any_more(site: Installation) -> None:
    """A worn-out card: the system mounts it so, and the restart comes with the next power cut."""
    station = ChargePoint("CP-01")

    async def scenario() -> None:
        async with grid_meter(site.modbus):
            async with running(site), station.connected(site.central):
                await station.start()
            _let_nobody_write(site.state)
            daemon = await works(site, station, [str(setpriv), "--bounding-set=-dac_override"] if is_root else [])
        assert daemon.logged("state.not-writable"), daemon.log
        assert not daemon.logged("Traceback"), daemon.log

    asyncio.run(scenario())


def _let_nobody_write(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
