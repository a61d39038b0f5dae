"""Grid connection, demand charges, sun and battery in a plan."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from ems.domain.strategy import LADDERS, Strategy
from ems.planning.optimiser import optimise
from ems.planning.problem import Battery, ChargingProblem, DemandCharge, Node
from tests.planning.sites import THREE, economy, hours, phases, problem, problems, vehicle

CHEAPEST, SOLAR = LADDERS[Strategy.CHEAPEST], LADDERS[Strategy.SOLAR]


def cell(**changes: Any) -> Battery:
    """10 kWh, half full, 5 kW."""
    return Battery(0, 5000.0, 10000.0, 5000.0, 5000.0)._replace(**changes)


@pytest.mark.parametrize(("paid_kw", "first_kw"), [(0.0, 3.0), (4.0, 4.0), (7.0, 6.0)])
def test_a_peak_that_is_paid_already_is_free(paid_kw: float, first_kw: float) -> None:
    """6 kWh in two hours, the first one cheaper: up to what is paid at once, and evenly when nothing is."""
    horizon = hours(2)
    charge = DemandCharge(10.0, 900.0, np.ones(2), 1000.0 * paid_kw)
    bill = economy(horizon, [0.1, 0.2], demand=(charge,))
    schedule = optimise(problem(horizon, [vehicle(horizon, 6.0)], 32.0, bill), CHEAPEST)
    assert schedule.site_w[0] / 1000.0 == pytest.approx(first_kw)
    assert schedule.demand_cost == pytest.approx(10.0 * max(0.0, first_kw - paid_kw) if paid_kw else 30.0)


def test_a_demand_charge_looks_at_means_over_its_windows_and_only_when_it_counts() -> None:
    """Four steps of 15 min in windows of 30: the mean of two counts; the second window does not count at all."""
    horizon = dataclasses.replace(hours(1), edges_s=(0.0, 900.0, 1800.0, 2700.0, 3600.0))
    charge = DemandCharge(10.0, 1800.0, np.array([1.0, 1.0, 0.0, 0.0]))
    bill = economy(horizon, [0.1, 0.2, 0.3, 0.3], demand=(charge,))
    schedule = optimise(problem(horizon, [vehicle(horizon, 5.0)], 32.0, bill), CHEAPEST)
    rest_kwh = 5.0 - 2 * 7.36 / 4.0
    assert schedule.site_w[2:].tolist() == pytest.approx([7360.0, 7360.0])
    assert schedule.site_w[:2].tolist() == pytest.approx([4000.0 * rest_kwh, 0.0])
    assert schedule.demand_cost == pytest.approx(10.0 * 2.0 * rest_kwh)


def test_within_a_window_nobody_is_hurried_and_then_paused() -> None:
    """4 kWh in two windows of half an hour, three steps each: no step lies above the mean that they have to reach."""
    horizon = dataclasses.replace(hours(1), edges_s=tuple(600.0 * step for step in range(7)))
    bill = economy(horizon, 0.2, demand=(DemandCharge(10.0, 1800.0, np.ones(6)),))
    schedule = optimise(problem(horizon, [vehicle(horizon, 4.0)], 32.0, bill), CHEAPEST)
    assert schedule.site_w.tolist() == pytest.approx([4000.0] * 6)


def test_the_building_belongs_to_the_peak() -> None:
    """Beside 5 kW in the first hour the vehicle waits for the second."""
    horizon = hours(2)
    bill = economy(horizon, 0.2, base_kw=[5.0, 0.0], demand=(DemandCharge(10.0, 900.0, np.ones(2)),))
    schedule = optimise(problem(horizon, [vehicle(horizon, 5.0)], 99.0, bill), CHEAPEST)
    assert schedule.site_w.tolist() == pytest.approx([5000.0, 5000.0])


def test_own_generation_costs_what_feeding_it_in_would_have_brought() -> None:
    """At noon 0.08 instead of 0.30: charge then."""
    horizon = hours(3)
    bill = economy(horizon, 0.3, generation_kw=[0.0, 6.0, 0.0], feed_in=0.08)
    schedule = optimise(problem(horizon, [vehicle(horizon, 5.0)], 32.0, bill), CHEAPEST)
    assert (schedule.amps[0] * 0.23).tolist() == pytest.approx([0.0, 5.0, 0.0])
    assert schedule.energy_cost == pytest.approx(-0.08)


def test_feed_in_above_the_price_of_import_is_no_money_machine() -> None:
    """The program stays bounded, and the vehicle is served."""
    horizon = hours(2)
    bill = economy(horizon, 0.1, generation_kw=3.0, feed_in=0.5, battery=cell())
    assert optimise(problem(horizon, [vehicle(horizon, 5.0)], 32.0, bill), CHEAPEST).short_wh.sum() < 1e-3


def test_a_battery_moves_energy_from_the_cheap_hour_to_the_dear_one() -> None:
    """Within what it can hold and give."""
    horizon = hours(2)
    bill = economy(horizon, [0.1, 0.5], base_kw=4.0, battery=cell(efficiency=1.0))
    schedule = optimise(problem(horizon, [], 99.0, bill), CHEAPEST)
    assert schedule.battery_w.tolist() == pytest.approx([5000.0, -4000.0])


def test_a_battery_that_wears_more_than_it_saves_rests() -> None:
    """0.1 of difference, 0.2 of wear."""
    horizon = hours(2)
    bill = economy(horizon, [0.2, 0.3], base_kw=4.0, battery=cell(wear_per_kwh=0.2))
    assert not optimise(problem(horizon, [], 99.0, bill), CHEAPEST).battery_w.any()


def test_a_battery_charges_only_into_room_that_is_there() -> None:
    """3 x 4 A of room are 2.76 kW, whatever is cheap."""
    horizon = hours(2)
    bill = economy(horizon, [0.01, 0.9], base_kw=4.0, battery=cell())
    schedule = optimise(problem(horizon, [], [4.0, 32.0], bill), CHEAPEST)
    assert schedule.battery_w[0] == pytest.approx(3 * 4.0 * 230.0)


def test_discharge_relieves_no_fuse() -> None:
    """It may end at any moment: a vehicle gets no more than the fuse carries."""
    horizon = hours(1)
    bill = economy(horizon, 0.3, battery=cell())
    schedule = optimise(problem(horizon, [vehicle(horizon, 20.0, kinds=THREE)], 10.0, bill), CHEAPEST)
    assert schedule.amps[0, 0] == pytest.approx(10.0)


def test_energy_is_not_burnt_in_a_battery_for_a_negative_price() -> None:
    """At no step does it charge and discharge: what it takes is what it holds afterwards."""
    horizon = hours(3)
    battery = cell(stored_wh=9000.0, efficiency=0.8)
    bill = economy(horizon, -0.3, feed_in=-0.3, battery=battery)
    schedule = optimise(problem(horizon, [], 99.0, bill), CHEAPEST)
    assert 0.0 <= schedule.battery_w.sum() * 0.8 <= 1000.0 + 1e-3


@given(problems("all"))
def test_a_battery_stays_between_its_reserve_and_its_size(site: ChargingProblem) -> None:
    """Followed step by step from what the schedule says, at any price."""
    battery = Battery(1, 2000.0, 8000.0, 4000.0, 4000.0, 0.9, reserve_wh=1000.0)
    site = dataclasses.replace(site, economy=site.economy._replace(battery=battery))
    schedule = optimise(site, CHEAPEST)
    stored = battery.stored_wh
    for watts, hours_ in zip(schedule.battery_w, site.horizon.hours, strict=True):
        stored += hours_ * (watts * battery.efficiency if watts > 0.0 else watts / battery.efficiency)
        assert battery.reserve_wh - 0.1 <= stored <= battery.capacity_wh + 0.1


def test_a_battery_below_its_reserve_is_not_asked_for_more() -> None:
    """It stays where it is, or charges."""
    horizon = hours(2)
    bill = economy(horizon, 0.5, base_kw=4.0, battery=cell(stored_wh=500.0, reserve_wh=2000.0))
    assert (optimise(problem(horizon, [], 99.0, bill), CHEAPEST).battery_w >= -1e-6).all()


def test_solar_keeps_surplus_in_the_battery_rather_than_giving_it_away() -> None:
    """4 kW of sun now, a vehicle that comes later."""
    horizon = hours(2)
    bill = economy(horizon, 0.3, generation_kw=[4.0, 0.0], battery=cell(stored_wh=0.0, efficiency=1.0))
    node = Node("feeder", 0, phases(32.0, 2))
    site = problem(horizon, [vehicle(horizon, 4.0, since=1, circuit=1)], 32.0, bill, [node])
    assert optimise(site, SOLAR).delivered_wh[0] == pytest.approx(4000.0)


def test_solar_gives_to_who_may_leave_any_time_what_the_battery_has_today() -> None:
    """A full battery, and sun in 14 hours that fills it again: who surely stays waits for the sun, who may be gone by
    then has 5 kW now.
    """
    horizon = hours(20)
    sun = [0.0] * 14 + [9.0] * 6
    bill = economy(horizon, 0.3, generation_kw=sun, battery=cell(stored_wh=10000.0, wear_per_kwh=0.05))
    for hurries, first_w in ((False, 0.0), (True, 5000.0)):
        asked = vehicle(horizon, 12.0, kinds=THREE, hurries=hurries)
        schedule = optimise(problem(horizon, [asked], 32.0, bill), SOLAR)
        assert schedule.amps[0, 0] * 690.0 == pytest.approx(first_w, abs=1.0)
        assert schedule.energy_cost <= 0.01, "it buys nothing"


def test_solar_buys_nothing_for_who_may_leave_any_time() -> None:
    """At night without a battery it waits as anybody else; a promise makes the difference."""
    horizon = hours(20)
    bill = economy(horizon, 0.3, generation_kw=[0.0] * 14 + [9.0] * 6)
    asked = vehicle(horizon, 12.0, kinds=THREE, hurries=True)
    promised = asked._replace(guaranteed_wh=3000.0, guaranteed_by=4)
    for request, kwh in ((asked, 0.0), (promised, 3.0)):
        amps = optimise(problem(horizon, [request], 32.0, bill), SOLAR).amps[0]
        assert float(amps[:14].sum()) * 0.69 == pytest.approx(kwh, abs=1e-3)
        assert float(amps.sum()) * 0.69 == pytest.approx(12.0)


@pytest.mark.parametrize(
    ("wear", "price", "gives_kwh"),
    [(0.0, 0.3, 4.0), (0.05, 0.3, 4.0), (0.08, 0.2, 4.0), (0.2, 3.0, 4.0), (0.2, 0.2, 0.0)],
)
def test_solar_gives_vehicles_what_the_battery_holds_before_it_keeps_it(
    wear: float, price: float, gives_kwh: float
) -> None:
    """Wear is no reason to keep it for others later; where it costs about as much as the grid, the battery rests."""
    horizon = hours(4)
    bill = economy(horizon, price, battery=cell(stored_wh=4000.0, efficiency=1.0, wear_per_kwh=wear))
    schedule = optimise(problem(horizon, [vehicle(horizon, 6.0)], 32.0, bill), SOLAR)
    assert schedule.delivered_wh[0] / 1000.0 == pytest.approx(gives_kwh, abs=1e-3)
