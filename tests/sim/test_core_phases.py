"""One phase or three in a run without event loop: as in the daemon, and never at the cost of a fuse."""

from __future__ import annotations

import pytest

from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.phases import Wiring
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.station import Evse, Station
from ems.sim.core_run import CoreRun, Setup
from ems.sim.faults import Fault, FaultKind, FaultPlan
from ems.sim.invariants import Invariants
from tests.sim.sites import BEGIN, record, visits

HOUR = 3600.0
ROTATED = ("L1 L2 L3", "L2 L3 L1", "L3 L1 L2")
FEEDER_A = 7.0


def narrow(*, switching: bool = True) -> Site:
    """Three outlets, each beginning on another phase, at a feeder that has the minimum of one of them per phase."""
    circuits = (Circuit("grid", None, (63.0,) * 3), Circuit("feeder", "grid", (FEEDER_A,) * 3))
    stations = tuple(
        Station(name, (Evse(name, 1, "feeder", Wiring.parse(phases), 32.0, 0.0, phase_switching=switching),))
        for name, phases in zip(("A1", "A2", "A3"), ROTATED, strict=True)
    )
    policy = Policy(raise_every_s=5.0, raise_hold_s=5.0, lease_s=600.0)
    return Site("narrow", "Europe/Berlin", CircuitTree(circuits), stations, policy=policy)


class Watched:
    """The outlets, looked at after every decision: how many legs each uses, and who was switched while it drew."""

    def __init__(self, site: Site, seconds: float = 3 * HOUR, **setup: object) -> None:
        self.laws, self.seconds = Invariants(site), seconds
        records = [record(f"A{k}", 0, 3 * HOUR, 50_000) for k in (1, 2, 3)]
        setup["check"] = self.look
        self.run = CoreRun(site, visits(site, *records), BEGIN, Setup(**setup))  # type: ignore[arg-type]  # names are Setup's to check
        self.uses = [outlet.uses for outlet in self.run.plant.outlets]
        self.drew = [0.0] * 3
        self.switches = 0
        self.under_load = 0

    def look(self, *seen: object) -> None:
        """As a check after a decision."""
        for j, outlet in enumerate(self.run.plant.outlets):
            legs = outlet.uses if outlet.vehicle is None else min(outlet.vehicle.model.legs, outlet.uses)
            self.laws.uses(j, legs, is_reached=self.run.daemon.reports.reaches(outlet.station))
            if outlet.uses != self.uses[j] and outlet.vehicle is not None:
                self.switches += 1
                self.under_load += bool(outlet.draw_a or self.drew[j])
            self.uses[j], self.drew[j] = outlet.uses, outlet.draw_a
        self.laws(*seen)  # type: ignore[arg-type]  # what a check is told

    def played(self) -> Watched:
        """To the end, and no law was broken."""
        self.run.run(self.seconds)
        self.laws.ended(self.run.plant.observer, self.seconds)
        assert self.laws.violations == []
        assert self.run.plant.observer.largest_a(self.seconds) == 0.0
        return self

    @property
    def least_kwh(self) -> float:
        return min(outcome.got_wh for outcome in self.run.plant.tally.outcomes) / 1000.0


def test_where_three_phases_are_too_many_everybody_charges_on_one() -> None:
    """7 A on a phase of its own each, all at once, where on three phases each waits for its turn; nobody is switched
    back as soon as another pauses.
    """
    watched, others = Watched(narrow()).played(), Watched(narrow(switching=False)).played()
    assert (watched.switches, watched.under_load, others.switches) == (3, 0, 0)
    ended, turns = watched.run.plant.tally.series.evse_a, others.run.plant.tally.series.evse_a
    assert [row.tolist() for row in ended[-13:-1]] == [[7, 7, 7]] * 12, "the last hour"
    assert not any(row.min() > 0 for row in turns)
    assert watched.run.plant.tally.longest_starved_s <= others.run.plant.tally.longest_starved_s * 1.1


def test_renewed_leases_keep_the_number_of_phases() -> None:
    """Three hours are eighteen leases; who was told one phase is told it once, and not again and again."""
    watched = Watched(narrow()).played()
    told = [known.switch for known in watched.run.daemon.state.evses]
    assert [one.refuses for one in told] == [False] * 3
    assert not any(form.failed for form in watched.run.daemon.memory.forms)
    assert watched.run.plant.tally.profiles < 300, "two layers of three stations, twice in each of 18 leases"


def test_skipping_time_changes_nothing_that_matters() -> None:
    seconds = 0.6 * HOUR
    skipping, looking = Watched(narrow(), seconds).played(), Watched(narrow(), seconds, look_s=1.0).played()
    assert skipping.run.plant.tally.ticks < looking.run.plant.tally.ticks / 5
    assert skipping.switches == looking.switches
    for a, b in zip(skipping.run.plant.tally.outcomes, looking.run.plant.tally.outcomes, strict=True):
        assert a.got_wh == pytest.approx(b.got_wh, rel=0.03)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (FaultKind.CONTROLLER_DEAD, ""),
        (FaultKind.STATION_LOST, "A1"),
        (FaultKind.STATION_MUTE, "A1"),
        (FaultKind.STATION_REFUSES, "A1"),
        (FaultKind.STATION_REBOOT, "A1"),
    ],
)
def test_whatever_fails_on_the_way_no_fuse_is_exceeded(kind: FaultKind, target: str) -> None:
    """It strikes while vehicles pause to be switched, and when they charge on one phase."""
    for at_s in (75.0, HOUR):
        watched = Watched(narrow(), faults=FaultPlan((Fault(at_s, kind, target, lasts_s=120.0),)))
        watched.played()
        assert watched.least_kwh > 0.0, f"{kind} at {at_s:g}"


def test_a_station_that_takes_no_limit_in_the_meantime_is_named() -> None:
    faults = FaultPlan((Fault(60.0, FaultKind.STATION_REFUSES, "A2", lasts_s=2 * HOUR),))
    watched = Watched(narrow(), faults=faults).played()
    failed = [form.failed for form in watched.run.daemon.memory.forms]
    assert failed == ["", "it did not accept the number of phases in time", ""]
