"""The systemd unit: what systemd says of it, and a real daemon under a service manager's eyes."""

from __future__ import annotations

import asyncio
import ctypes
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ems.adapters.store.writer import CLOSE_S
from ems.adapters.web.server import STOP_S
from ems.assembly.planner_worker import NICER
from ems.control.tick import TICK_S
from ems.runtime.farewell import CUTS_S, RAISES_S
from ems.runtime.loop import STALLED_S
from tests.assembly.charge_point import ChargePoint
from tests.assembly.daemon_process import daemon_process
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.bench.process_usage import children
from tests.config import confined, unit_file

analyze = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(analyze is None, reason="systemd-analyze is not installed")

MOST_EXPOSED = 20
"""Tenths, of 100; services of a usual distribution have 90."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit on a machine where ems is installed."""
    unit = tmp_path / unit_file.FILE.name
    text = unit_file.FILE.read_text(encoding="utf-8")
    assert "/opt/ems/bin/ems run" in text
    unit.write_text(text.replace("/opt/ems/bin/ems", sys.executable))
    return unit


@needs_systemd
def test_systemd_understands_every_line(installed: Path) -> None:
    told = subprocess.run(
        [str(analyze), "verify", "--man=no", "--recursive-errors=no", str(installed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


@needs_systemd
def test_the_service_is_hardly_exposed(installed: Path) -> None:
    command = [str(analyze), "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", str(installed)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in told.stderr or "not valid" in told.stderr:
        pytest.skip(f"this systemd-analyze is too old: {told.stderr.strip()}")
    assert told.returncode == 0, told.stdout[-200:]


def test_the_times_of_the_unit_fit_those_of_the_program() -> None:
    assert unit_file.value("Type") == "notify"
    assert unit_file.value("Restart") == "always"
    watchdog_s = float(unit_file.value("WatchdogSec"))
    assert watchdog_s > STALLED_S + 3 * TICK_S, "the program leaves by itself first, and says why"
    assert watchdog_s <= 30, "a wedged controller is to be replaced before leases end"
    disk_s = 5.0 + CLOSE_S
    assert float(unit_file.value("TimeoutStopSec")) > CUTS_S + RAISES_S + STOP_S + disk_s
    tries, within_s = int(unit_file.value("StartLimitBurst")), float(unit_file.value("StartLimitIntervalSec"))
    assert tries * float(unit_file.value("RestartSec")) < within_s, "otherwise the limit is never reached"


def test_serial_lines_are_within_reach_and_nothing_else_is() -> None:
    allowed = {line.split()[0] for line in unit_file.settings()["DeviceAllow"]}
    assert {"char-ttyUSB", "char-ttyACM", "char-ttyS", "char-ttyAMA"} <= allowed
    assert all(line.endswith(" rw") for line in unit_file.settings()["DeviceAllow"])
    assert unit_file.value("DevicePolicy") == "closed"
    assert "dialout" in unit_file.value("SupplementaryGroups").split()
    assert "PrivateDevices" not in unit_file.settings(), "it would hide them"


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path)


class Manager:
    """The socket of a service manager, and what it heard when."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.heard: list[tuple[float, str]] = []

    def lines(self) -> list[str]:
        """All that was said until now."""
        while True:
            try:
                text = self._listener.recv(4096).decode()
            except BlockingIOError:
                return [line for _, line in self.heard]
            self.heard += [(time.monotonic(), line) for line in text.splitlines()]

    def times(self, line: str) -> list[float]:
        """When something was said."""
        self.lines()
        return [at for at, told in self.heard if told == line]


@pytest.fixture
def manager() -> Iterator[tuple[Manager, str]]:
    with (
        tempfile.TemporaryDirectory() as folder,  # the path of a socket must be short
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
    ):
        listener.bind(f"{folder}/notify")
        listener.setblocking(False)
        yield Manager(listener), f"{folder}/notify"


def test_the_service_manager_hears_of_the_start_of_every_tick_and_of_the_end_which_leaves_the_fallback(
    site: Installation, manager: tuple[Manager, str]
) -> None:
    hears, address = manager
    station, empty = ChargePoint("CP-01"), ChargePoint("CP-02")

    async def scenario() -> None:
        async with (
            grid_meter(site.modbus),
            daemon_process(site, NOTIFY_SOCKET=address) as daemon,
            station.connected(site.central),
            empty.connected(site.central),
        ):
            await station.start()
            await eventually(lambda: station.allowed_a == 32.0 and len(hears.times("WATCHDOG=1")) >= 3)
            daemon.send(signal.SIGHUP)
            await eventually(lambda: hears.times("STATUS=reloading"))
            await daemon.says("site.reloaded")
            daemon.send(signal.SIGTERM)
            assert await daemon.ended(within_s=float(unit_file.value("TimeoutStopSec"))) == 0
            assert (station.allowed_a, empty.allowed_a) == (6.0, 6.0)
            assert station.transaction is not None, "nobody ended the charge"

    asyncio.run(scenario())
    lines = hears.lines()
    assert lines[0] == "READY=1", "nothing before it is ready"
    assert lines.count("READY=1") == lines.count("STOPPING=1") == 1
    assert "WATCHDOG=1" not in lines[lines.index("STOPPING=1") :]
    strokes = hears.times("WATCHDOG=1")
    assert strokes[-1] - strokes[0] <= 1.5 * len(strokes), "about one a second"
    assert any(re.fullmatch(r"STATUS=\w+, \d+ EVSEs on, \d+ alarms", line) for line in lines)


def _has_libseccomp() -> bool:
    try:
        ctypes.CDLL(confined.LIBRARY)
    except OSError:
        return False
    return True


def nice_of(pid: int) -> int:
    """How modest a process is (proc(5), stat)."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16])


@needs_systemd
@pytest.mark.skipif(not _has_libseccomp(), reason=f"{confined.LIBRARY} is not installed")
def test_the_daemon_works_under_what_the_unit_allows_it_to_ask_of_the_kernel(site: Installation) -> None:
    """Its planner too, which makes itself nice, and for which the unit opens a door that is else shut."""
    under = (sys.executable, "-m", "tests.config.confined")
    site.write(("policy: {", "policy: {strategy: fast, "))

    async def scenario() -> None:
        station = ChargePoint("CP-01")
        async with (
            grid_meter(site.modbus),
            daemon_process(site, under=under) as daemon,
            station.connected(site.central),
        ):
            await station.start()
            await eventually(lambda: station.allowed_a == 32.0, within_s=15)
            await daemon.shows(lambda evse: evse["setpoint_a"] == 32.0)
            await daemon.says("plan.made", within_s=30.0)
            assert [nice_of(child) for child in children(daemon.process.pid)] == [NICER]
            daemon.send(signal.SIGTERM)
            assert await daemon.ended() == 0
        assert not daemon.logged("ERROR"), daemon.log

    asyncio.run(scenario())
    assert (site.state / "ems.sqlite3").stat().st_size > 0


@needs_systemd
@pytest.mark.skipif(not _has_libseccomp(), reason=f"{confined.LIBRARY} is not installed")
@pytest.mark.parametrize(
    "forbidden",
    [
        "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)",
        "import os; os.chroot('/')",
        "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())",
    ],
)
def test_what_a_controller_never_needs_is_refused(forbidden: str) -> None:
    command = [sys.executable, "-m", "tests.config.confined", sys.executable, "-c", forbidden]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert "PermissionError: [Errno 1] Operation not permitted" in told.stderr
