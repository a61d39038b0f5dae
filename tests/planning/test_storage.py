"""The battery of a site in the plan that the daemon makes: from its settings and what it says that it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ems.domain import events as e
from ems.domain.battery import Battery
from ems.domain.energy.demand_charge import DemandCharge
from ems.domain.energy.price import EnergyPrice
from ems.domain.energy.tariff import Tariff
from ems.domain.meter import MeterReading
from ems.domain.plan import Plan
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.strategy import LADDERS, Strategy
from ems.planning.occasion import is_wanted, strays
from ems.planning.optimiser import optimise
from ems.planning.outlook import Outlook, outlook_of
from ems.planning.planner import Experience, plan_of
from ems.planning.problem import Battery as BatteryOfPlan
from tests.builders import circuit, evse, layout
from tests.control.stores import STORE as STEERED
from tests.control.stores import StoreScenario, site_with
from tests.domain.tariffs import fixed, tariff, timed, window
from tests.planning.sites import economy, hours, problem

NOON = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
"""Twelve o'clock in Berlin."""

STORE = Battery("store", "grid", 40_000.0, 10_000.0, 10_000.0, efficiency=0.95, lowest=0.1, steered=True)
CHEAP_NIGHT = tariff(EnergyPrice("energy", (timed(0.50, window(6, 22)), timed(0.10))))


def planned(
    known: Tariff,
    battery: Battery = STORE,
    *,
    stored_wh: float | None = 20_000.0,
    base_w: float = 4000.0,
    strategy: Strategy = Strategy.CHEAPEST,
) -> Plan:
    bare = layout([circuit("grid", 63, meter="main")], [evse("A1", "grid")], Policy(strategy=strategy))
    site = replace(bare, batteries=(battery,))
    amps = base_w / 690.0
    outlook = Outlook(NOON, strategy, (), (), ((amps,) * 3,), stored_wh)
    return plan_of(site, outlook, Experience(tariff=known))


def energy_wh(plan: Plan, since: int, until: int) -> float:
    """What flows into the battery between two hours after noon, negative what comes out of it."""
    total = 0.0
    for watts, begins, ends in zip(plan.battery_w, plan.edges, plan.edges[1:], strict=False):
        inside = min(ends, NOON + timedelta(hours=until)) - max(begins, NOON + timedelta(hours=since))
        total += watts * max(0.0, inside.total_seconds()) / 3600.0
    return total


def test_it_gives_while_energy_is_dear_and_is_charged_in_the_cheap_hours() -> None:
    plan = planned(CHEAP_NIGHT)
    assert energy_wh(plan, 0, 10) == pytest.approx(-16_000.0 * 0.95, rel=0.01), "down to what is not touched"
    assert energy_wh(plan, 10, 18) > 10_000.0
    assert all(watts >= -4000.0 - 1.0 for watts in plan.battery_w), "nothing flows into the grid"


def test_what_it_loses_and_wears_is_part_of_the_price() -> None:
    """Of 10 cent twice the losses and the wear leave nothing to be earned."""
    narrow = tariff(EnergyPrice("energy", (timed(0.12, window(6, 22)), timed(0.10))))
    assert energy_wh(planned(narrow, replace(STORE, efficiency=0.8)), 10, 18) == pytest.approx(0.0, abs=1.0)
    worn = planned(CHEAP_NIGHT, replace(STORE, wear_per_kwh=0.60))
    assert not any(worn.battery_w)


def test_it_takes_a_peak_off_that_would_be_paid_for() -> None:
    """Vehicles aside, the building alone draws what has a price per kilowatt."""
    peaky = tariff(fixed(0.30), demand=(DemandCharge("peak", 100.0),))
    plan = planned(peaky, replace(STORE, wear_per_kwh=0.01), base_w=8000.0)
    imported = [base + taken for base, taken in zip(plan.base_w, plan.battery_w, strict=True)]
    quarters = [sum(imported[k : k + 3]) / 3.0 for k in (0, 3, 6, 9)]
    assert max(*quarters, *imported[12:]) < 7500.0, "what is billed is the mean of a quarter hour"


def test_without_a_known_state_of_charge_the_plan_says_nothing_of_it() -> None:
    assert planned(CHEAP_NIGHT, stored_wh=None).battery_w == ()


def test_a_strategy_that_looks_at_vehicles_alone_says_nothing_of_it() -> None:
    assert planned(CHEAP_NIGHT, strategy=Strategy.FAST).battery_w == ()


def test_the_states_of_charge_of_the_site_bound_it() -> None:
    plan = planned(CHEAP_NIGHT, replace(STORE, reserve=0.4, highest=0.6))
    assert energy_wh(plan, 0, 10) == pytest.approx(-4000.0 * 0.95, rel=0.01)
    assert energy_wh(plan, 10, 18) <= 8000.0 / 0.95 + 10.0


def scenario(site: Site | None = None) -> StoreScenario:
    return StoreScenario(site_with() if site is None else site)


def test_the_sun_is_stored_as_soon_as_it_shines() -> None:
    """Half a day of sun that nobody needs and a battery that is full in two hours: tomorrow there may be none."""
    horizon = hours(12)
    cell = BatteryOfPlan(0, stored_wh=0.0, capacity_wh=10_000.0, charge_w=5000.0, discharge_w=5000.0, efficiency=1.0)
    site = problem(horizon, [], economy=economy(horizon, 0.3, generation_kw=8.0, battery=cell))
    for strategy in (Strategy.CHEAPEST, Strategy.SOLAR, Strategy.BALANCED):
        stored_w = optimise(site, LADDERS[strategy]).battery_w
        assert stored_w.tolist() == pytest.approx([5000.0, 5000.0] + 10 * [0.0], abs=1.0), strategy


def test_the_outlook_knows_what_it_holds_and_does_not_take_it_for_the_building() -> None:
    s = scenario()
    s.meter("main", 10.0, 10.0, 10.0).own(6900.0).after(20)
    outlook = outlook_of(s.state, s.last, (s.memory.setpoints.appetite_a).tolist())
    assert outlook.stored_wh == pytest.approx(25_000.0, rel=0.01)
    assert outlook.base_a[0] == pytest.approx((10.0, 10.0, 10.0), abs=0.1)


def test_a_battery_that_says_nothing_is_not_planned_with() -> None:
    s = scenario().silent("bat")
    s.after(3)
    assert outlook_of(s.state, s.last, (s.memory.setpoints.appetite_a).tolist()).stored_wh is None
    assert not is_wanted(s.state)


def test_a_plan_is_wanted_for_a_battery_alone() -> None:
    assert is_wanted(scenario().after(3).state)
    assert not is_wanted(scenario(site_with(replace(STEERED, steered=False))).after(3).state)
    assert not is_wanted(scenario(site_with(strategy=Strategy.FAST)).after(3).state)


def test_a_battery_that_does_what_is_planned_is_no_stray_load() -> None:
    s = scenario()
    s.meter("main", 5.0, 5.0, 5.0).own(20_000.0).after(20)
    edges = (s.now.utc, s.now.utc + timedelta(hours=1))
    plan = Plan(s.now.utc, Strategy.CHEAPEST, edges, (), base_w=(3450.0,), generation_w=(0.0,), battery_w=(20_000.0,))
    assert strays(plan, {}, s.state, s.last) == ""
    elsewhere = s.tell(e.MeterRead("bat", MeterReading(s.now.monotonic_s, (0.0, 0.0, 0.0), soc=0.5)))
    assert strays(plan, {}, elsewhere.state, elsewhere.last) == "other load"
