"""What a plan does to a tick: it steers within the limits, and nobody notices when it is gone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from ems.control.aims import AWAIT_PLAN_S, next_change
from ems.domain import events as e
from ems.domain.decision import Binding
from ems.domain.plan import Plan, PlannedCharge, Why
from ems.domain.session import Need
from ems.domain.station_model import StationModel
from ems.domain.strategy import Strategy
from tests.builders import Scenario, circuit, evse, layout, site

CHEAPEST, FAST = Strategy.CHEAPEST, Strategy.FAST
STEP_S = 300


FEW_LIMITS = StationModel(allowed_a=(0.0, 8.0, 16.0, 24.0, 32.0))


def pair(rating: float = 63, strategy: Strategy = CHEAPEST, model: StationModel | None = None) -> Scenario:
    """Two outlets of 32 A; both vehicles have been charging for a while before anybody makes a plan."""
    at = layout([circuit("grid", rating)], [evse("A1", "grid"), evse("A2", "grid")])
    if model is not None:
        at = replace(at, stations=tuple(replace(one, model=model) for one in at.stations))
    return (
        site(at)
        .car("A1", need=40, leaves="20:00")
        .car("A2", need=40, leaves="20:00")
        .after(400)
        .tell(e.StrategyChosen(strategy))
    )


def planned(s: Scenario, amps: Mapping[str, list[float]], strategy: Strategy = CHEAPEST) -> Scenario:
    """A plan in steps of five minutes from now on, made now."""
    steps = max(map(len, amps.values()))
    charges = []
    for name, course in amps.items():
        session = s.known(name).session
        assert session is not None
        charges.append(PlannedCharge(f"{name}/1", session.id, tuple(course), (Why(0, "cheaper later"),), 4e4, 4e4))
    edges = tuple(s.now.utc + timedelta(seconds=STEP_S * k) for k in range(steps + 1))
    caps = strategy is not FAST
    return s.tell(e.PlanMade(s.now.monotonic_s, Plan(s.now.utc, strategy, edges, tuple(charges), caps)))


def test_vehicles_get_what_is_planned_and_no_more() -> None:
    s = planned(pair(), {"A1": [16, 8], "A2": [10, 31]}).after(60)
    s.expect(A1=16, A2=10, binding=Binding.PLANNED, cause="planned: cheaper later")
    s.after(STEP_S).expect(A1=8, A2=31)


def test_a_step_at_which_nothing_is_planned_is_a_pause_that_says_until_when() -> None:
    s = planned(pair(), {"A1": [0, 16], "A2": [10, 10]}).after(60)
    s.expect(A1=0, binding=Binding.PLANNED)
    assert s.setpoint("A1").reason.until == s.state.plan.edges[1]  # type: ignore[union-attr]  # it has just been made
    s.after(STEP_S).expect(A1=16)


def test_a_fraction_is_rounded_up_to_what_the_station_can_express() -> None:
    planned(pair(), {"A1": [13.2], "A2": [3.0]}).after(60).expect(A1=14, A2=6)


def test_a_station_of_few_limits_has_the_next_above_its_plan() -> None:
    """Of 0, 8, 16, 24 and 32 A: with the one below it would never have what is planned."""
    planned(pair(model=FEW_LIMITS), {"A1": [12.0], "A2": [24.5]}).after(60).expect(A1=16, A2=32)


def test_fractions_of_a_plan_fill_a_circuit_in_whole_amperes() -> None:
    """Rounding both down would leave one of 31 A to nobody."""
    s = planned(pair(31), {"A1": [15.5], "A2": [15.5]}).after(60)
    assert sorted((s.setpoint("A1").amps, s.setpoint("A2").amps)) == [15, 16]


@pytest.mark.parametrize(
    ("strategy", "later_a", "first_a", "then_a"),
    [(Strategy.SOLAR, 2.7, 0, 0), (Strategy.SOLAR, 3.5, 0, 6), (CHEAPEST, 2.7, 0, 6)],
)
def test_solar_starts_nobody_for_less_than_half_its_minimum_that_a_later_step_means(
    strategy: Strategy, later_a: float, first_a: float, then_a: float
) -> None:
    """Of the first step the plan decided it: there any current is meant. Who buys anyway buys it one way or another."""
    s = planned(pair(strategy=strategy), {"A1": [0, later_a], "A2": [2.7, 2.7]}, strategy).after(60)
    s.expect(A1=first_a, A2=6).after(STEP_S).expect(A1=then_a, A2=6)


def test_a_plan_that_does_not_cap_comes_first_and_the_rest_is_shared() -> None:
    planned(pair(40, FAST), {"A1": [30], "A2": [0]}, FAST).after(90).expect(A1=(30, 34), A2=(6, 10))


@pytest.mark.parametrize(
    ("what", "kwh", "within_h", "bus_a", "car_a"),
    [
        ("a promise that can wait leaves the others their minimum", 3.0, 2.0, (10, 12), (6, 6)),
        ("one that cannot is served first, and the rest is no minimum", 14.0, 2.0, (16, 16), (0, 0)),
        ("one that cannot be kept any more takes what there is", 14.0, 0.5, (16, 16), (0, 0)),
        ("one that nobody gave a moment leaves the others their minimum", 14.0, None, (10, 12), (6, 6)),
        ("where nothing is promised all have their minimum", 0.0, 2.0, (10, 12), (6, 6)),
    ],
)
def test_of_a_plan_that_does_not_cap_what_is_promised_goes_before_the_minimum_of_others(
    what: str, kwh: float, within_h: float | None, bus_a: tuple[float, float], car_a: tuple[float, float]
) -> None:
    s = pair(16, FAST)
    by = None if within_h is None else s.now.utc + timedelta(hours=within_h)
    got_wh = s.known("A1").session.energy_wh  # type: ignore[union-attr]  # it is plugged in
    s.tell(e.NeedStated("A1/1", Need(40_000.0, guaranteed_wh=got_wh * bool(kwh) + 1000.0 * kwh, guaranteed_by=by)))
    planned(s, {"A1": [16], "A2": [0]}, FAST).after(120).expect(A1=bus_a, A2=car_a)


def test_limits_know_no_plan() -> None:
    s = planned(pair(), {"A1": [32], "A2": [32]}).limit("grid", "dso", 20).after(60)
    assert s.setpoint("A1").amps + s.setpoint("A2").amps <= 20
    assert s.setpoint("A1").reason.binding is Binding.LIMIT


def test_who_has_just_been_switched_on_keeps_its_minimum_for_a_while() -> None:
    at = layout([circuit("grid", 63)], [evse("A1", "grid")])
    s = site(at).car("A1", need=40, leaves="20:00").after(60).tell(e.StrategyChosen(CHEAPEST))
    planned(s, {"A1": [0, 0]}).after(60).expect(A1=6).after(300).expect(A1=0)


def test_a_vehicle_that_has_just_come_waits_a_moment_for_its_place_in_the_plan() -> None:
    s = planned(pair().unplug("A2").after(5), {"A1": [16, 16]}).car("A2", need=20, leaves="18:00").after(5)
    s.expect(A2=0, cause="its place in the plan is being found").after(60).expect(A2=(20, 32))


@pytest.mark.parametrize(
    ("strategy", "trouble", "waits"),
    [(CHEAPEST, "", True), (Strategy.SOLAR, "", True), (FAST, "", False), (CHEAPEST, "dead", False)],
)
def test_the_first_vehicle_waits_a_moment_for_a_first_plan_that_would_spare_money(
    strategy: Strategy, trouble: str, waits: bool
) -> None:
    s = pair(strategy=strategy).unplug("A1").unplug("A2").after(5)
    if trouble:
        s.tell(e.PlanMade(s.now.monotonic_s, None, trouble))
    s.car("A1", need=20, leaves="20:00").after(15)
    assert (s.setpoint("A1").amps == 0.0) is waits
    if waits:
        s.expect(A1=0, cause="its place in the plan is being found")
        assert next_change(s.state, s.now) == pytest.approx(AWAIT_PLAN_S - 15.0)
    s.after(30).expect(A1=(20, 32))
    assert next_change(s.state, s.now) == math.inf


def test_who_has_what_it_asked_for_draws_no_more_while_it_costs() -> None:
    s = pair()
    s = planned(s, {"A1": [16, 16]}).tell(e.NeedStated("A2/1", s.known("A2").session.need.__class__(1.0)))  # type: ignore[union-attr]  # plugged in
    s.after(60).expect(A2=0, cause="it has what it asked for")


GONE = {
    "old": lambda s: s.after(STEP_S * 3 + 60),
    "over": lambda s: s.after(STEP_S * 2 + 1),
    "of another strategy": lambda s: s.tell(e.StrategyChosen(Strategy.SOLAR)),
    "not asked for any more": lambda s: s.tell(e.StrategyChosen(None)),
}


@pytest.mark.parametrize("gone", GONE)
def test_without_a_plan_that_counts_vehicles_are_served_as_if_there_had_been_none(gone: str) -> None:
    steps = 2 if gone == "over" else 9
    s = GONE[gone](planned(pair(), {"A1": [8] * steps, "A2": [8] * steps}).after(60).expect(A1=8, A2=8)).after(90)
    s.expect(A1=(28, 32), A2=(28, 32))
    assert s.most_over_a <= 0


def test_a_plan_that_failed_leaves_the_last_one_in_force() -> None:
    s = planned(pair(), {"A1": [8, 8], "A2": [8, 8]}).after(60).tell(e.PlanMade(0.0, None, "too late"))
    s.after(60).expect(A1=8, A2=8)
