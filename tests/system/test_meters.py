"""The meter of the grid connection fails in every way that it can, under full load."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.domain.decision import Level
from ems.sim.faults import FaultKind, FaultPlan
from tests.system.play import FAULT_AT_S, at, perform, recovered
from tests.system.sites import busy, settings_of
from tests.system.stage import Play, Stage

SILENT, FROZEN, LOST, SLOW = (
    FaultKind.METER_SILENT,
    FaultKind.METER_FROZEN,
    FaultKind.METER_LOST,
    FaultKind.METER_SLOW,
)
NORMAL, HOLD, CAUTIOUS, FALLBACK = Level.NORMAL, Level.HOLD, Level.CAUTIOUS, Level.FALLBACK


@pytest.mark.parametrize(
    ("kind", "lasts_s", "value", "level", "step_a"),
    [
        (SILENT, 2, 0, NORMAL, 0),
        (SILENT, 8, 0, HOLD, 20),
        (SILENT, 20, 0, CAUTIOUS, 20),
        (SILENT, 60, 0, FALLBACK, 0),
        (SILENT, 60, 0, FALLBACK, 20),
        (LOST, 8, 0, HOLD, 0),
        (LOST, 60, 0, FALLBACK, 20),
        (FROZEN, 60, 0, FALLBACK, 0),
        (FROZEN, 60, 0, FALLBACK, 20),
        (FaultKind.METER_EXCEPTION, 60, 0, FALLBACK, 20),
        (FaultKind.METER_WRONG_UNIT, 60, 0, FALLBACK, 20),
        (FaultKind.METER_NONSENSE, 60, 0, FALLBACK, 20),
        (SLOW, 30, 0.4, NORMAL, 20),
        (SLOW, 60, 5.0, FALLBACK, 20),
    ],
)
def test_a_meter_fails(
    kind: FaultKind, lasts_s: float, value: float, level: Level, step_a: float, tmp_path: Path
) -> None:
    """It works, fails, the site holds, is cautious and falls back in turn, and two minutes after the meter is back all
    is as before; also when the building begins to draw all that is declared, just then.
    """
    site = settings_of("garage", tmp_path)
    faults = [at(0, kind, "main", lasts_s, value)]
    if step_a:
        faults.append(at(1, FaultKind.BUILDING_STEP, "grid", lasts_s + 20, step_a))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S)
        assert stage.unrecovered() == []
        await stage.until(FAULT_AT_S + lasts_s - 0.5)
        assert stage.decision.level is level
        if level is FALLBACK:
            assert {stage.amps(evse.id) for evse in stage.site.evses} == {6.0}
        await stage.until(FAULT_AT_S + lasts_s + 22)
        await recovered(stage, 100)

    perform(site, Play(busy(site.site), FaultPlan(tuple(faults))), tmp_path, act)
