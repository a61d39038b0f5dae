"""Everything at once: drawn faults of every kind on several sites, each seed the same again.

A short campaign runs always. EMS_SYSTEM_SEEDS=200 makes it long: so many seeds on each site.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ems.domain.site import Site
from ems.settings.build import SiteSettings
from ems.sim.faults import Fault, FaultKind, FaultPlan
from ems.sim.scenario import Scenario
from tests.system.play import perform, recovered
from tests.system.sites import busy, demo, settings_of
from tests.system.stage import Play, Stage

LONG = int(os.environ.get("EMS_SYSTEM_SEEDS", "0"))
QUIET_S, STORM_S, LONGEST_S = 60.0, 180.0, 120.0
RECOVERY_S = 210.0
"""A lost station calls again after half a minute, a lost meter must be steady for half a minute, trust that was lost
takes a minute to win back, a boot takes its time; then two minutes as for everything. And after a restart the
controller holds for as long as its policy says."""

SHORT = {"garage": (1, 2), "contract": (1,), "balanced": (1,), "one-phase": (1, 2), "demo": (1,), "depot": (1,)}
FAULTS = {"garage": 8, "contract": 8, "balanced": 8, "one-phase": 10, "demo": 12, "depot": 20}


def seeds() -> list[tuple[str, int]]:
    return [(site, seed) for site, few in SHORT.items() for seed in (range(1, LONG + 1) if LONG else few)]


def site_of(name: str, folder: Path) -> SiteSettings:
    return demo() if name == "demo" else settings_of(name, folder)


def storm(site: Site, seed: int, count: int) -> FaultPlan:
    """Drawn faults; buildings draw no more than is declared, or no controller could help while it is blind or dead."""
    drawn = FaultPlan.drawn(np.random.default_rng(seed), site, STORM_S, count)
    room = {circuit.id: min(circuit.base_load_max_a) for circuit in site.circuits}
    room[site.circuits.root.id] -= BUILDING_A
    faults = []
    for fault in drawn.faults:
        later = replace(fault, at_s=QUIET_S + fault.at_s, lasts_s=min(fault.lasts_s, LONGEST_S))
        if fault.kind is FaultKind.BUILDING_STEP:
            step = min(fault.value, room[fault.target])
            if step < 1:
                continue
            room[fault.target] -= step
            later = replace(later, value=step)
        faults.append(later)
    return FaultPlan(tuple(_one_at_a_time(faults)))


def _one_at_a_time(faults: list[Fault]) -> list[Fault]:
    """The virtual meter has one fault at a time; a later one on the same meter waits for its turn in another storm."""
    free: dict[tuple[str, str], float] = {}
    kept = []
    for fault in faults:
        key = (fault.kind.subject, fault.target)
        if fault.kind.subject in {"meter", "station", ""} and fault.at_s < free.get(key, 0.0):
            continue
        free[key] = max(free.get(key, 0.0), fault.at_s + fault.lasts_s)
        kept.append(fault)
    return kept


BUILDING_A = 8.0


def crowd(site: Site) -> Scenario:
    return busy(site, (0.0, BUILDING_A), every_s=1.0)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("name", "seed"), seeds(), ids=[f"{name}-{seed}" for name, seed in seeds()])
def test_everything_at_once(name: str, seed: int, tmp_path: Path) -> None:
    """No fuse carries too much of what somebody could have prevented, no limit is nonsense, the tick is on time; and
    when the storm is over, all is as before.
    """
    settings = site_of(name, tmp_path)
    plan = storm(settings.site, seed, FAULTS[name])
    over = max(fault.at_s + fault.lasts_s for fault in plan.faults)

    async def act(stage: Stage) -> None:
        await stage.until(over + 5)
        await recovered(stage, RECOVERY_S + settings.site.policy.restart_hold_s)

    play = Play(crowd(settings.site), plan, seed=seed, hungry_s=300)
    perform(settings, play, tmp_path, act)
