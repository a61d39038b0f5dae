"""A controller that only observes, with everything in virtual time: stations are told nothing that limits anybody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ems.domain.remote.outcome import Spoken
from ems.sim.scenario import Arrival, Scenario
from tests.system.play import perform
from tests.system.sites import QUICK, settings_of
from tests.system.stage import Play, Stage

OBSERVES = QUICK.replace("{lease_s", "{control: observe, lease_s")
LIMITING = {"SetChargingProfile", "ClearChargingProfile", "RemoteStopTransaction", "ChangeAvailability"}


def test_no_station_is_told_a_limit_and_what_would_be_is_shown(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.until(120.0)
        told = [spoken.action for name in stage.world.stations for spoken in _messages(stage, name)]
        assert "MeterValues" in told
        assert not {"SetChargingProfile", "ClearChargingProfile", "RemoteStopTransaction", "ChangeAvailability"} & set(
            told
        )
        assert stage.amps("A1/1") > 30
        setpoint = next(one for one in stage.decision.setpoints if one.evse == "A1/1")
        assert setpoint.amps > 0
        assert [alarm.key for alarm in stage.decision.alarms if alarm.key in {"observe", "control:A1/1"}] == ["observe"]

    story = Scenario((Arrival(1.0, "A1/1", 40_000, 7200.0),), repeat_s=8000.0)
    perform(settings_of("garage", tmp_path, policy=OBSERVES), Play(story, free_vend=True), tmp_path, act)


def _messages(stage: Stage, station: str) -> Sequence[Spoken]:
    assert stage.controller is not None
    return stage.controller.central.messages(station)
