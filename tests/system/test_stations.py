"""Stations are lost, restart, fall silent and tell the wrong time, under full load and beside a building that rises."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from ems.sim.faults import Fault, FaultKind, FaultPlan
from ems.sim.quirks import Quirks
from tests.system.play import FAULT_AT_S, at, nothing, perform, recovered
from tests.system.sites import busy, settings_of
from tests.system.stage import Play, Stage

LOST, REBOOT, MUTE, CLOCK, REFUSES, DISOBEYS, STEP = (
    FaultKind.STATION_LOST,
    FaultKind.STATION_REBOOT,
    FaultKind.STATION_MUTE,
    FaultKind.STATION_CLOCK,
    FaultKind.STATION_REFUSES,
    FaultKind.STATION_DISOBEYS,
    FaultKind.BUILDING_STEP,
)
ALL = ("A1", "A2", "A3", "B1", "B2", "B3")
LEASE_S = 300.0


def each(stations: Iterable[str], kind: FaultKind, lasts_s: float, value: float = 0.0) -> tuple[Fault, ...]:
    return tuple(at(0, kind, station, lasts_s, value) for station in stations)


@pytest.mark.parametrize(
    ("stations", "kind", "lasts_s", "value", "step_a"),
    [
        (("A1",), LOST, 60, 0, 20),
        (("A1", "A3", "B1"), LOST, 60, 0, 20),
        (ALL, LOST, 60, 0, 0),
        (ALL, LOST, 60, 0, 10),
        (("B1",), MUTE, 20, 0, 20),
        (("B1",), MUTE, 100, 0, 20),
        (("A1", "A2", "A3"), MUTE, 100, 0, 0),
        (("A1", "B1"), REBOOT, 30, 0, 20),
        (ALL, REBOOT, 60, 0, 20),
        (("A1",), CLOCK, 120, 3600, 20),
        (("A1",), CLOCK, 120, -3600, 20),
        (ALL, CLOCK, 120, -100, 20),
        (("B2",), REFUSES, 60, 0, 20),
        (("B2",), DISOBEYS, 60, 0, 20),
        (("B1",), DISOBEYS, 60, 20, 0),
    ],
)
def test_stations_fail(
    stations: tuple[str, ...], kind: FaultKind, lasts_s: float, value: float, step_a: float, tmp_path: Path
) -> None:
    """Those that are still there make room for those that cannot be told, and two minutes later all is as before;
    trust that was lost takes a minute more to win back."""
    settings = settings_of("garage", tmp_path)
    faults = list(each(stations, kind, lasts_s, value))
    if step_a:
        faults.append(at(3, STEP, "grid", lasts_s, step_a))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S - 1)
        nothing(stage.unrecovered())
        await stage.until(FAULT_AT_S + lasts_s + 3)
        await recovered(stage, 180 if kind in {REFUSES, DISOBEYS} else 120)

    perform(settings, Play(busy(settings.site), FaultPlan(tuple(faults))), tmp_path, act)


@pytest.mark.parametrize("by_s", [7200.0, -7200.0, 1.0])
def test_the_wall_clock_of_the_controller_is_set(by_s: float, tmp_path: Path) -> None:
    """Summer time, a dead battery, a second: nobody notices but the log."""
    settings = settings_of("garage", tmp_path)
    plan = FaultPlan((at(0, FaultKind.CLOCK_STEP, lasts_s=90, value=by_s), at(10, STEP, "grid", 60, 20)))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S + 93)
        await recovered(stage, 60)

    perform(settings, Play(busy(settings.site), plan), tmp_path, act)


@pytest.mark.parametrize("forgets", [False, True])
def test_a_station_that_is_lost_for_longer_than_its_lease_falls_back(forgets: bool, tmp_path: Path) -> None:
    """It is left what it holds until the lease ends; then it draws its fallback current, unless it forgets everything
    with the link, and then it is known to count in full (here: go-e).
    """
    model = {"B2": "go-e"} if forgets else {}
    settings = settings_of("garage", tmp_path, models=model)
    quirks = {"B2": Quirks(forgets_offline=forgets)}
    plan = FaultPlan((at(0, LOST, "B2", LEASE_S + 30), at(20, STEP, "grid", LEASE_S, 15)))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S + 10)
        assert stage.amps("B2/1") > 6
        await stage.until(FAULT_AT_S + LEASE_S + 20)
        assert stage.amps("B2/1") == (16.0 if forgets else 6.0)
        await stage.until(FAULT_AT_S + LEASE_S + 30)
        await recovered(stage, 120)

    perform(settings, Play(busy(settings.site), plan, quirks=quirks, hungry_s=300), tmp_path, act)


@pytest.mark.parametrize("model", ["generic", "grizzl-e"])
def test_a_station_that_forgets_its_limits_when_it_restarts_gets_them_again(model: str, tmp_path: Path) -> None:
    """Whether its model is known to forget or not, it holds a floor and a limit before it charges again."""
    settings = settings_of("garage", tmp_path, models={"B1": model})
    plan = FaultPlan((at(0, REBOOT, "B1", 20), at(2, STEP, "grid", 40, 20)))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S + 10)
        assert not stage.world.stations["B1"].stack.installed
        await stage.until(FAULT_AT_S + 40)
        assert len(stage.world.stations["B1"].stack.installed) >= 2
        await recovered(stage, 120)

    perform(settings, Play(busy(settings.site), plan, quirks={"B1": Quirks(forgets_at_boot=True)}), tmp_path, act)
