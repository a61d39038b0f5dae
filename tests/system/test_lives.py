"""The controller is killed under load, or told to stop, and begins again with what its folder holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ems.domain.decision import Level
from ems.sim.faults import Fault, FaultKind, FaultPlan
from ems.sim.scenario import Arrival, Scenario
from tests.system.play import FAULT_AT_S, at, nothing, perform, recovered
from tests.system.sites import busy, settings_of
from tests.system.stage import Play, Stage

DEAD, STEP = FaultKind.CONTROLLER_DEAD, FaultKind.BUILDING_STEP
LEASE_S, RESTART_HOLD_S = 300.0, 60.0
SAMPLE_WH = 120.0
"""What three phases of 32 A bring in two samples of ten seconds."""


def transactions(stage: Stage) -> dict[str, int]:
    """What stations know: the id of the transaction at each EVSE."""
    return {
        f"{name}/{number}": connector.transaction.id
        for name, station in stage.world.stations.items()
        for number, connector in station.connectors.items()
        if connector.transaction is not None and connector.transaction.id is not None
    }


def kept(stage: Stage) -> dict[str, int]:
    """What the ledger knows."""
    assert stage.controller is not None
    return {evse: transaction.id for evse, transaction in stage.controller.store.ledger.open_transactions()}


def energies_differ(stage: Stage) -> list[str]:
    """Where the energy of a session is not what went into the vehicle."""
    found = []
    for evse, known in zip(stage.site.evses, stage.state.evses, strict=True):
        vehicle = stage.world.stations[evse.station].connectors[evse.number].vehicle
        if vehicle is None or known.session is None:
            continue
        if not vehicle.energy_wh - SAMPLE_WH <= known.session.energy_wh <= vehicle.energy_wh + 1:
            found.append(f"{evse.id}: session {known.session.energy_wh:.0f} Wh, vehicle {vehicle.energy_wh:.0f} Wh")
    return found


@pytest.mark.parametrize(
    ("lasts_s", "step_a"),
    [(5, 0), (5, 20), (60, 0), (60, 20), (1200, 0), (1200, 20)],
    ids=["5 s", "5 s, building", "1 min", "1 min, building", "20 min", "20 min, building"],
)
def test_the_controller_is_killed_and_begins_again(lasts_s: float, step_a: float, tmp_path: Path) -> None:
    """Transactions keep their ids, sessions their energy, limits their leases; who is left alone for longer than a
    lease draws its fallback; nothing is raised for a while after the restart, and then all is as before.
    """
    settings = settings_of("garage", tmp_path)
    faults = [at(0, DEAD, lasts_s=lasts_s)]
    if step_a:
        faults.append(at(min(lasts_s, LEASE_S + 20) - 1, STEP, "grid", 30, step_a))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S - 1)
        nothing(stage.unrecovered())
        before, drawn = transactions(stage), {evse.id: stage.amps(evse.id) for evse in stage.site.evses}
        assert kept(stage) == before
        assert len(before) == 6
        await stage.until(FAULT_AT_S + lasts_s - 0.5)
        left = {evse.id: stage.amps(evse.id) for evse in stage.site.evses}
        assert left == (drawn if lasts_s < LEASE_S else dict.fromkeys(drawn, 6.0))
        await stage.until(FAULT_AT_S + lasts_s + 45)
        assert stage.lives == 2
        assert transactions(stage) == kept(stage) == before
        nothing(energies_differ(stage))
        assert stage.decision.level is Level.HOLD
        assert all(s.controlled for s in stage.decision.setpoints)
        await stage.until(FAULT_AT_S + lasts_s + RESTART_HOLD_S)
        await recovered(stage, 90)
        assert transactions(stage) == before

    perform(settings, Play(busy(settings.site), FaultPlan(tuple(faults))), tmp_path, act)


def test_told_to_stop_it_leaves_everybody_at_the_fallback(tmp_path: Path) -> None:
    """Within seconds, not when the leases end; and a start after that is no crash, so nothing is held."""
    settings = settings_of("garage", tmp_path)

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S)
        before = transactions(stage)
        await stage.stop()
        await stage.until(stage.t + 8)
        assert {stage.amps(evse.id) for evse in stage.site.evses} == {6.0}
        await stage.until(FAULT_AT_S + LEASE_S + 30)
        assert {stage.amps(evse.id) for evse in stage.site.evses} == {6.0}
        stage.start()
        await stage.until(stage.t + 10)
        assert stage.decision.level is Level.NORMAL
        assert transactions(stage) == kept(stage) == before
        await recovered(stage, 90)

    perform(settings, Play(busy(settings.site)), tmp_path, act)


def test_what_happens_while_nobody_listens_is_known_afterwards(tmp_path: Path) -> None:
    """One leaves and one arrives: the first transaction is closed with its energy, the second begins."""
    settings = settings_of("garage", tmp_path)
    stay, leave, come = (
        Arrival(1, "A1/1", 40_000, 1000),
        Arrival(3, "B1/1", 40_000, FAULT_AT_S + 20),
        Arrival(FAULT_AT_S + 30, "B2/1", 40_000, 800),
    )
    story = replace(busy(settings.site), arrivals=(stay, leave, come))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S - 1)
        before = transactions(stage)
        await stage.until(FAULT_AT_S + 120)
        now = transactions(stage)
        assert set(now) == {"A1/1", "B2/1"}
        assert now["A1/1"] == before["A1/1"]
        assert kept(stage) == now
        assert stage.controller is not None
        assert stage.controller.store.ledger.has_ended(before["B1/1"])
        await recovered(stage, 120)

    perform(settings, Play(story, FaultPlan((at(0, DEAD, lasts_s=60),))), tmp_path, act)


def test_killed_again_and_again_it_stays_at_the_fallback(tmp_path: Path) -> None:
    """Six crashes within the hour: something is wrong with it, and it trusts itself with the fallback alone."""
    settings = settings_of("garage", tmp_path)
    crashes = FaultPlan(tuple(Fault(FAULT_AT_S + 15.0 * k, DEAD, lasts_s=5) for k in range(6)))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S + 15 * 6 + 15)
        assert stage.lives == 7
        assert stage.decision.level is Level.FALLBACK
        assert {stage.amps(evse.id) for evse in stage.site.evses} == {6.0}

    perform(settings, Play(busy(settings.site), crashes), tmp_path, act)


def test_a_power_cut_takes_everything_with_it_but_the_ledger(tmp_path: Path) -> None:
    """Stations, meter and controller lose their power at once and get it back at once, as a site does."""
    settings = settings_of("garage", tmp_path)
    names = [station.id for station in settings.site.stations]
    dark = [at(0, FaultKind.STATION_REBOOT, name, 40) for name in names]
    plan = FaultPlan((*dark, at(0, FaultKind.METER_LOST, "main", 30), at(0, DEAD, lasts_s=20)))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S - 1)
        before = transactions(stage)
        await stage.until(FAULT_AT_S + 60)
        assert transactions(stage) == {}
        await stage.until(FAULT_AT_S + 90)
        assert kept(stage) == {}
        assert stage.controller is not None
        assert all(stage.controller.store.ledger.has_ended(number) for number in before.values())
        for name in names:
            stage.world.stations[name].present(1, "BACK")
        await stage.until(FAULT_AT_S + 110)
        assert not set(transactions(stage).values()) & set(before.values())
        await recovered(stage, 120)

    perform(settings, Play(Scenario(busy(settings.site).arrivals, (), 8000.0), plan), tmp_path, act)
