"""A stationary battery behind a real Modbus server: steered, relied on by nobody, and failing in every way it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.assembly.meters import steered_batteries
from ems.settings.build import SiteSettings
from ems.settings.load import load
from ems.sim.demo import as_demo
from ems.sim.faults import Fault, FaultKind, FaultPlan
from tests.system.play import FAULT_AT_S, at, perform
from tests.system.sites import ON_LOOPBACK, QUICK, SITE, busy
from tests.system.stage import Play, Stage

HEAD = """
circuits:
  grid: {rating_a: 80, margin_a: 3, meter: main, base_load_max_a: 20, generation_max_a: 5}
meters:
  main: {model: eastron-sdm630, host: 127.0.0.1, port: 5020, unit: 1}
  bat: {model: kostal-plenticore, host: 127.0.0.1, port: 5020, unit: 71, role: battery, circuit: grid}
batteries:
  store: {circuit: grid, meter: bat, capacity_kwh: 20, charge_max_kw: 15, discharge_max_kw: 15,
          otherwise: self-consumption}
stations:
"""
FULL_A = 15_000.0 / 690.0
BUILDING_A = 25.0


def settings_of(folder: Path) -> SiteSettings:
    stations = "".join(
        f"  G{k}: {{circuit: grid, fallback_a: 6, evses: {{1: {{max_a: 32, phases: L1 L2 L3}}}}}}\n" for k in range(3)
    )
    (folder / "site.yaml").write_text(SITE + HEAD + stations + QUICK + ON_LOOPBACK)
    settings = load(folder).settings
    assert settings is not None
    return settings


def play(folder: Path, *faults: Fault) -> tuple[SiteSettings, Play]:
    settings = settings_of(folder)
    return settings, Play(busy(settings.site, (0.0, BUILDING_A)), FaultPlan(faults))


def store(stage: Stage) -> float:
    """What truly flows into the battery, ampere per phase."""
    return stage.world.batteries["store"].amps[0]


def told(stage: Stage) -> float | None:
    """What it holds as its setpoint, W; None when its watchdog has let go."""
    return stage.world.batteries["store"].told_w


def vehicles(stage: Stage) -> float:
    """What all vehicles draw on L1."""
    return sum(stage.amps(evse.id) for evse in stage.site.evses)


def text(stage: Stage) -> str:
    return stage.decision.batteries[0].text


def test_it_gives_what_the_site_imports_and_makes_no_room_with_it(tmp_path: Path) -> None:
    """The fuse feels little; vehicles get what would flow without the battery, and no ampere more."""

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S)
        assert store(stage) == pytest.approx(-FULL_A, abs=0.1)
        assert stage.state.batteries[0].told_w == pytest.approx(-15_000.0)
        assert vehicles(stage) == pytest.approx(80 - 3 - BUILDING_A, abs=3.0)
        assert stage.judge.longest_s() == 0.0

    perform(*play(tmp_path), tmp_path, act)


def test_when_it_stops_giving_no_fuse_is_exceeded_and_nobody_is_cut(tmp_path: Path) -> None:
    """Not for a second: what it gave was never given away."""

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S - 1)
        before = vehicles(stage)
        for k in range(60):
            await stage.until(FAULT_AT_S + k)
            assert vehicles(stage) >= before - 4.0, f"second {k}: {stage.reason('G0/1')}"
        assert stage.judge.longest_s() == 0.0

    perform(*play(tmp_path, at(0, FaultKind.BATTERY_STOPS, "store", 40)), tmp_path, act)


@pytest.mark.parametrize("kind", [FaultKind.METER_SILENT, FaultKind.METER_EXCEPTION])
def test_a_battery_that_nobody_hears_from_and_that_stops_exceeds_no_fuse(kind: FaultKind, tmp_path: Path) -> None:
    """For as long as it may still do what it was told, it counts with what it gave; then the room is used again."""

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S - 1)
        before = vehicles(stage)
        await stage.until(FAULT_AT_S + 60)
        assert text(stage) == "rests: it does not answer"
        await stage.until(FAULT_AT_S + 150)
        assert vehicles(stage) >= before - 4.0
        assert stage.judge.longest_s() == 0.0

    faults = (at(0, kind, "bat", 200), at(20, FaultKind.BATTERY_STOPS, "store", 180))
    perform(*play(tmp_path, *faults), tmp_path, act)


def test_a_battery_that_refuses_is_an_alarm_and_goes_on_when_it_listens_again(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S + 40)
        assert any(alarm.key == "battery:store" for alarm in stage.decision.alarms)
        assert told(stage) is None, "its own watchdog has let go"
        await stage.until(FAULT_AT_S + 80)
        assert not any(alarm.key == "battery:store" for alarm in stage.decision.alarms)
        assert store(stage) < -10.0
        assert stage.judge.longest_s() == 0.0

    perform(*play(tmp_path, at(0, FaultKind.BATTERY_REFUSES, "store", 60)), tmp_path, act)


def test_a_battery_that_holds_something_else_is_an_alarm_and_let_go_of(tmp_path: Path) -> None:
    """What it was told and does not hold is not left standing; when it holds what it is told, it goes on."""

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S - 1)
        before = vehicles(stage)
        await stage.until(FAULT_AT_S + 30)
        (alarm,) = [alarm for alarm in stage.decision.alarms if alarm.key == "battery:store"]
        assert "registers from 1034 hold" in alarm.text
        assert told(stage) == 0.0
        assert store(stage) == pytest.approx(0.0, abs=0.1)
        assert vehicles(stage) >= before - 4.0
        await stage.until(FAULT_AT_S + 110)
        assert not any(alarm.key == "battery:store" for alarm in stage.decision.alarms)
        assert store(stage) < -10.0
        assert stage.judge.longest_s() == 0.0

    perform(*play(tmp_path, at(0, FaultKind.BATTERY_HOLDS_LESS, "store", 60)), tmp_path, act)


def test_a_state_of_charge_that_cannot_be_puts_it_to_rest(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S + 25)
        assert text(stage) == "rests: it does not tell a state of charge that can be true"
        assert store(stage) == pytest.approx(0.0, abs=0.1)
        await stage.until(FAULT_AT_S + 60)
        assert text(stage) == "gives what the site would import"
        assert stage.judge.longest_s() == 0.0

    perform(*play(tmp_path, at(0, FaultKind.BATTERY_WRONG_SOC, "store", 30)), tmp_path, act)


def test_a_controller_that_leaves_lets_go_of_it_and_one_that_dies_is_replaced_by_its_watchdog(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S)
        assert told(stage) == pytest.approx(-15_000.0)
        await stage.stop()
        assert told(stage) == 0.0, "the last word is to do nothing"
        stage.start()
        await stage.until(FAULT_AT_S + 60)
        assert told(stage) == pytest.approx(-15_000.0)
        await stage.kill()
        await stage.until(FAULT_AT_S + 100)
        assert told(stage) is None
        assert stage.judge.longest_s() == 0.0

    perform(*play(tmp_path), tmp_path, act)


def test_a_demo_of_the_site_has_a_battery_that_can_be_steered(tmp_path: Path) -> None:
    settings = as_demo(settings_of(tmp_path))
    assert {meter.id: meter.model for meter in settings.meters} == {
        "main": "eastron-sdm630",
        "bat": "kostal-plenticore",
    }
    assert steered_batteries(settings.site) == {"store": "bat"}
