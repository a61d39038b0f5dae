"""What flows in the world, and what the observer sees of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.phases import Phase, Wiring
from ems.domain.site import Site
from ems.domain.station import Evse, Station
from ems.sim.breaker import held_s
from ems.sim.load_course import LoadCourse
from ems.sim.observer import Cause, Observer
from ems.sim.world import World
from tests.sim.sites import feeder, roof


def wired(*phases: str) -> Site:
    stations = tuple(
        Station(f"S{k}", (Evse(f"S{k}", 1, "grid", Wiring.parse(text), 80.0, 0.0),)) for k, text in enumerate(phases)
    )
    return Site("wired", "UTC", CircuitTree((Circuit("grid", None, (400.0,) * 3),)), stations, voltage_v=120)


@pytest.mark.parametrize(
    ("phases", "amps", "grid"),
    [
        (["L1 L2 L3"], [(10, 10, 10)], (10, 10, 10)),
        (["L2 L3 L1"], [(10, 5, 0)], (0, 10, 5)),
        (["L1", "L1", "L2"], [(10,), (6,), (7,)], (16, 7, 0)),
        (["L1-L2"], [(10,)], (10, 10, 0)),
        (["L1-L2", "L1-L2"], [(10,), (6,)], (16, 16, 0)),
        (["L1-L2", "L3-L1"], [(10,), (10,)], (10 * math.sqrt(3), 10, 10)),
        (["L1-L2", "L2-L3", "L3-L1"], [(10,), (10,), (10,)], (17.3205, 17.3205, 17.3205)),
        (["L1-L2", "L2-L3", "L3-L1"], [(3,), (0,), (5,)], (7, 3, 5)),
    ],
)
def test_currents_add_up_as_phasors(phases: list[str], amps: list[tuple[float, ...]], grid: tuple[float, ...]) -> None:
    """Two delta legs x and y on one line give the root of x² + y² + xy."""
    world = World(wired(*phases))
    for k, legs in enumerate(amps):
        world.draws(k, legs)
    assert world.flow(0).amps[0] == pytest.approx(grid, abs=1e-3)


@given(st.lists(st.floats(0, 80), min_size=6, max_size=6))
def test_phasors_never_exceed_the_sum_of_magnitudes(amps: list[float]) -> None:
    site = wired("L1-L2", "L2-L3", "L3-L1", "L1", "L2", "L3")
    world = World(site)
    sums = [0.0, 0.0, 0.0]
    for k, evse in enumerate(site.evses):
        world.draws(k, (amps[k],))
        for phase in evse.wiring.phases:
            sums[phase] += amps[k]
    assert (world.flow(0).amps[0] <= np.array(sums) + 1e-6).all()


def test_power_is_that_of_the_legs() -> None:
    world = World(wired("L1-L2", "L3"))
    world.draws(0, (10.0,))
    world.draws(1, (10.0,))
    watts = world.flow(0).in_phase_a[0] * 120
    assert watts.sum() == pytest.approx(10 * 120 * math.sqrt(3) + 10 * 120)


def test_what_flows_in_a_circuit_flows_in_those_above() -> None:
    site = feeder()
    world = World(site, [LoadCourse("feeder", ((0, (5.0, 0.0, 0.0)),)), LoadCourse("grid", ((0, (2.0, 2.0, 2.0)),))])
    world.draws(0, (10.0, 10.0, 10.0))
    flow = world.flow(0)
    rows = {circuit.id: flow.amps[i].round(6).tolist() for i, circuit in enumerate(site.circuits)}
    assert rows == {"grid": [17, 12, 12], "feeder": [15, 10, 10]}


def test_generation_is_taken_off_and_may_turn_the_sign() -> None:
    world = World(roof(), [LoadCourse("grid", ((0, (-8.0, -8.0, -8.0)),), meter="pv")])
    world.draws(1, (5.0,))
    assert world.flow(0).signed_a[0] == pytest.approx((-3, -8, -8))
    assert world.generation_a("pv", 0) == (-8, -8, -8)
    assert world.generation_a("main", 0) is None
    world.shade("grid", 0.5)
    assert world.flow(0).signed_a[0] == pytest.approx((1, -4, -4))


@pytest.mark.parametrize(
    ("t", "amps", "changes"), [(-5, 1, 0), (0, 1, 10), (9.9, 1, 10), (10, 2, 30), (25, 2, 30), (30, 1, 40), (45, 2, 60)]
)
def test_a_load_course_is_constant_from_point_to_point_and_repeats(t: float, amps: float, changes: float) -> None:
    course = LoadCourse("grid", ((0, (1.0, 1.0, 1.0)), (10, (2.0, 2.0, 2.0))), repeat_s=30)
    assert course.at(t)[0] == amps
    assert course.next_change(t) == (pytest.approx(changes) if t >= 0 else 0)


def test_a_course_that_does_not_repeat_stays_at_its_last_value() -> None:
    course = LoadCourse("grid", ((0, (1.0, 1.0, 1.0)), (10, (2.0, 2.0, 2.0))))
    assert course.at(1e9)[0] == 2
    assert course.next_change(10) == math.inf


@pytest.mark.parametrize("points", [(), ((5, (1.0, 1.0, 1.0)), (5, (2.0, 2.0, 2.0)))])
def test_refuses_a_course_without_order(points: tuple[tuple[float, tuple[float, float, float]], ...]) -> None:
    with pytest.raises(ValueError, match="grid"):
        LoadCourse("grid", points)


def observed(*moments: tuple[float, float, float]) -> Observer:
    """(when, what the EVSE draws, what the building draws) on a feeder of 40 A under a grid of 63 A."""
    site = feeder()
    world, observer = World(site), Observer(site)
    for t, evse_a, building_a in moments:
        world.draws(0, (evse_a,) * 3)
        world.extra["grid"] = (building_a, 0.0, 0.0)
        observer.record(t, world.flow(t))
    return observer


def test_no_overload_up_to_the_rating() -> None:
    observer = observed((0, 40, 0), (10, 40, 23))
    assert observer.overloads(20) == ()
    assert observer.largest_a(20) == 0
    assert observer.peak_a.max() == pytest.approx(63)


def test_an_overload_has_amount_duration_and_cause() -> None:
    observer = observed((0, 10, 0), (10, 45, 0), (12, 48, 0), (30, 40, 0))
    assert {
        (o.circuit, o.phase, o.since_s, o.duration_s, round(o.worst_a, 6), o.cause) for o in observer.overloads(99)
    } == {("feeder", phase, 10, 20, 8, Cause.CHARGERS) for phase in Phase}


def test_who_rose_last_is_the_cause() -> None:
    observer = observed((0, 35, 0), (10, 35, 40), (20, 30, 40), (40, 20, 40))
    assert [(o.circuit, o.phase, o.cause, round(o.worst_a, 6), o.duration_s) for o in observer.overloads(99)] == [
        ("grid", Phase.L1, Cause.BASE_LOAD, 12, 30)
    ]
    assert observer.largest_a(99, Cause.CHARGERS) == 0


def test_an_overload_that_lasts_counts_until_now() -> None:
    assert observed((0, 10, 0), (10, 45, 0)).overloads(70)[0].duration_s == 60


def test_a_raise_into_an_overload_is_our_own_even_if_the_building_began_it() -> None:
    """Within 8 s of its begin a vehicle may still follow an older limit."""
    begun = (0, 30, 0), (10, 30, 40)
    assert {o.cause for o in observed(*begun, (17, 32, 40)).overloads(99)} == {Cause.BASE_LOAD}
    assert {o.cause for o in observed(*begun, (19, 32, 40)).overloads(99)} == {Cause.CHARGERS}


@pytest.mark.parametrize(
    ("cause", "moments"),
    [
        ("the building has risen just now, and a vehicle follows an older limit", [(10, 0, 30), (17, 38, 30)]),
        ("the building rose long ago", [(10, 0, 30), (18, 38, 30)]),
        ("the building has risen just now, but even without that it would be too much", [(10, 0, 4), (17, 64, 4)]),
        ("the building falls while a vehicle rises", [(10, 0, 40), (19, 34, 30)]),
    ],
)
def test_what_could_not_be_known_when_the_limit_was_set_is_not_our_own(
    cause: str, moments: list[tuple[float, float, float]]
) -> None:
    causes = {o.cause for o in observed((0, 0, 0), *moments).overloads(30) if o.circuit == "grid"}
    assert causes == {Cause.BASE_LOAD if "older limit" in cause else Cause.CHARGERS}


def test_neither_is_what_a_station_took_that_disobeys() -> None:
    """It takes 30 A of 40 A; then another vehicle follows the 20 A that it was given when they were free."""
    for later_s, cause in ((7.0, Cause.DISOBEDIENCE), (9.0, Cause.CHARGERS)):
        world, observer = World(feeder()), Observer(feeder())
        world.is_wild(0, wild=True)
        for t, evse, amps in ((0.0, 1, 0.0), (10.0, 0, 30.0), (10.0 + later_s, 1, 20.0)):
            world.draws(evse, (amps,) * 3)
            observer.record(t, world.flow(t))
        assert {o.cause for o in observer.overloads(30) if o.circuit == "feeder"} == {cause}


def test_only_the_time_in_which_vehicles_draw_is_shared() -> None:
    overload = observed((0, 30, 0), (10, 30, 70), (14, 0, 70), (60, 0, 0)).overloads(99)[0]
    assert (overload.duration_s, overload.shared_s) == (50, 4)


def test_a_station_that_disobeys_is_a_cause_of_its_own() -> None:
    site = feeder()
    world, observer = World(site), Observer(site)
    for t, amps, wild in ((0, 10, False), (10, 45, True), (20, 30, True)):
        world.is_wild(0, wild=wild)
        world.draws(0, (amps,) * 3)
        observer.record(t, world.flow(t))
    assert {o.cause for o in observer.overloads(99)} == {Cause.DISOBEDIENCE}


@pytest.mark.parametrize(
    ("ratio", "at_least_s", "at_most_s"),
    [
        (1.0, math.inf, math.inf),
        (1.13, math.inf, math.inf),
        (1.2, 1000, 3600),
        (1.45, 60, 3600),
        (2.55, 1, 1),
        (2.8, 0.1, 1),
        (3.0, 0.1, 0.1),
        (3.01, 0, 0),
    ],
)
def test_a_breaker_holds_what_its_standard_says(ratio: float, at_least_s: float, at_most_s: float) -> None:
    assert at_least_s <= held_s(ratio) <= at_most_s


def test_an_overload_that_a_breaker_survives_and_one_that_it_may_not() -> None:
    """42 A on 40 A for an hour, and 60 A on 40 A for ten minutes; changing currents add up."""
    assert not observed((0, 10, 0), (10, 42, 0)).overloads(3600)[0].may_trip
    assert observed((0, 10, 0), (10, 60, 0)).overloads(610)[0].may_trip
    half = held_s(1.5) / 2
    assert not observed((0, 10, 0), (10, 60, 0), (10 + half, 42, 0)).overloads(4000)[0].may_trip
    assert observed((0, 10, 0), (10, 60, 0), (10 + half, 42, 0), (2000, 60, 0)).overloads(2010 + half)[0].may_trip
