"""The battery in a run without event loop: what it holds, what it saves, and that it overloads nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ems.domain.battery import Battery
from ems.domain.energy.price import EnergyPrice
from ems.domain.meter import Meter, MeterRole
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.strategy import Strategy
from ems.sim.core_battery import CoreBattery
from ems.sim.core_planner import CorePlanner, PlannersPast
from ems.sim.core_run import CoreRun, Setup
from ems.sim.faults import Fault, FaultKind, FaultPlan
from ems.sim.load_course import LoadCourse
from ems.sim.placement import place
from ems.sim.session_record import SessionRecord
from tests.builders import circuit, evse, layout
from tests.domain.tariffs import tariff, timed, window

EVENING = datetime(2026, 3, 2, 19, 0, tzinfo=UTC)
"""Eight o'clock in Berlin: two hours are dear, then it is cheap."""

STORE = Battery("store", "grid", 20_000.0, 8_000.0, 8_000.0, meter="bat", efficiency=0.95, lowest=0.1, steered=True)
CHEAP_NIGHT = tariff(EnergyPrice("energy", (timed(0.50, window(6, 22)), timed(0.10))))
HOURS = 4.0


def test_it_holds_what_it_took_without_the_losses_and_ends_at_its_bounds() -> None:
    battery = CoreBattery(STORE, 230.0, soc=0.5)
    assert battery.told(4000.0)
    assert not battery.advance(3600.0)
    assert battery.soc == pytest.approx(0.5 + 3800.0 / 20_000.0)
    assert battery.told(-90_000.0)
    assert battery.power_w == -8000.0
    at_floor = battery.due_s
    assert battery.advance(at_floor)
    assert battery.soc == pytest.approx(0.1)
    assert battery.advance(battery.due_s)
    assert (battery.soc, battery.power_w) == (0.0, 0.0)
    assert not battery.told(-10.0), "nothing comes out of nothing"


def played(battery: Battery) -> CoreRun:
    policy = Policy(strategy=Strategy.CHEAPEST)
    bare = layout([circuit("grid", 40, meter="main", base_max=10.0)], [evse("A1", "grid")], policy)
    meters = (*bare.meters, Meter("bat", role=MeterRole.BATTERY, circuit="grid"))
    site: Site = replace(bare, meters=meters, batteries=(battery,))
    courses = (LoadCourse("grid", ((0.0, (6.0, 6.0, 6.0)),)),)
    planner = CorePlanner(site, PlannersPast(tariff=CHEAP_NIGHT), every_s=1800.0)
    run = CoreRun(site, (), EVENING, Setup(courses=courses, planner=planner))
    run.run(3600.0 * HOURS)
    return run


def crowded(*faults: Fault) -> CoreRun:
    """Two vehicles and the battery want more than the connection carries, an hour before it is cheap and after."""
    policy = Policy(strategy=Strategy.CHEAPEST)
    bare = layout([circuit("grid", 40, meter="main", base_max=10.0)], [evse("A1", "grid"), evse("A2", "grid")], policy)
    meters = (*bare.meters, Meter("bat", role=MeterRole.BATTERY, circuit="grid"))
    site: Site = replace(bare, meters=meters, batteries=(STORE,))
    comes, leaves = EVENING + timedelta(minutes=70), EVENING + timedelta(hours=3.5)
    stays = [SessionRecord(name, name, comes, leaves, 20_000.0) for name in ("A1", "A2")]
    planner = CorePlanner(site, PlannersPast(tariff=CHEAP_NIGHT), every_s=900.0)
    courses = (LoadCourse("grid", ((0.0, (6.0, 6.0, 6.0)),)),)
    run = CoreRun(
        site, place(site, stays).visits, EVENING, Setup(courses=courses, planner=planner, faults=FaultPlan(faults))
    )
    run.run(3600.0 * HOURS)
    return run


@pytest.mark.parametrize(
    ("kind", "target", "at_s"),
    [
        (FaultKind.BATTERY_STOPS, "store", 5400.0),
        (FaultKind.BATTERY_REFUSES, "store", 7500.0),
        (FaultKind.BATTERY_HOLDS_LESS, "store", 7500.0),
        (FaultKind.BATTERY_WRONG_SOC, "store", 7500.0),
        (FaultKind.METER_SILENT, "bat", 5400.0),
        (FaultKind.METER_FROZEN, "bat", 7500.0),
        (FaultKind.METER_SILENT, "main", 7500.0),
    ],
)
def test_whatever_fails_of_it_nothing_is_over_its_limit(kind: FaultKind, target: str, at_s: float) -> None:
    run = crowded(Fault(at_s, kind, target, lasts_s=900.0))
    assert run.plant.observer.largest_a(3600.0 * HOURS) == 0.0
    assert run.plant.tally.guarded == 0
    assert all(outcome.got_wh > 0.9 * outcome.wanted_wh for outcome in run.plant.tally.outcomes)


def test_that_it_cannot_be_told_anything_is_known_until_it_can() -> None:
    run = crowded(Fault(5400.0, FaultKind.BATTERY_REFUSES, "store", lasts_s=3600.0 * HOURS))
    assert run.daemon.state.batteries[0].fault
    assert not crowded(Fault(5400.0, FaultKind.BATTERY_REFUSES, "store", lasts_s=600.0)).daemon.state.batteries[0].fault


def cost(run: CoreRun) -> float:
    bins = run.plant.tally.series.site_w
    hours = HOURS / len(bins)
    priced = (0.50 if k * hours < 2.0 else 0.10 for k in range(len(bins)))
    return sum(watts / 1000.0 * hours * price for watts, price in zip(bins, priced, strict=True))


def test_an_evening_with_a_battery_costs_less_than_one_without() -> None:
    with_it, without = played(STORE), played(replace(STORE, steered=False))
    assert cost(with_it) < cost(without) - 1.0
    assert 0.1 - 1e-3 <= with_it.plant.batteries[0].soc <= 1.0
    assert with_it.plant.observer.largest_a(3600.0 * HOURS) == 0.0
    assert with_it.plant.tally.guarded == 0
