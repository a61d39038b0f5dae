"""OCPP clients that nobody here wrote, over real sockets and in real time; skipped where there is no Node.

They are installed once, with their versions, into a cache outside the sources.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ems.domain.events import (
    CompositeRead,
    MeterValues,
    ModelLearned,
    ProfileAnswered,
    ProfileSent,
    StationBooted,
    StationConnected,
    StatusChanged,
    TransactionEnded,
    TransactionStarted,
)
from ems.domain.grant import Answer as Said
from ems.domain.grant import Layer
from ems.domain.station import EvseStatus
from tests.adapters.ocpp.central import Site, central, order

HERE = Path(__file__).parent / "node"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path(__file__).parents[3] / ".cache")
PASSWORD = b"correct horse battery"
INSTALL_S = 180

pytestmark = pytest.mark.timeout(INSTALL_S + 60)


@pytest.fixture(scope="module")
def clients() -> Path:
    """The folder with the clients' packages; the first time they are fetched."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed: the third-party clients cannot run")
    wanted = (HERE / "package.json").read_text(encoding="utf-8")
    folder = CACHE / "ems-ocpp-clients"
    done = folder / "installed.json"
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(wanted, encoding="utf-8")
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
        try:
            ran = subprocess.run(command, cwd=folder, timeout=INSTALL_S, capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm did not finish within {INSTALL_S} s: no package registry?")
        if ran.returncode != 0:
            pytest.skip(f"npm cannot install the clients: {ran.stderr[-200:]}")
        done.write_text(wanted, encoding="utf-8")
    return folder


@dataclass
class Stranger:
    """A client at work; `reports` is what it says about itself, one object per line."""

    reports: list[dict[str, Any]] = field(default_factory=list)

    def said(self, key: str) -> list[Any]:
        return [report[key] for report in self.reports if key in report]

    async def listen(self, output: asyncio.StreamReader) -> None:
        async for line in output:
            if line.startswith(b"{"):
                self.reports.append(json.loads(line))


@asynccontextmanager
async def stranger(script: str, clients: Path, site: Site) -> AsyncIterator[Stranger]:
    """Start a client; it is stopped at the end, and whatever it found invalid fails the test."""
    url = f"ws://127.0.0.1:{site.system.port}/ocpp"
    command = ["node", str(HERE / script), str(clients), url, "CP", PASSWORD.decode()]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    known = Stranger()
    listening = asyncio.create_task(known.listen(process.stdout))
    complaints = asyncio.create_task(process.stderr.read())
    try:
        yield known
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening
        print((await complaints).decode())
    assert known.said("invalid") == []


async def until(holds: Callable[[], bool], within_s: float = 8.0) -> None:
    """Wait until something holds."""
    for _ in range(int(within_s / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to pass in time")


async def charge(script: str, clients: Path, passwords: dict[str, bytes]) -> None:
    """A whole charge: every limit is taken, read back and stopped, and every event is there."""
    async with central("CP", port=0, passwords=passwords) as site, stranger(script, clients, site) as client:
        await until(lambda: bool(site.of(StationConnected)))
        site.system.limit(order(Layer.FLOOR, 6))
        site.system.limit(order(Layer.DEFAULT, 7.5))
        await until(lambda: bool(client.said("running")))
        (running,) = client.said("running")
        site.system.limit(order(Layer.SESSION, 10, transaction=running))
        await until(lambda: len(site.of(ProfileAnswered)) == 3)
        site.system.read_back("CP/1")
        await until(lambda: bool(site.of(CompositeRead)))
        await until(lambda: client.said("told").count("TriggerMessage") >= 1)
        site.system.stop("CP/1")
        await until(lambda: bool(site.of(TransactionEnded)))
        await until(lambda: site.of(StatusChanged)[-1].status is EvseStatus.AVAILABLE)

        assert [event.vendor for event in site.of(StationBooted)] == ["Stranger"]
        assert {event.answer for event in site.of(ProfileAnswered)} == {Said.ACCEPTED}
        assert site.of(ModelLearned) == []
        assert [event.amps for event in site.of(CompositeRead)] == [10]
        assert [event.transaction.id for event in site.of(TransactionStarted)] == [running]
        assert [event.energy_wh for event in site.of(TransactionEnded)] == [2000]
        assert [(event.leg_a, event.register_wh) for event in site.of(MeterValues)] == [((10.5, None, None), 1200)]
        assert set(client.said("told")) >= {"GetConfiguration", "ChangeConfiguration", "GetCompositeSchedule",
                                            "RemoteStopTransaction"}  # fmt: skip
        assert site.is_connected("CP", generation=1)


def test_ocpp_rpc_in_strict_mode_finds_nothing_invalid(clients: Path) -> None:
    asyncio.run(charge("ocpp_rpc.mjs", clients, {"CP": PASSWORD}))


def test_ts_ocpp_finds_nothing_invalid(clients: Path) -> None:
    asyncio.run(charge("ts_ocpp.mjs", clients, {}))


def test_ocpp_ts_finds_nothing_invalid(clients: Path) -> None:
    asyncio.run(charge("ocpp_ts.mjs", clients, {"CP": PASSWORD}))


def test_a_station_that_never_answers_a_limit_is_known_to_be_silent(clients: Path) -> None:
    """It stays connected and is heard; each limit counts as unanswered, nothing is learned from silence."""

    async def run() -> None:
        async with central("CP", port=0) as site, stranger("silent.mjs", clients, site) as client:
            await until(lambda: bool(site.of(StationConnected)))
            site.system.limit(order(Layer.FLOOR, 6))
            await until(lambda: bool(site.of(ProfileAnswered)))
            assert [event.answer for event in site.of(ProfileAnswered)] == [Said.TIMEOUT]
            assert len(site.of(ProfileSent)) == 1
            assert site.of(ModelLearned) == []
            assert [event.energy_wh for event in site.of(TransactionEnded)] == []
            assert len(site.of(TransactionStarted)) == 1
            heard = len(client.said("heartbeat"))
            await until(lambda: len(client.said("heartbeat")) > heard)
            assert site.is_connected("CP", generation=1)

    asyncio.run(run())
