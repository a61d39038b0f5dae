"""`ems qualify`: a virtual station is tested through a daemon that runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from ems.cli.interface import told
from ems.sim.vehicle import Vehicle, VehicleModel
from tests.assembly.patience import eventually
from tests.assembly.running import evse
from tests.assembly.test_remote import Yard, yard
from tests.cli.typed import Ended, ems

STEPS = ("configuration", "clock", "fallback is accepted", "measured values", "6 A", "32 A", "phases", "6 A", "0 A")


async def qualified(*words: str) -> Ended:
    return await asyncio.to_thread(ems, "qualify", *words)


@pytest.mark.timeout(180)
def test_a_station_is_set_read_back_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with yard(tmp_path) as here:
            monkeypatch.setenv("EMS_STATE_DIR", str(here.site.state))
            monkeypatch.setenv("EMS_SITE", str(here.site.folder))
            await _without_a_vehicle(here)
            await _with_one(here)

    asyncio.run(story())


async def _without_a_vehicle(here: Yard) -> None:
    await eventually(lambda: evse(here.daemon, "CP-01/1").grant.floor is not None, within_s=20)
    empty = await qualified("CP-01")
    assert "ok   fallback is accepted: 6 A, without end" in empty.out
    assert "-    measured values: no vehicle charges" in empty.out
    unknown = await qualified("CP-77")
    assert (unknown.status, "the site has no EVSE 'CP-77/1'" in unknown.err) == (2, True)


async def _begins(here: Yard) -> None:
    here.station.plug(1, Vehicle(VehicleModel(lag_s=1, ramp_a_per_s=100), 50_000))
    await eventually(lambda: evse(here.daemon, "CP-01/1").status.is_occupied)
    started = await asyncio.to_thread(ems, "station", "start", "CP-01", "--tag", "04A1B2C3")
    assert started.status == 0
    await eventually(lambda: (s := evse(here.daemon, "CP-01/1").session) is not None and s.transaction is not None)


async def _with_one(here: Yard) -> None:
    await _begins(here)
    proof = await qualified("CP-01", "--json")
    assert proof.status == 0, proof
    assert [step["name"] for step in proof.data["steps"]] == list(STEPS)
    unproven = {step["name"]: step["words"] for step in proof.data["steps"] if step["verdict"] != "passed"}
    assert unproven == {"phases": "meter main has never measured anything, so nobody sees its phases"}
    assert (here.site.state / "wizard" / "proofs.json").is_file()


@pytest.mark.timeout(120)
def test_a_daemon_that_ends_takes_its_tests_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with yard(tmp_path) as here:
            monkeypatch.setenv("EMS_STATE_DIR", str(here.site.state))
            monkeypatch.setenv("EMS_SITE", str(here.site.folder))
            await _begins(here)
            begun = await asyncio.to_thread(
                told, here.daemon.settings, "site/proofs", {"station": "CP-01", "evse": 1, "offline": True}
            )
            assert begun["verdict"] == "running", begun
            twice = await asyncio.to_thread(told, here.daemon.settings, "site/proofs", {"station": "CP-01"})
            assert (twice["status"], "is being tested already" in twice["detail"]) == (422, True)
        kept = json.loads((here.site.state / "wizard" / "proofs.json").read_text())
        assert kept[0]["steps"][-1]["words"] == "somebody stopped the test"

    asyncio.run(story())
