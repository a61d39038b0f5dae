"""Stations as they are asked from the command line, through a daemon that runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from ems.sim.vehicle import Vehicle, VehicleModel
from tests.assembly.patience import eventually
from tests.assembly.running import evse
from tests.assembly.test_remote import Yard, yard
from tests.cli.typed import Ended, ems


@pytest.mark.timeout(120)
def test_an_evening_at_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with yard(tmp_path) as here:
            monkeypatch.setenv("EMS_STATE_DIR", str(here.site.state))
            monkeypatch.setenv("EMS_SITE", str(here.site.folder))
            await _what_goes_well(here)
            await _what_does_not(here, tmp_path)
            await _several(here)
            await _configuration(here, tmp_path)

    asyncio.run(story())


async def station(*words: str | Path) -> Ended:
    return await asyncio.to_thread(ems, "station", *words)


async def _what_goes_well(here: Yard) -> None:
    here.station.plug(1, Vehicle(VehicleModel(lag_s=1, ramp_a_per_s=100), 50_000))
    await eventually(lambda: evse(here.daemon, "CP-01/1").status.is_occupied)
    started = await station("start", "CP-01", "--tag", "04A1B2C3")
    assert (started.status, started.out) == (0, "CP-01: Accepted, waiting to see it\n"), started
    await eventually(lambda: (s := evse(here.daemon, "CP-01/1").session) is not None and s.transaction is not None)
    shown = await station("show", "CP-01")
    assert "Accepted, a transaction has begun" in shown.out
    objected = await station("reset", "CP-01")
    assert (objected.status, objected.out) == (
        1,
        "CP-01: a transaction runs at CP-01/1 and would be ended by it; --insist does it all the same\n",
    )
    stopped = await station("stop", "CP-01", "--json")
    assert (stopped.status, stopped.data["verdict"]) == (0, "accepted")
    said = await station("messages", "CP-01")
    assert "-> call      RemoteStopTransaction" in said.out
    assert " MeterValues {" not in said.out
    listed = await station("list")
    assert listed.out.splitlines()[0].split()[:2] == ["CP-01", "connected"]
    version = await station("list-version", "CP-01")
    assert version.out == "CP-01: Accepted: version 0\n"


async def _what_does_not(here: Yard, folder: Path) -> None:
    offline = await station("clear-cache", "CP-02")
    assert (offline.status, offline.out) == (
        1, "CP-02: Not asked: the station is not connected\n",
    )  # fmt: skip
    kept = await station("availability", "CP-02", "--out", "--when-back")
    assert kept.status == 0
    unknown = await station("show", "CP-99")
    assert (unknown.status, unknown.err[:31]) == (2, "ems station: the site has no st")
    profile = folder / "profile.json"
    profile.write_text("{")
    broken = await station("set-profile", "CP-01", "--profile", profile)
    assert (broken.status, str(profile) in broken.err) == (2, True)
    profile.write_text(json.dumps({"chargingProfileId": 1}))
    raw = await station("set-profile", "CP-01", "--profile", profile)
    assert (raw.status, "OCPP 1.6 cannot say that" in raw.out) == (1, True)
    loose = await station("write-configuration", "CP-01", "--set", "Nonsense")
    assert (loose.status, "KEY=VALUE" in loose.err) == (2, True)


async def _several(here: Yard) -> None:
    both = await station("trigger", here.site.folder, "CP-01", "CP-02", "--message", "heartbeat")
    assert both.status == 1
    assert sorted(both.out.splitlines()) == [
        "1 of 2 took it",
        "CP-01: Accepted",
        "CP-02: Not asked: the station is not connected",
    ]


async def _configuration(here: Yard, folder: Path) -> None:
    blank = await station("configuration", "CP-01")
    assert (blank.status, blank.out) == (1, "it was not read yet: ems station read-configuration CP-01\n")
    template = folder / "template.yaml"
    template.write_text("ConnectionTimeOut: 90\nLocalPreAuthorize: true\n")
    applied = await station("apply-template", "CP-01", "--template", template)
    assert applied.status == 0, applied
    assert "  ConnectionTimeOut: accepted\n  LocalPreAuthorize: accepted\n" in applied.out
    assert here.station.configuration.text("LocalPreAuthorize") == "true"
    await station("read-configuration", "CP-01")
    same = await station("configuration", "CP-01")
    assert (same.status, "0 differ from the template" in same.out) == (0, True)
    written = await station("write-configuration", "CP-01", "--set", "ConnectionTimeOut=x")
    assert (written.status, written.out) == (
        1, "CP-01: Refused by the station (ConnectionTimeOut: Rejected)\n",
    )  # fmt: skip
