"""The laws on sites that nobody thought of, with faults that nobody chose; EMS_SIM_SEEDS=500 makes it a campaign."""

from __future__ import annotations

import os

import pytest

from ems.domain.decision import Decision
from ems.domain.state import SiteState
from ems.sim.core_run import CoreRun, Setup
from ems.sim.invariants import Invariants
from ems.sim.observer import Cause
from ems.sim.world import Flow
from tests.sim.random_sites import drawn
from tests.sim.sites import BEGIN

SEEDS = range(1, 1 + int(os.environ.get("EMS_SIM_SEEDS", "3")))
SECONDS, FAULTS = 1800.0, 3


class Laws(Invariants):
    """Only the legs count that a vehicle uses, and nobody can tell anything to a station that does not hear."""

    run: CoreRun

    def __call__(self, state: SiteState, decision: Decision, flow: Flow) -> None:
        reports = self.run.daemon.reports
        for j, outlet in enumerate(self.run.plant.outlets):
            legs = outlet.legs if outlet.vehicle is None else outlet.vehicle.model.legs
            self.uses(j, legs, is_reached=reports.reaches(outlet.station))
        super().__call__(state, decision, flow)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_law_is_broken_on_a_site_drawn_at_random(seed: int) -> None:
    site, visits, courses, faults = drawn(seed, SECONDS, FAULTS)
    laws = Laws(site)
    laws.run = CoreRun(site, visits, BEGIN, Setup(seed=seed, courses=courses, faults=faults, check=laws))
    laws.run.run(SECONDS)
    assert laws.violations == []
    assert laws.run.plant.observer.largest_a(SECONDS, Cause.CHARGERS) == 0
    assert laws.run.plant.tally.guarded == 0
