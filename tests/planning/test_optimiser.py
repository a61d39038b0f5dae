"""What every schedule keeps, whatever the site, the prices and the strategy; and that it is the best one."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ems.domain.strategy import LADDERS, Ladder, Strategy
from ems.planning.linear_program import OutOfTimeError
from ems.planning.optimiser import first_minimum_a, optimise, projected
from ems.planning.problem import Battery, ChargingProblem, Node, Request, Start, line_load
from ems.planning.schedule import Schedule
from tests.planning.instances import car_park
from tests.planning.oracle import least_cost, least_missing_wh, least_missing_with_minimum_wh
from tests.planning.sites import LINE_TO_LINE, LOADS, economy, hours, phases, primary, problem, problems, vehicle

LADDER = st.sampled_from(list(LADDERS.values()))
SERVICE_FIRST = LADDERS[Strategy.CHEAPEST]
PLENTY_WH = 0.5


def overload(schedule: Schedule) -> float:
    """By how much any line is exceeded at any step: phasors added one vehicle at a time."""
    worst = 0.0
    site = schedule.problem
    for n, node in enumerate(site.nodes):
        for line in node.lines:
            for t in range(site.horizon.steps):
                total = 0j
                for request, amps in zip(site.requests, schedule.amps, strict=True):
                    if n in site.path(request.circuit):
                        total += sum(complex(line.coefficients[kind]) * float(amps[t]) for kind in request.kinds)
                worst = max(worst, abs(total) - max(0.0, float(line.capacity[t])))
    return worst


@given(problems(), LADDER)
def test_no_line_is_exceeded(site: ChargingProblem, ladder: Ladder) -> None:
    """At no step, on no circuit, whatever the currents' directions."""
    assert overload(optimise(site, ladder)) <= 1e-6


@given(problems(), st.floats(0.0, 2.0), st.floats(0.0, 4000.0))
def test_whatever_a_solver_claims_is_lowered_onto_the_limits(
    site: ChargingProblem, share: float, charging: float
) -> None:
    """Twice what vehicles can take, beside a charging battery that no line may have room for: nobody is raised, and no
    line is exceeded by vehicles.
    """
    claimed = share * np.array([r.max_a + 0.0 * r.available for r in site.requests]).reshape(-1, site.horizon.steps)
    charging_w = np.full(site.horizon.steps, charging if site.economy.battery else 0.0)
    amps = projected(site, claimed, charging_w)
    assert (amps <= claimed + 1e-9).all()
    assert all((row <= r.upper_a + 1e-9).all() for r, row in zip(site.requests, amps, strict=True))
    carried, beside = site.below(amps, charging_w), site.below(0.0 * amps, charging_w)
    for n, node in enumerate(site.nodes):
        for line in node.lines:
            allowed = np.maximum(np.maximum(line.capacity, 0.0), line_load(line, beside[n]))
            assert (line_load(line, carried[n]) <= allowed * (1.0 + 1e-6) + 1e-6).all()


def test_a_solution_within_the_limits_is_left_as_it_is() -> None:
    """To the last digit."""
    horizon = hours(2)
    site = problem(horizon, [vehicle(horizon, 99.0, session=s) for s in "ab"], 20.0)
    amps = np.array([[12.0, 20.0], [8.0, 0.0]])
    assert projected(site, amps).tolist() == amps.tolist()
    assert projected(site, 2.0 * amps).ravel().tolist() == pytest.approx(amps.ravel().tolist())


@pytest.mark.parametrize(("charging_a", "left_a"), [(0.0, 20.0), (5.0, 15.0), (25.0, 0.0)])
def test_vehicles_make_room_for_a_battery_that_charges(charging_a: float, left_a: float) -> None:
    """20 A per phase."""
    horizon = hours(1)
    site = problem(horizon, [vehicle(horizon, 99.0)], 20.0, economy(horizon, battery=Battery(0, 0.0, 9e4, 2e4, 2e4)))
    assert projected(site, np.array([[32.0]]), np.array([charging_a * 690.0]))[0, 0] == pytest.approx(left_a)


@given(problems(), LADDER)
def test_nobody_gets_more_than_he_can_take(site: ChargingProblem, ladder: Ladder) -> None:
    """Not beyond the current of the vehicle, not while it is away, not beyond its need."""
    schedule = optimise(site, ladder)
    for request, amps, wh in zip(site.requests, schedule.amps, schedule.delivered_wh, strict=True):
        assert (amps >= 0.0).all()
        assert (amps <= request.max_a * request.available + 1e-6).all()
        assert request.limit_a is None or (amps <= request.limit_a + 1e-6).all()
        assert wh <= request.need_wh + 1e-2


@given(problems(), LADDER)
def test_the_first_step_is_nothing_or_a_current_that_vehicles_accept(site: ChargingProblem, ladder: Ladder) -> None:
    """Less than the minimum only where the need ends within the step, or the stay does."""
    schedule = optimise(site, ladder)
    for first, minimum in zip(schedule.amps[:, 0], first_minimum_a(site), strict=True):
        assert first == 0.0 or first >= minimum - 1e-5


@given(problems("wye", minimum=False, equals=True), LADDER.filter(lambda ladder: ladder.beyond_guarantee))
def test_no_more_is_missing_than_must_be(site: ChargingProblem, ladder: Ladder) -> None:
    """The least of all schedules, whatever the strategy is after."""
    assume(site.requests)
    assert optimise(site, ladder).short_wh.sum() == pytest.approx(least_missing_wh(site)[0], abs=PLENTY_WH)


@given(problems("wye", minimum=False))
def test_a_class_is_served_before_those_below_it(site: ChargingProblem) -> None:
    """The highest class misses the least that it can, then the next."""
    assume(site.requests)
    site = dataclasses.replace(site, requests=tuple(r._replace(weight=1.0, guaranteed_wh=0.0) for r in site.requests))
    schedule = optimise(site, SERVICE_FIRST)
    classes = np.array([request.service_class for request in site.requests])
    ours = [float(schedule.short_wh[classes == rung].sum()) for rung in sorted(set(classes.tolist()), reverse=True)]
    assert ours == pytest.approx(least_missing_wh(site, by_class=True), abs=PLENTY_WH)


@given(problems("line-to-line", minimum=False, equals=True))
def test_phasors_lose_little(site: ChargingProblem) -> None:
    """The polygon inside the circle loses less than half a percent; fairness among unlike legs a few more."""
    assume(site.requests)
    missing = least_missing_wh(site)[0]
    needs = sum(request.need_wh for request in site.requests)
    ours = float(optimise(site, Ladder(early=0.0), facet_deg=5.0).short_wh.sum())
    assert missing - PLENTY_WH <= ours <= missing + 0.05 * (needs - missing) + PLENTY_WH


@given(problems("wye", minimum=False, equals=True), st.sampled_from([1.0, 5.0, 40.0]))
def test_more_capacity_never_means_more_missing(site: ChargingProblem, more_a: float) -> None:
    """Raise every fuse."""
    wider = dataclasses.replace(
        site,
        nodes=tuple(
            Node(n.circuit, n.parent, tuple(line._replace(capacity=line.capacity + more_a) for line in n.lines))
            for n in site.nodes
        ),
    )
    before, after = (optimise(s, SERVICE_FIRST).short_wh.sum() for s in (site, wider))
    assert after <= before + PLENTY_WH


@given(problems("wye", minimum=False, equals=True))
def test_cheapest_never_costs_more_than_fast_when_both_serve_all(site: ChargingProblem) -> None:
    """Energy and demand charge together."""
    site = dataclasses.replace(site, economy=site.economy._replace(battery=None))
    fast, cheapest = (optimise(site, LADDERS[s]) for s in (Strategy.FAST, Strategy.CHEAPEST))
    assume(fast.short_wh.sum() < 1e-6)
    assert cheapest.energy_cost + cheapest.demand_cost <= fast.energy_cost + fast.demand_cost + 1e-4


@given(problems("wye", minimum=False, equals=True))
def test_cheapest_costs_what_another_program_finds(site: ChargingProblem) -> None:
    """Energy, feed-in and demand charge together, for needs that can be met: what some other schedule delivers."""
    assume(site.requests)
    met = optimise(site, SERVICE_FIRST).delivered_wh * 0.999
    requests = tuple(r._replace(need_wh=float(wh)) for r, wh in zip(site.requests, met, strict=True))
    site = dataclasses.replace(site, requests=requests, economy=site.economy._replace(battery=None))
    least = least_cost(site)
    assert least is not None
    schedule = optimise(site, Ladder(cost=1.0, early=0.0))
    assert schedule.energy_cost + schedule.demand_cost == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_the_minimum_current_costs_next_to_nothing_without_integers(seed: int) -> None:
    """A congested car park: fixing and solving again delivers as much as a program with integers, to half a percent."""
    site = car_park(9, seed, 4.0)
    ours = float(optimise(site, SERVICE_FIRST).delivered_wh.sum())
    needs = sum(request.need_wh for request in site.requests)
    assert ours >= 0.995 * (needs - least_missing_with_minimum_wh(site))


@pytest.mark.parametrize("loads", list(LOADS))
@pytest.mark.parametrize("amps", [-10.0, 0.0])
def test_nothing_flows_where_nothing_may(loads: str, amps: float) -> None:
    """A building above its limit leaves a negative rest: all pause, and all of the need is missing."""
    horizon = hours(3)
    requests = [vehicle(horizon, 4.0, kinds=kinds, session=str(kinds)) for kinds in LOADS[loads]]
    schedule = optimise(problem(horizon, requests, amps), SERVICE_FIRST)
    assert not schedule.amps.any()
    assert schedule.short_wh.sum() == pytest.approx(4000.0 * len(requests))


@pytest.mark.parametrize(("limit_a", "allowed_a"), [(10.0, 10.0), (5.0, 0.0), (-1.0, 0.0), (np.inf, 32.0)])
def test_an_outlet_that_may_not_have_the_minimum_has_nothing(limit_a: float, allowed_a: float) -> None:
    """In later steps too, where it would never be rounded."""
    horizon = hours(2)
    asked = vehicle(horizon, 99.0, min_a=6.0, limit_a=np.array([np.inf, limit_a]))
    assert optimise(problem(horizon, [asked], 50.0), SERVICE_FIRST).amps[0].tolist() == pytest.approx([32.0, allowed_a])


def test_a_vehicle_that_takes_less_than_the_minimum_is_planned_with_what_it_takes() -> None:
    """At the end of its charge, while it is offered the minimum."""
    horizon = hours(2)
    schedule = optimise(problem(horizon, [vehicle(horizon, 99.0, min_a=6.0, max_a=3.0)], 32.0), SERVICE_FIRST)
    assert schedule.amps[0].tolist() == pytest.approx([3.0, 3.0])


def test_without_vehicles_there_is_an_empty_schedule() -> None:
    """Nothing to plan is no error."""
    schedule = optimise(problem(hours(3), []), SERVICE_FIRST)
    assert schedule.amps.shape == (0, 3)
    assert not schedule.battery_w.any()


@pytest.mark.parametrize(
    ("kwh", "since", "until", "missing_kwh"), [(5.0, 1, 1, 5.0), (0.0, 0, 3, 0.0), (-2.0, 0, 3, 0.0)]
)
def test_a_stay_or_a_need_of_nothing_is_planned_as_such(kwh: float, since: int, until: int, missing_kwh: float) -> None:
    """Who left already misses all; who needs nothing gets nothing."""
    horizon = hours(3)
    schedule = optimise(problem(horizon, [vehicle(horizon, kwh, since, until)], 32.0), SERVICE_FIRST)
    assert not schedule.amps.any()
    assert schedule.short_wh.sum() == pytest.approx(1000.0 * missing_kwh)


def test_the_last_bit_of_a_need_is_not_lost_to_the_minimum_current() -> None:
    """Two minutes at 6 A are planned as a mean below 6 A, not as a pause for good."""
    horizon = hours(1)
    schedule = optimise(problem(horizon, [vehicle(horizon, 0.05, min_a=6.0)], 32.0), SERVICE_FIRST)
    assert schedule.delivered_wh[0] == pytest.approx(50.0)


def test_who_cannot_have_the_minimum_pauses_and_leaves_the_rest_to_others() -> None:
    """10 A for two vehicles that take 6 A or nothing: one of them charges with all of it."""
    horizon = hours(1)
    both = [vehicle(horizon, 9.0, min_a=6.0, session=name) for name in "ab"]
    first = optimise(problem(horizon, both, 10.0), SERVICE_FIRST).amps[:, 0]
    assert sorted(first.tolist()) == pytest.approx([0.0, 10.0])


@pytest.mark.parametrize("beside_a", [0.0, 10.0, 32.0])
def test_legs_between_phases_share_a_conductor_as_phasors(beside_a: float) -> None:
    """Beside x on L1-L2 a leg L3-L1 may have y with x² + y² + xy = 40², not 40 - x; the polygon loses 0.4 % at most."""
    horizon = hours(1)
    first = vehicle(horizon, 99.0, kinds=(LINE_TO_LINE[0],), max_a=beside_a, service_class=1, session="a")
    other = vehicle(horizon, 99.0, kinds=(LINE_TO_LINE[2],), max_a=99.0, session="b")
    x, y = optimise(problem(horizon, [first, other], 40.0), SERVICE_FIRST).amps[:, 0]
    assert x == pytest.approx(beside_a)
    assert 0.996 * 40.0 <= math.sqrt(x * x + y * y + x * y) <= 40.0 + 1e-9


def test_the_other_side_of_a_transformer_limits_too() -> None:
    """A leg between L1 and L2 puts a quarter of its current on two primary conductors, and a half on the third."""
    horizon = hours(1)
    site = problem(horizon, [vehicle(horizon, 99.0, kinds=(LINE_TO_LINE[0],), max_a=400.0)], 1000.0)
    grid = Node("grid", -1, primary(50.0, 4.0, 1))
    schedule = optimise(dataclasses.replace(site, nodes=(grid,)), SERVICE_FIRST)
    assert schedule.amps[0, 0] == pytest.approx(100.0)


def test_the_inner_circuit_limits_before_the_outer_one() -> None:
    """Two circuits of 20 A below 30 A: one vehicle each, 30 A in all."""
    horizon = hours(1)
    requests = [vehicle(horizon, 99.0, circuit=k, session=str(k)) for k in (1, 2)]
    feeders = [Node(f"feeder {k}", 0, phases(20.0, 1)) for k in (1, 2)]
    amps = optimise(problem(horizon, requests, 30.0, nodes=feeders), SERVICE_FIRST).amps[:, 0]
    assert amps.sum() == pytest.approx(30.0)
    assert amps.max() <= 20.0 + 1e-9


def test_time_that_is_over_is_said() -> None:
    """The caller falls back to sharing."""
    horizon = hours(2)
    with pytest.raises(OutOfTimeError):
        optimise(problem(horizon, [vehicle(horizon, 9.0)], 20.0), SERVICE_FIRST, lambda: 0.0)


def likely(*shares: float, **more: Any) -> Request:
    """A vehicle that is there for so many hours, or only with so much likelihood."""
    horizon = hours(len(shares))
    return vehicle(horizon, more.pop("kwh", 7.36), likely=np.array(shares), **more)


@pytest.mark.parametrize("first", [0, 1])
def test_who_is_likelier_to_leave_goes_first(first: int) -> None:
    """One conductor for two vehicles, an hour each: who is gone in the second hour with one half has the first."""
    shares = [(1.0, 0.5), (1.0, 0.9)] if first == 0 else [(1.0, 0.9), (1.0, 0.5)]
    both = [likely(*row, session=str(k)) for k, row in enumerate(shares)]
    schedule = optimise(problem(hours(2), both, 32.0), SERVICE_FIRST)
    assert schedule.amps[first].tolist() == pytest.approx([32.0, 0.0], abs=1e-6)
    assert schedule.amps[1 - first].tolist() == pytest.approx([0.0, 32.0], abs=1e-6)


def test_no_vehicle_is_planned_more_than_it_needs_because_it_may_be_gone() -> None:
    """An hour of charge is one hour of charge, though half of it may come to nothing."""
    schedule = optimise(problem(hours(3), [likely(0.5, 0.5, 0.5)], 32.0), SERVICE_FIRST)
    assert schedule.delivered_wh[0] == pytest.approx(7360.0)


def test_money_is_spared_as_long_as_no_vehicle_is_likelier_to_be_gone() -> None:
    """The second hour is cheaper: who is there as surely waits for it, who is less likely there does not."""
    horizon = hours(2)
    for shares, amps in (((1.0, 1.0), [0.0, 32.0]), ((1.0, 0.6), [32.0, 0.0])):
        site = problem(horizon, [likely(*shares)], 32.0, economy(horizon, [0.3, 0.1]))
        assert optimise(site, SERVICE_FIRST).amps[0].tolist() == pytest.approx(amps, abs=1e-6)


@pytest.mark.parametrize("other", [0.95, 0.1])
def test_nobody_is_left_with_nothing_because_others_are_likelier_to_leave(other: float) -> None:
    """Who is less likely to stay has the first hour, but for the start of the other, whatever energy that may cost."""
    waits = likely(1.0, 1.0, session="waits", start=Start(2000.0, 1))
    leaves = likely(1.0, other, session="leaves")
    schedule = optimise(problem(hours(2), [waits, leaves], 32.0), SERVICE_FIRST)
    assert 230.0 * schedule.amps[0, 0] == pytest.approx(2000.0, abs=1.0)


def test_of_two_starts_that_do_not_fit_the_longer_overdue_goes_first() -> None:
    late, fresh = (
        likely(1.0, share, session=name, start=Start(7360.0, 1, weight))
        for name, share, weight in (("late", 1.0, 4.0), ("fresh", 0.2, 2.0))
    )
    schedule = optimise(problem(hours(2), [fresh, late], 32.0), SERVICE_FIRST)
    assert schedule.amps[:, 0].tolist() == pytest.approx([0.0, 32.0], abs=1e-6)


def test_a_higher_class_goes_before_a_start() -> None:
    """However long that is overdue."""
    starts = likely(1.0, 1.0, session="starts", start=Start(7360.0, 1, 4.0))
    higher = likely(1.0, 0.1, session="higher", service_class=1)
    schedule = optimise(problem(hours(2), [starts, higher], 32.0), SERVICE_FIRST)
    assert schedule.amps[:, 0].tolist() == pytest.approx([0.0, 32.0], abs=1e-6)


def test_a_start_comes_as_soon_as_nothing_speaks_against_it() -> None:
    """Of equal hours who lacks its start has the first one, though the other leaves earlier and has current already."""
    starts = likely(1.0, 1.0, 1.0, session="starts", start=Start(7360.0, 2))
    goes_on = likely(1.0, 1.0, session="goes on", is_on=True)
    goes_on = goes_on._replace(available=np.array([1.0, 1.0, 0.0]), likely=np.array([1.0, 1.0, 0.0]))
    schedule = optimise(problem(hours(3), [goes_on, starts], 32.0), SERVICE_FIRST)
    assert schedule.amps[:, 0].tolist() == pytest.approx([0.0, 32.0], abs=1e-6)


def test_for_a_start_nobody_buys_what_he_charges_only_where_it_is_free() -> None:
    horizon = hours(2)
    site = problem(horizon, [likely(1.0, 1.0, start=Start(7360.0, 1, 4.0))], 32.0, economy(horizon, [0.3, 0.3]))
    assert optimise(site, LADDERS[Strategy.SOLAR]).delivered_wh[0] == pytest.approx(0.0, abs=1e-3)


def test_who_has_most_of_what_it_wants_is_the_first_to_miss_some() -> None:
    """An hour for two vehicles that lack the same: it goes to the one that has nothing yet, whichever it is."""
    for taken in ((0.0, 22_080.0), (22_080.0, 0.0)):
        both = [vehicle(hours(1), 7.36, session=str(k), taken_wh=wh) for k, wh in enumerate(taken)]
        amps = optimise(problem(hours(1), both, 32.0), SERVICE_FIRST).amps[:, 0]
        assert amps[taken.index(0.0)] >= 2.0 / 3.0 * 32.0 - 1e-6


def test_a_promise_is_kept_before_anybody_has_a_start() -> None:
    """Both want the one hour: it belongs to whom it was promised, however unlikely it is there to the end."""
    starts = likely(1.0, 1.0, session="starts", start=Start(7360.0, 1, 4.0))
    promised = likely(0.2, 0.1, session="promised", guaranteed_wh=7360.0, guaranteed_by=1)
    schedule = optimise(problem(hours(2), [starts, promised], 32.0), SERVICE_FIRST)
    assert schedule.amps[1].tolist() == pytest.approx([32.0, 0.0], abs=1e-6)
