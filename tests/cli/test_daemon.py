"""Commands beside a daemon that runs, and on what it left: explain, probe ocpp, export, replay."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import shutil
import signal
import sqlite3
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from ems.adapters.store.database import open_for_reading
from ems.cli.picture import circuit_lines
from ems.control.fallback import fallback_decision
from ems.control.memory import Memory
from ems.domain.decision import Decision
from ems.domain.instant import Instant
from ems.domain.state import SiteState
from ems.runtime.clock import SystemClock
from tests.assembly.charge_point import ChargePoint
from tests.assembly.daemon_process import DaemonProcess, daemon_process
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.cli.typed import Ended, ems

ASKED = {
    "explain": ("explain", "site", "CP-01/1"),
    "explain --json": ("explain", "site", "CP-01/1", "--json"),
    "explain nobody": ("explain", "site", "CP-09/1"),
    "knocks": ("probe", "ocpp", "site"),
    "knocks --json": ("probe", "ocpp", "site", "--json"),
}


@dataclass
class Day:
    """A site whose daemon has run and ended, and what commands said while it ran."""

    site: Installation
    said: dict[str, Ended] = field(default_factory=dict)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    day = Day(Installation.at(tmp_path_factory.mktemp("day")))
    with pytest.MonkeyPatch.context() as patch:
        _go_to(day.site, patch)
        asyncio.run(_charge(day))
    return day


@pytest.fixture(autouse=True)
def beside(day: Day, nothing_set: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are typed in the folder of that site."""
    _go_to(day.site, monkeypatch)


def _go_to(site: Installation, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("EMS_STATE_DIR", str(site.state))
    patch.setenv("http_proxy", "http://127.0.0.1:9")  # as on many a company's machine: it leads nowhere near
    patch.chdir(site.folder.parent)


async def _charge(day: Day) -> None:
    """Somebody charges, a stranger knocks, and a person asks about both; the file is broken by then."""
    site, station, empty = day.site, ChargePoint("CP-01"), ChargePoint("CP-02")
    site.write(more="limits: [{name: contract, circuit: grid, max_a: 25, max_kw: 35}]\n")
    async with (
        grid_meter(site.modbus),
        daemon_process(site) as daemon,
        empty.connected(site.central),
        station.connected(site.central),
    ):
        await station.start("=CARD")
        await eventually(lambda: station.allowed_a >= 6.0)
        await station.charge(1500)
        await daemon.shows(lambda evse: evse["energy_wh"] == 1500.0)
        with pytest.raises(InvalidStatus):
            await connect(f"{site.central}/STRANGER", proxy=None)
        await _seen(daemon, "STRANGER")
        site.file.write_text("circuits: [")
        for name, words in ASKED.items():
            day.said[name] = await asyncio.to_thread(ems, *words)
        await station.stop()
        await daemon.shows(lambda evse: evse["session"]["transaction"] is None)
        await station.status("Available")
        await daemon.shows(lambda evse: evse["session"] is None)
        daemon.send(signal.SIGTERM)
        assert await daemon.ended() == 0


async def _seen(daemon: DaemonProcess, station: str) -> None:
    deadline = time.monotonic() + 8
    while station not in [knock["station"] for knock in (await daemon.picture())["knocks"]]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


def test_explain_names_every_limit_from_the_outlet_to_the_grid(day: Day) -> None:
    """It asks the daemon beside any proxy, and even when the file was broken after the start."""
    said = day.said["explain"]
    assert said.status == 0
    assert "site.yaml:1: error:" in said.err, "why it is not what the file says"
    lines = said.out.splitlines()
    assert re.match(r"CP-01/1: Charging, set to \d+ A, \w+", lines[0])
    assert lines[1].startswith("  grid: contract")
    assert "    limit 35 kW in all" in lines
    assert any(line.startswith("    L1: rated 63 A, limit ") and line.endswith(" A for vehicles") for line in lines)


def test_a_circuit_without_room_is_told_without_a_minus() -> None:
    """As after a start, when every station may still draw its maximum."""
    phases = {"L1": 63.0, "L2": 63.0, "L3": 0.0}
    left = {"L1": -85.0, "L2": 12.5, "L3": 0.0}
    told = circuit_lines({
        "id": "hall", "limit_source": "rating of hall", "limit_w": None, "rating_a": phases, "limit_a": phases,
        "headroom_a": left,
    })  # fmt: skip
    assert list(told) == [
        "  hall: rating of hall",
        "    L1: rated 63 A, limit 63 A, nothing for vehicles: up to 85 A more may flow than that",
        "    L2: rated 63 A, limit 63 A, 12.5 A for vehicles",
    ]


def test_explain_says_the_same_to_programs(day: Day) -> None:
    said = day.said["explain --json"]
    assert said.status == 0
    assert said.data["evse"]["id"] == "CP-01/1"
    assert [circuit["id"] for circuit in said.data["circuits"]] == ["grid"]


def test_explain_of_an_evse_that_is_not_there_says_which_are(day: Day) -> None:
    said = day.said["explain nobody"]
    assert (said.status, said.out) == (2, "")
    assert said.err.endswith("ems explain: the site has no EVSE CP-09/1; it has CP-01/1, CP-02/1\n")


def test_who_knocks_is_listed(day: Day) -> None:
    said = day.said["knocks"]
    assert (said.status, said.out.split()[:3]) == (0, ["STRANGER", "127.0.0.1", "1x"])
    assert "unknown station id" in said.out
    assert [knock["station"] for knock in day.said["knocks --json"].data] == ["STRANGER"]


def _export(what: str, *words: str) -> Ended:
    today = SystemClock().now().utc
    return ems("export", what, "site", "--from", f"{today - timedelta(days=1):%Y-%m-%d}", *words)


def test_transactions_are_exported_for_spreadsheets_and_for_programs() -> None:
    told = _export("transactions")
    assert told.status == 0
    (row,) = csv.DictReader(io.StringIO(told.out))
    assert (row["evse"], row["energy_wh"], row["id_tag"]) == ("CP-01/1", "1500.0", "'=CARD"), "no formula"
    (same,) = _export("transactions", "--format", "json").data
    assert (same["evse"], same["energy_wh"], same["id_tag"]) == ("CP-01/1", 1500.0, "=CARD")


@pytest.mark.parametrize(("what", "column"), [("sessions", "plugged"), ("energy", "starts"), ("alarms", "began")])
def test_everything_that_can_be_exported_is(what: str, column: str) -> None:
    told = _export(what)
    assert told.status == 0
    assert column in told.out.splitlines()[0].split(",")
    assert isinstance(_export(what, "--format", "json").data, list)


def test_an_export_of_everything_asks_no_more_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def opened(path: Path) -> sqlite3.Connection:
        asked.append(path)
        assert len(asked) < 100
        return open_for_reading(path)

    monkeypatch.setattr("ems.adapters.store.database.open_for_reading", opened)
    assert ems("export", "transactions", "site", "--format", "json").data[0]["evse"] == "CP-01/1"


def test_a_journal_is_replayed(day: Day) -> None:
    told = ems("replay", day.site.state / "journal")
    assert (told.status, told.err) == (0, "")
    assert told.out.endswith("every setpoint is the same\n")
    assert int(told.out.split()[0]) > 3


def test_a_journal_with_a_spoilt_end_is_replayed_as_far_as_it_goes(day: Day, tmp_path: Path) -> None:
    copy = shutil.copytree(day.site.state / "journal", tmp_path / "journal")
    for file in copy.iterdir():
        content = bytearray(file.read_bytes())
        content[-200:] = bytes(200)
        file.write_bytes(content)
    told = ems("replay", copy)
    assert told.status == 0
    assert "is damaged after entry" in told.err
    assert "ticks replayed" in told.out


def test_a_difference_is_a_finding_and_is_shown(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a change of the program: the first tick that decides otherwise is named."""

    def decided(_controller: object, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
        return fallback_decision(state, now), memory

    monkeypatch.setattr("ems.adapters.store.replay._decided", decided)
    told = ems("replay", day.site.state / "journal")
    assert told.status == 1
    assert ".journal, tick " in told.out
