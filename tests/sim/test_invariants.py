"""Each law of the simulation can be broken, and is then named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from ems.domain import events as e
from ems.domain.apply import apply
from ems.domain.circuit import CircuitTree
from ems.domain.decision import Binding, Decision, Reason, Setpoint
from ems.domain.grant import Answer, Layer
from ems.domain.instant import Instant
from ems.domain.meter import MeterReading
from ems.domain.session import Need, Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.sim.invariants import Invariants
from ems.sim.observer import Observer
from ems.sim.world import World
from tests.sim.sites import BEGIN, feeder

SITE = feeder(40, metered=True, base_a=20.0)
NOW = Instant(1000.0, BEGIN)


def charging() -> SiteState:
    """All three charge at 10 A, under a lease over a floor of 0 A; the meter was read now."""
    state = SiteState.initial(SITE)
    state = apply(state, e.MeterRead("main", MeterReading(1000.0, (30.0, 30.0, 30.0), 1)))
    for k, evse in enumerate(SITE.evses, 1):
        state = apply(state, e.StationConnected(evse.station, NOW, 1))
        state = apply(state, e.StatusChanged(evse.id, NOW, EvseStatus.CHARGING))
        state = apply(state, e.TransactionStarted(evse.id, NOW, Transaction(k, BEGIN, 0.0)))
        state = apply(state, e.NeedStated(evse.id, Need(10_000.0, BEGIN + timedelta(hours=1))))
        for layer, amps, ends in ((Layer.FLOOR, 0.0, float("inf")), (Layer.SESSION, 10.0, 1900.0)):
            state = apply(state, e.ProfileAnswered(evse.id, layer, amps, 990.0, Answer.ACCEPTED, ends))
    return state


def decided(*amps: float, later_s: float = 0.0) -> Decision:
    reason = Reason(Binding.EVSE)
    setpoints = tuple(Setpoint(evse.id, a, a, reason) for evse, a in zip(SITE.evses, amps, strict=True))
    return Decision(at=NOW.later(later_s), setpoints=setpoints, circuits=())


def broken(laws: Invariants) -> set[str]:
    return {violation.law for violation in laws.violations}


def after(*decisions: Decision, state: SiteState | None = None, besides_a: float = 0.0) -> Invariants:
    laws, world = Invariants(SITE, fairness_s=600), World(SITE)
    world.extra["grid"] = (besides_a,) * 3
    for decision in decisions:
        laws(state or charging(), decision, world.flow(0))
    return laws


@pytest.mark.parametrize(
    ("amps", "besides_a", "laws"),
    [
        ((10, 10, 10), 0, set()),
        ((20, 10, 10), 0, set()),
        ((21, 10, 10), 0, {"I1"}),
        ((21, 0, 0), 0, {"I1"}),
        ((13, 10, 10), 30, set()),
        ((14, 10, 10), 30, {"I1"}),
        ((0, 0, 0), 60, set()),
        ((5.9, 10, 10), 0, {"I3"}),
        ((float("nan"), 10, 10), 0, {"I3"}),
    ],
)
def test_decisions(amps: tuple[float, float, float], besides_a: float, laws: set[str]) -> None:
    """The feeder carries 40 A, the grid 63 A; what is cut still counts, because it may still flow."""
    assert broken(after(decided(10, 10, 10), decided(*amps), besides_a=besides_a)) == laws


@pytest.mark.parametrize(
    ("legs", "building_a", "laws"),
    [(3, 30, {"I1"}), (1, 30, set()), (1, 50, {"I1"}), (0, 50, set())],
    ids=["three", "one, which has room", "one, which has none", "a load like any other"],
)
def test_only_the_legs_count_that_a_vehicle_uses(legs: int, building_a: float, laws: set[str]) -> None:
    """A2 is raised by 10 A; the grid carries 63 A, and the building draws on L1 half of what it does elsewhere."""
    checked, world = Invariants(SITE), World(SITE)
    world.extra["grid"] = (building_a / 2, building_a, building_a)
    checked.uses(1, legs)
    for decision in (decided(10, 10, 10), decided(10, 20, 10)):
        checked(charging(), decision, world.flow(0))
    assert broken(checked) == laws


@pytest.mark.parametrize(
    ("legs", "amps", "laws"),
    [
        ((1, 1, 3), (10, 10, 20), set()),
        ((1, 1, 3), (11, 10, 10), {"I17"}),
        ((1, 3, 3), (20, 10, 10), set()),
        ((2, 1, 3), (11, 10, 10), {"I17"}),
        ((1, 1, 3), (0, 11, 10), {"I17"}),
        ((1, 1, 1), (10, 10, 0), set()),
    ],
    ids=["within", "beyond", "alone", "two legs beside one", "before a cut is proven", "raising nothing"],
)
def test_a_raise_that_loads_one_phase_more_than_the_circuit_allows(
    legs: tuple[int, int, int], amps: tuple[float, float, float], laws: set[str]
) -> None:
    """The feeder's phases may differ by 20 A; legs are the station's first ones."""
    grid, feeder_now = SITE.circuits
    ruled = replace(SITE, circuits=CircuitTree((grid, replace(feeder_now, unbalance_max_a=20.0))))
    checked, world = Invariants(ruled), World(ruled)
    for j, count in enumerate(legs):
        checked.uses(j, count)
    for decision in (decided(10, 10, 10), decided(*amps)):
        checked(charging(), decision, world.flow(0))
    assert broken(checked) == laws


def test_a_raise_below_a_silent_meter() -> None:
    assert broken(after(decided(10, 10, 10), decided(11, 10, 10, later_s=2))) == set()
    assert broken(after(decided(10, 10, 10), decided(11, 10, 10, later_s=4))) == {"I4"}


def grants(change: Callable[[SiteState], SiteState], lasts_s: float = 10.0) -> set[str]:
    decisions = decided(10, 10, 10), decided(10, 10, 10, later_s=lasts_s)
    return broken(after(*decisions, state=change(charging())))


def test_a_limit_for_ever_or_without_floor() -> None:
    forever = e.ProfileAnswered("A1/1", Layer.SESSION, 10.0, 995.0, Answer.ACCEPTED, float("inf"))
    assert grants(lambda state: apply(state, forever)) == {"I5"}
    assert grants(lambda state: apply(state, forever), lasts_s=9.0) == set()

    unreachable = Invariants(SITE)
    unreachable.uses(0, 3, is_reached=False)
    for later_s in (0.0, 10.0):
        unreachable(apply(charging(), forever), decided(10, 10, 10, later_s=later_s), World(SITE).flow(0))
    assert broken(unreachable) == set()

    def without_floor(state: SiteState) -> SiteState:
        first = state.evses[0]
        return replace(state, evses=(replace(first, grant=replace(first.grant, floor=None)), *state.evses[1:]))

    assert grants(without_floor) == {"I5"}


def test_floors_that_do_not_fit() -> None:
    floor = e.ProfileAnswered("A1/1", Layer.FLOOR, 30.0, 995.0, Answer.ACCEPTED, float("inf"))
    more = e.ProfileAnswered("A2/1", Layer.FLOOR, 14.0, 995.0, Answer.ACCEPTED, float("inf"))
    assert grants(lambda state: apply(state, floor)) == set()
    assert grants(lambda state: apply(apply(state, floor), more)) == {"I6"}


def test_somebody_starves() -> None:
    assert broken(after(decided(0, 10, 10), decided(0, 10, 10, later_s=599), state=charging())) == set()
    assert broken(after(decided(0, 10, 10), decided(0, 10, 10, later_s=601), state=charging())) == {"I8"}


def test_who_had_enough_lacks_nothing_later() -> None:
    laws, world = Invariants(SITE), World(SITE)
    full = apply(charging(), e.MeterValues("A1/1", 1000.0, register_wh=10_000.0))
    laws(full, decided(10, 10, 10), world.flow(0))
    laws(full, decided(10, 10, 10), world.flow(0))
    assert broken(laws) == set()
    laws(charging(), decided(10, 10, 10), world.flow(0))
    assert broken(laws) == {"I9"}


@pytest.mark.parametrize(
    ("vehicle_a", "building_a", "lasts_s", "laws"),
    [(30, 40, 14, set()), (30, 40, 16, {"I2"}), (0, 70, 60, set()), (45, 0, 1, {"I2"})],
)
def test_an_overload_that_lasts(vehicle_a: float, building_a: float, lasts_s: float, laws: set[str]) -> None:
    """The grid carries 63 A, the feeder 40 A. One of our own making is wrong at once, one without vehicles never."""
    observer, world = Observer(SITE), World(SITE)
    before_a = 0.0 if building_a == 0 else vehicle_a
    for t, amps, other_a in ((0, before_a, 0), (5, vehicle_a, building_a), (5 + lasts_s, 0, 0)):
        world.draws(0, (amps,) * 3)
        world.extra["grid"] = (other_a,) * 3
        observer.record(t, world.flow(t))
    checked = Invariants(SITE)
    checked.ended(observer, 100.0)
    assert broken(checked) == laws


def test_two_links_of_one_station() -> None:
    checked = Invariants(SITE)
    checked.links({"A1": 1, "A2": 0}, 0.0)
    assert broken(checked) == set()
    checked.links({"A1": 2}, 0.0)
    assert broken(checked) == {"I7"}


def test_the_sums_are_those_of_the_site() -> None:
    """A check of the check: links of an EVSE are its circuit's and all above."""
    laws = Invariants(SITE)
    assert [len(links) for links in laws._links] == [6, 6, 6]
    assert np.array(laws._links[0])[:, 0].tolist() == [1, 1, 1, 0, 0, 0]
