"""The clairvoyant bound against a linear program written another way, and against the controller."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from ems.domain.energy.demand_charge import DemandCharge
from ems.domain.energy.price import EnergyPrice
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import Tariff
from ems.domain.site import Site
from ems.planning.clairvoyant import Facts, Presence, least_cost, most_energy, problem_of, total_cost
from ems.sim.hindsight import facts_of, grid
from ems.sim.load_course import LoadCourse
from tests.sim.sites import BEGIN, feeder

HOUR = 3600.0
STEP_S = 900.0
MISSING = 0.5


def tariff(prices: list[float], per_kw: float = 0.0) -> Tariff:
    series = PriceSeries.of((BEGIN + timedelta(hours=k), price) for k, price in enumerate(prices))
    demand = (DemandCharge("peak", per_kw),) if per_kw else ()
    return Tariff(
        "test", "EUR", "Europe/Berlin", (EnergyPrice("energy", series="s"),), demand=demand, series={"s": series}
    )


def presence(evse: int, comes_h: float, stays_h: float, wh: float, legs: int = 3) -> Presence:
    arrival = BEGIN + timedelta(hours=comes_h)
    return Presence(f"v{evse}@{comes_h:g}", evse, arrival, arrival + timedelta(hours=stays_h), wh, 32.0, legs)


def facts(site: Site, prices: list[float] | None = None, per_kw: float = 0.0, building_a: float = 0.0) -> Facts:
    course = LoadCourse("grid", ((0.0, (building_a,) * 3),))
    priced = None if prices is None else tariff(prices, per_kw)
    return facts_of(site, grid(BEGIN, 4 * HOUR, STEP_S), (course,), BEGIN, priced)


def by_hand(seen: Facts, vehicles: list[Presence], costs: bool) -> float:
    """The same optimum as one dense program: a row per circuit, phase and step over all vehicles below; peaks and
    import in rows of their own. Three-phase vehicles on a feeder below the grid connection.
    """
    site, steps, hours = seen.site, seen.horizon.steps, STEP_S / 3600.0
    kw_per_a = 3 * site.voltage_v / 1000.0
    n = len(vehicles)
    cells, missing, import_, peak = n * steps, n, steps, 1
    size = cells + missing + import_ + peak
    cost, upper = np.zeros(size), np.full(size, np.inf)
    a_ub, b_ub, a_eq, b_eq = [], [], [], []
    cost[cells : cells + n] = MISSING if costs else 1.0
    for i, one in enumerate(vehicles):
        share = seen.horizon.share(one.arrival, one.departure)
        upper[i * steps : (i + 1) * steps] = 32.0 * share
        row = np.zeros(size)
        row[i * steps : (i + 1) * steps] = kw_per_a * hours
        row[cells + i] = 1.0
        a_eq.append(row)
        b_eq.append(one.wants_wh / 1000.0)
    prices = (
        np.zeros(steps)
        if seen.tariff is None
        else np.array(seen.tariff.prices_over(seen.horizon.edges()).import_per_kwh)
    )
    for t in range(steps):
        own = np.zeros(size)
        own[t:cells:steps] = 1.0
        for limit in (site.circuits["feeder"].rating_a[0], 63.0 - float(seen.base_a[0, 0, t])):
            a_ub.append(own)
            b_ub.append(limit)
        row = kw_per_a * own
        row[cells + n + t] = -1.0
        a_ub.append(row)
        b_ub.append(-float(seen.base_w[t]) / 1000.0)
        row = np.zeros(size)
        row[cells + n + t], row[-1] = 1.0, -1.0
        a_ub.append(row)
        b_ub.append(0.0)
        if costs:
            cost[cells + n + t] = prices[t] * hours
    if costs and seen.tariff is not None and seen.tariff.demand:
        cost[-1] = seen.tariff.demand[0].per_kw
    found = linprog(cost, np.array(a_ub), b_ub, np.array(a_eq), b_eq, np.column_stack((np.zeros(size), upper)))
    return float(found.fun)


VEHICLES = st.lists(st.tuples(st.floats(0, 3), st.floats(0.2, 3), st.floats(500, 40_000)), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    VEHICLES, st.floats(6, 80), st.floats(0, 30), st.lists(st.floats(0, 0.4), min_size=4, max_size=4), st.floats(0, 3)
)
def test_it_is_the_optimum_of_another_program(
    drawn: list[tuple[float, float, float]], rating: float, building_a: float, prices: list[float], per_kw: float
) -> None:
    site = feeder(rating, evses=len(drawn), metered=True)
    vehicles = [presence(j, comes, stays, wh) for j, (comes, stays, wh) in enumerate(drawn)]
    seen = facts(site, prices, per_kw, building_a)
    problem = problem_of(seen, vehicles)
    short_kwh = float(most_energy(problem).short_wh.sum()) / 1000.0
    assert short_kwh == pytest.approx(by_hand(seen, vehicles, costs=False), abs=1e-4)
    assert total_cost(least_cost(problem, MISSING), MISSING) == pytest.approx(
        by_hand(seen, vehicles, costs=True), rel=1e-6, abs=1e-4
    )


@pytest.mark.parametrize(
    ("metered", "declared_a", "room_a"),
    [(True, 20.0, 63.0 - 30.0), (False, 20.0, 63.0 - 20.0)],
    ids=["what the meter shows", "what is declared where there is no meter"],
)
def test_other_load_counts_as_the_tick_counts_it(metered: bool, declared_a: float, room_a: float) -> None:
    site = feeder(63, evses=2, metered=metered, base_a=declared_a)
    problem = problem_of(facts(site, building_a=30.0), [presence(j, 0, 4, 1e6) for j in (0, 1)])
    kw = float(most_energy(problem).delivered_wh.sum()) / 4000.0
    assert kw == pytest.approx(room_a * 3 * 230 / 1000.0)


def test_a_peak_that_is_paid_already_costs_nothing_again() -> None:
    site = feeder(63, evses=1)
    seen = facts(site, [0.1] * 4, per_kw=10.0)
    (term,) = seen.tariff.demand_terms(seen.horizon.edges()) if seen.tariff else ()
    problem = problem_of(replace(seen, paid={(term.name, term.period): 30.0}), [presence(0, 0, 4, 20_000)])
    found = least_cost(problem, MISSING)
    assert found.demand_cost == pytest.approx(0)
    assert found.energy_cost == pytest.approx(2.0)


def test_nobody_wants_anything() -> None:
    problem = problem_of(facts(feeder()), [presence(0, 0, 1, 0.0)])
    assert problem.requests == ()
    assert total_cost(least_cost(problem, MISSING), MISSING) == 0.0
