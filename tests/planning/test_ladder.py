"""What goes before what: guarantees, classes, fair shares, cost, and finishing early."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.strategy import LADDERS, PLANNED, Ladder, Strategy
from ems.planning.horizon import Horizon
from ems.planning.imports import Begun
from ems.planning.optimiser import optimise
from ems.planning.problem import DemandCharge, Economy, Node
from ems.planning.requests import START_WEIGHT
from ems.planning.schedule import Schedule
from ems.planning.weights import Weights
from tests.planning.sites import MIDNIGHT, ONE, THREE, economy, hours, phases, power, problem, vehicle

FAST, CHEAPEST, SOLAR, BALANCED = (
    LADDERS[s] for s in (Strategy.FAST, Strategy.CHEAPEST, Strategy.SOLAR, Strategy.BALANCED)
)


def kwh(schedule: Schedule) -> list[float]:
    """Delivered, in order."""
    return [float(wh) / 1000.0 for wh in schedule.delivered_wh]


def test_every_strategy_that_needs_a_plan_has_a_ladder() -> None:
    """And no other."""
    assert set(LADDERS) == PLANNED


@pytest.mark.parametrize("strategy", [Strategy.FAST, Strategy.CHEAPEST, Strategy.BALANCED])
def test_a_guarantee_goes_before_a_class(strategy: Strategy) -> None:
    """3 of 7.36 kWh are promised to the lowest; the rest goes to the highest."""
    horizon = hours(1)
    low = vehicle(horizon, 7.0, guaranteed_wh=3000.0, guaranteed_by=1, session="low")
    high = vehicle(horizon, 7.0, service_class=3, session="high")
    assert kwh(optimise(problem(horizon, [low, high], 32.0), LADDERS[strategy])) == pytest.approx([3.0, 4.36])


def test_a_guarantee_is_kept_by_its_moment_and_not_later() -> None:
    """5 kWh by 01:00, although an hour later is cheaper."""
    horizon = hours(3)
    asked = vehicle(horizon, 9.0, guaranteed_wh=5000.0, guaranteed_by=1)
    site = problem(horizon, [asked], 32.0, economy(horizon, [0.5, 0.1, 0.1]))
    schedule = optimise(site, CHEAPEST)
    assert schedule.amps[0, 0] * 0.23 == pytest.approx(5.0)
    assert kwh(schedule) == pytest.approx([9.0])


@pytest.mark.parametrize("strategy", [Strategy.CHEAPEST, Strategy.SOLAR, Strategy.BALANCED])
def test_who_is_promised_not_to_pause_has_the_minimum_while_others_wait(strategy: Strategy) -> None:
    """6 A in the dear hours and without sun, as long as it could not be done yet; the rest when it is time."""
    horizon = hours(4)
    asked = vehicle(horizon, 15.0, min_a=6.0, always=True)
    bill = economy(horizon, [0.9, 0.9, 0.1, 0.1], generation_kw=[0.0, 0.0, 7.36, 7.36])
    amps = optimise(problem(horizon, [asked], 32.0, bill), LADDERS[strategy]).amps[0]
    assert amps[:2].tolist() == pytest.approx([6.0, 6.0])
    assert amps.sum() * 0.23 == pytest.approx(15.0)


def test_a_promise_not_to_pause_goes_before_a_higher_class_and_does_not_stretch_a_charge() -> None:
    """6 of 32 A beside the higher class; alone, full current at once."""
    horizon = hours(2)
    asked = vehicle(horizon, 5.0, min_a=6.0, always=True)
    high = vehicle(horizon, 99.0, service_class=2, session="b")
    assert optimise(problem(horizon, [asked, high], 32.0), FAST).amps[0, 0] == pytest.approx(6.0)
    assert (optimise(problem(horizon, [asked], 32.0), FAST).amps[0] * 0.23).tolist() == pytest.approx([5.0, 0.0])


def test_a_promise_that_cannot_be_kept_is_no_error() -> None:
    """4 A are left: it pauses, and the other has them."""
    horizon = hours(1)
    pair = [vehicle(horizon, 5.0, min_a=6.0, always=True), vehicle(horizon, 0.92, session="b")]
    assert optimise(problem(horizon, pair, 4.0), FAST).amps[:, 0].tolist() == pytest.approx([0.0, 4.0])


def test_a_class_goes_before_three_of_the_one_below() -> None:
    """A single-phase vehicle of the higher class stops a three-phase one, which would take three times as much."""
    horizon = hours(1)
    low = vehicle(horizon, 22.0, kinds=THREE, session="low")
    high = vehicle(horizon, 7.0, kinds=ONE, service_class=1, session="high")
    assert kwh(optimise(problem(horizon, [low, high], 32.0), CHEAPEST))[1] == pytest.approx(7.0)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.1, 10.0), (10.0, 10.0)])
def test_no_weight_lifts_a_vehicle_into_another_class(weights: Sequence[float]) -> None:
    """Weights count within a class."""
    horizon = hours(1)
    high = vehicle(horizon, 7.0, service_class=1, weight=weights[0], session="high")
    low = vehicle(horizon, 7.0, weight=weights[1], session="low")
    assert kwh(optimise(problem(horizon, [high, low], 32.0), CHEAPEST)) == pytest.approx([7.0, 0.36])


def test_within_a_class_the_heavier_goes_first() -> None:
    """Weight 3 beats weight 1."""
    horizon = hours(1)
    pair = [vehicle(horizon, 7.0, weight=w, session=str(w)) for w in (1.0, 3.0)]
    assert kwh(optimise(problem(horizon, pair, 32.0), CHEAPEST)) == pytest.approx([0.36, 7.0])


@given(st.integers(2, 6), st.sampled_from([0.3, 0.5, 0.8, 0.95]))
def test_equals_are_short_by_nearly_equal_shares(count: int, share: float) -> None:
    """Nobody is more than a third of his need worse off than another."""
    horizon = hours(1)
    equals = [vehicle(horizon, 7.0, session=str(k)) for k in range(count)]
    amps = share * count * 7000.0 / 230.0
    short = optimise(problem(horizon, equals, amps), FAST).short_wh / 7000.0
    assert short.sum() == pytest.approx(count * (1.0 - share), abs=1e-3)
    assert np.ptp(short) <= 1.0 / 3.0 + 1e-6


@given(st.integers(2, 6), st.sampled_from([0.34, 0.4, 0.6]))
def test_nobody_has_more_than_a_third_before_all_have_a_third(count: int, share: float) -> None:
    """Also of those who are known to stay as long as each other."""
    horizon = hours(1)
    equals = [vehicle(horizon, 7.0, session=str(k)) for k in range(count)]
    short = optimise(problem(horizon, equals, share * count * 7000.0 / 230.0), FAST).short_wh / 7000.0
    assert short.max() <= 2.0 / 3.0 + 1e-6


def test_service_goes_before_any_cost() -> None:
    """At 9 a kWh and 500 a kW the vehicle still leaves with all it needs, at a negative price no less."""
    horizon = hours(2)
    charge = DemandCharge(500.0, 900.0, np.ones(2))
    for price in (9.0, 1e-4, 0.0, -0.3):
        site = problem(horizon, [vehicle(horizon, 14.0)], 32.0, economy(horizon, price, demand=(charge,)))
        assert kwh(optimise(site, CHEAPEST)) == pytest.approx([14.0])


def test_cheapest_waits_for_the_cheap_hour_and_no_longer() -> None:
    """Of two equally cheap hours the first."""
    horizon = hours(4)
    site = problem(horizon, [vehicle(horizon, 7.0)], 32.0, economy(horizon, [0.3, 0.1, 0.1, 0.2]))
    assert (optimise(site, CHEAPEST).amps[0] * 0.23).tolist() == pytest.approx([0.0, 7.0, 0.0, 0.0])


def test_fast_charges_at_once_whatever_it_costs() -> None:
    """The dear hour is the first."""
    horizon = hours(3)
    site = problem(horizon, [vehicle(horizon, 7.0)], 32.0, economy(horizon, [0.9, 0.1, 0.1]))
    assert (optimise(site, FAST).amps[0] * 0.23).tolist() == pytest.approx([7.0, 0.0, 0.0])


def test_solar_takes_what_the_sun_leaves_and_no_more() -> None:
    """2 kW of surplus at noon, none before, for any class; what is guaranteed comes from the grid."""
    horizon = hours(3)
    sun = economy(horizon, 0.3, base_kw=1.0, generation_kw=[0.0, 3.0, 3.0], feed_in=0.08)
    for service_class in (0, 5):
        eager = vehicle(horizon, 20.0, service_class=service_class)
        other = vehicle(horizon, 0.0, session="b")
        promised = eager._replace(guaranteed_wh=1000.0, guaranteed_by=1)
        drawn = optimise(problem(horizon, [eager, other], 32.0, sun), SOLAR).amps[0] * 0.23
        assert drawn.tolist() == pytest.approx([0.0, 2.0, 2.0])
        drawn = optimise(problem(horizon, [promised, other], 32.0, sun), SOLAR).amps[0] * 0.23
        assert drawn.tolist() == pytest.approx([1.0, 2.0, 2.0])


def test_the_sun_goes_to_the_higher_class_first() -> None:
    """2 kWh of surplus for two that want 2 each."""
    horizon = hours(1)
    sun = economy(horizon, 0.3, generation_kw=2.0)
    pair = [vehicle(horizon, 2.0, service_class=k, session=str(k)) for k in (0, 1)]
    assert kwh(optimise(problem(horizon, pair, 32.0, sun), SOLAR)) == pytest.approx([0.0, 2.0])


def test_balanced_keeps_the_peak_of_the_whole_site_low() -> None:
    """Beside a building of 1, 5 and 1 kW, 8 kWh go where they make no more than 5 kW."""
    horizon = hours(3)
    site = problem(horizon, [vehicle(horizon, 8.0)], 99.0, economy(horizon, 0.2, base_kw=[1.0, 5.0, 1.0]))
    schedule = optimise(site, BALANCED)
    assert kwh(schedule) == pytest.approx([8.0])
    assert schedule.site_w.max() == pytest.approx(5000.0)


def test_balanced_fills_the_valleys_between_peaks_whatever_the_price() -> None:
    """The building makes the peak; the 9 kWh do not crowd into the cheap first hour, but share three."""
    horizon = hours(4)
    bill = economy(horizon, [0.1, 0.3, 0.9, 0.9], base_kw=[1.0, 9.0, 1.0, 1.0])
    schedule = optimise(problem(horizon, [vehicle(horizon, 9.0)], 99.0, bill), BALANCED)
    assert kwh(schedule) == pytest.approx([9.0])
    assert schedule.site_w[1] == pytest.approx(9000.0)
    assert np.ptp(schedule.site_w[[0, 2, 3]]) <= 9000.0 / 6.0 + 1.0


def test_a_lower_peak_is_worth_the_dearer_hour_to_balanced() -> None:
    """4 kWh in four hours at 1 kW, although one of them is nearly free."""
    horizon = hours(4)
    site = problem(horizon, [vehicle(horizon, 4.0)], 99.0, economy(horizon, [0.9, 0.01, 0.9, 0.9]))
    assert optimise(site, BALANCED).site_w.tolist() == pytest.approx([1000.0] * 4)


def test_a_vehicle_of_a_forecast_is_served_but_does_not_hurry() -> None:
    """It takes no early hour from one that is there."""
    horizon = hours(2)
    real, phantom = vehicle(horizon, 7.0), vehicle(horizon, 7.0, session="b", expected=True)
    amps = optimise(problem(horizon, [phantom, real], 32.0), FAST).amps * 0.23
    assert amps[1].tolist() == pytest.approx([7.0, 0.0])
    assert amps[0].sum() == pytest.approx(7.0)


@pytest.mark.parametrize("ladder", [FAST, CHEAPEST])
@pytest.mark.parametrize("on", [0, 1])
def test_of_equal_plans_that_counts_in_which_goes_on_who_charges_already(ladder: Ladder, on: int) -> None:
    """One after the other, and both stay: each swap costs what nobody draws until the other follows."""
    horizon = hours(4)
    requests = [vehicle(horizon, 7.0, session=str(k), is_on=k == on) for k in (0, 1)]
    amps = optimise(problem(horizon, requests, 32.0, economy(horizon, 0.3)), ladder).amps * 0.23
    assert amps[on, 0] == pytest.approx(7.0)


@given(
    st.sampled_from(list(LADDERS.values())),
    st.lists(st.tuples(st.integers(0, 12), st.floats(0.1, 10.0)), min_size=1, max_size=8),
    st.sampled_from([0.0, 1e-5, 0.3, 1000.0]),
    st.sampled_from([0.0, 10.0, 1e6]),
)
def test_weights_stay_within_what_a_solver_can_tell_apart(
    ladder: Ladder, members: list[tuple[int, float]], price: float, per_kw: float
) -> None:
    """Whatever is charged for, and however many classes there are."""
    horizon = hours(24)
    requests = [vehicle(horizon, 7.0, service_class=c, weight=w, session=str(k)) for k, (c, w) in enumerate(members)]
    bill = economy(horizon, price, demand=(DemandCharge(per_kw, 900.0, np.ones(24)),))
    weights = Weights.of(problem(horizon, requests, 32.0, bill), ladder)
    numbers = [*weights.missing, *weights.guaranteed, *np.abs(weights.import_), *weights.demand, weights.peak]
    assert np.isfinite(numbers).all()
    assert min(weights.missing) > 0.0
    assert max(numbers) < 2e8
    top_cost = max(np.abs(weights.import_).max(), weights.early)
    most = 1.12 * max(weights.missing) + 2.0 * START_WEIGHT * max(weights.start)
    if ladder.beyond_guarantee:
        assert min(weights.missing) > top_cost
        assert min(weights.guaranteed) > most
    else:
        assert most < top_cost < min(weights.guaranteed)


def test_a_limit_of_power_is_a_limit() -> None:
    """11 kW for a site whose fuses would carry 22."""
    horizon = hours(1)
    site = problem(horizon, [vehicle(horizon, 99.0, kinds=THREE)], 32.0)
    grid = Node("grid", -1, (*phases(32.0, 1), power(11.0, 1)))
    assert kwh(optimise(dataclasses.replace(site, nodes=(grid,)), FAST)) == pytest.approx([11.0])


def test_without_prices_cheapest_is_still_a_plan() -> None:
    """All served, and early."""
    horizon = hours(3)
    site = problem(horizon, [vehicle(horizon, 7.0)], 32.0, Economy.indifferent(horizon))
    assert (optimise(site, CHEAPEST).amps[0] * 0.23).tolist() == pytest.approx([7.0, 0.0, 0.0])


def test_a_plan_that_is_made_anew_within_a_window_keeps_to_the_mean_of_all_of_it() -> None:
    """Four kWh in an hour, planned every five minutes: no quarter hour is above the 4 kW that the first plan needs,
    although the first began with all that flows; and no step after that is.
    """
    flowed_kw = [7.36]
    while len(flowed_kw) < 12:
        done = len(flowed_kw)
        horizon = Horizon.uniform(MIDNIGHT + timedelta(minutes=5 * done), 12 - done, 300.0)
        running = flowed_kw[done - done % 3 :]
        begun = Begun(300.0 * len(running), sum(running) * 1000.0 / 12.0)
        peak_w = max((1000.0 * sum(flowed_kw[k : k + 3]) / 3.0 for k in range(0, done - 2, 3)), default=0.0)
        charge = DemandCharge(10.0, 900.0, np.ones(12 - done), paid_w=peak_w, begun=begun)
        asked = vehicle(horizon, 4.0 - sum(flowed_kw) / 12.0)
        schedule = optimise(problem(horizon, [asked], 32.0, economy(horizon, 0.3, demand=(charge,))), CHEAPEST)
        assert schedule.demand_cost == pytest.approx(40.0 - 10.0 * peak_w / 1000.0, abs=0.01)
        flowed_kw.append(float(schedule.site_w[0]) / 1000.0)
    assert [sum(flowed_kw[k : k + 3]) / 3.0 for k in (0, 3, 6, 9)] == pytest.approx([4.0] * 4, abs=0.001)
    assert max(flowed_kw[1:]) == pytest.approx(4.0, abs=0.001)
