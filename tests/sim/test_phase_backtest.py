"""Outlets that can switch between one phase and three, in a back-test: it pays, and the bound stays one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.limit import Limit
from ems.domain.meter import Meter, MeterRole
from ems.domain.phases import Wiring
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.station import Evse, Station
from ems.domain.strategy import Strategy
from ems.planning.clairvoyant import Presence, least_cost, most_energy, problem_of, total_cost
from ems.planning.forecast.series import Series
from ems.sim.backtest import backtest, run
from ems.sim.backtest_report import as_table
from ems.sim.backtest_result import Backtest
from ems.sim.backtest_task import BacktestTask, Beside, Knowledge, backtest_task, priced_by
from ems.sim.hindsight import facts_of, grid
from ems.sim.load_course import LoadCourse
from ems.sim.sessions import SessionFile
from ems.sim.simulation_task import recorded_task
from tests.sim.sites import BEGIN, record
from tests.sim.test_backtest import prices

HOUR = 3600.0
DAYS = 3


def roof(*, switching: bool) -> Site:
    """Two outlets of three phases below a roof."""
    circuits = (Circuit("grid", None, (63.0,) * 3, meter="main", generation_max_a=20.0),)
    stations = tuple(
        Station(name, (Evse(name, 1, "grid", Wiring.parse("L1 L2 L3"), 32.0, 0.0, phase_switching=switching),))
        for name in ("A1", "A2")
    )
    meters = (Meter("main"), Meter("pv", role=MeterRole.PV, circuit="grid"))
    return Site("roof", "Europe/Berlin", CircuitTree(circuits), stations, meters, policy=Policy())


def day(sun_w: float, *, switching: bool) -> BacktestTask:
    """A vehicle that stays all day below so much sun, and wants less than the sun gives."""
    site = roof(switching=switching)
    sun = Series(BEGIN - DAYS * timedelta(days=1), 3600, np.array(([sun_w] * 10 + [0.0] * 14) * (DAYS + 2)))
    stay = record("A1", 900, 9 * HOUR, 8.0 * sun_w)
    file = SessionFile("roof.csv", "test", (stay,), ())
    beside = Beside(priced_by(prices(), "EUR", site.timezone), None, sun)
    return backtest_task(recorded_task(site, file, since=BEGIN, days=1), file, beside)


@pytest.mark.parametrize("sun_w", [1500.0, 2500.0, 3500.0])
def test_sun_that_three_phases_cannot_use_charges_on_one(sun_w: float) -> None:
    """Between 1.4 and 4.1 kW: all of it from the roof, where on three phases the half is bought, or nothing is had."""
    runs = [(str(Strategy.SOLAR), Knowledge.PERFECT)]
    rows = [backtest(day(sun_w, switching=able), runs, workers=1, every_s=900.0).rows[0] for able in (True, False)]
    for row in rows:
        assert row.result is not None
        assert row.result.overload_a == 0.0
    switched, fixed = rows
    assert switched.pv_share > 0.9
    assert switched.service.share > 0.97
    assert switched.total < 0.5 * fixed.total
    assert switched.pauses <= 2.0


@pytest.fixture(scope="module")
def dear() -> Backtest:
    """The cheapest strategy and two others."""
    runs = [("cheapest", Knowledge.PERFECT), ("equal", Knowledge.STATED), ("balanced", Knowledge.PREDICTED)]
    return backtest(day(2500.0, switching=True), runs, workers=1, every_s=900.0)


def test_nobody_is_better_than_the_bound(dear: Backtest) -> None:
    for row in dear.rows:
        assert row.total >= dear.cheapest.total * 0.999, row.name
        assert row.service.delivered_kwh <= dear.most.service.delivered_kwh * 1.001, row.name


def test_the_table_says_that_only_a_promise_buys_what_the_sun_does_not_give(dear: Backtest) -> None:
    solar = replace(dear, rows=(replace(dear.rows[0], strategy=str(Strategy.SOLAR)),))
    assert "solar: what is promised is ready in time, and here nobody is promised anything" in as_table(solar)
    assert "promised" not in as_table(dear)


def test_runs_repeat(dear: Backtest) -> None:
    again = run(day(2500.0, switching=True), "cheapest", Knowledge.PERFECT, every_s=900.0)
    assert again.site_w == dear.rows[0].site_w


@pytest.mark.parametrize(
    ("what", "limit", "watts"),
    [
        ("a limit in watt allows three times the current on one leg", Limit("A1/1", "operator", max_w=4140.0), 4140.0),
        ("a limit in ampere is one of each leg", Limit("A1/1", "operator", max_a=6.0), 6.0 * 230.0),
    ],
)
def test_the_bound_knows_what_a_limit_of_an_outlet_allows_on_one_leg(what: str, limit: Limit, watts: float) -> None:
    """L2 and L3 are full: there is only L1, of which 43 A are left."""
    loads = (LoadCourse("grid", ((0.0, (20.0, 63.0, 63.0)),)),)
    facts = facts_of(roof(switching=True), grid(BEGIN, HOUR, 900.0), loads, BEGIN)
    there = [Presence("v", 0, BEGIN, BEGIN + timedelta(hours=1), 1e6, 32.0, 3)]
    found = most_energy(problem_of(replace(facts, limits=(limit,)), there))
    assert float(found.delivered_wh.sum()) == pytest.approx(watts, rel=1e-6), what


@pytest.mark.parametrize(("switching", "amps"), [(True, 43.0), (False, 15.0)])
def test_the_bound_knows_that_one_phase_is_free_where_the_others_are_full(switching: bool, amps: float) -> None:
    """48 A of other load on L2 and L3, 20 A on L1: of two vehicles each may use what is left of L1 alone."""
    site = roof(switching=switching)
    loads = (LoadCourse("grid", ((0.0, (20.0, 48.0, 48.0)),)),)
    facts = facts_of(site, grid(BEGIN, HOUR, 900.0), loads, BEGIN, priced_by(prices(), "EUR", site.timezone))
    there = [Presence(f"v{j}", j, BEGIN, BEGIN + timedelta(hours=1), 1e6, 32.0, 3) for j in range(2)]
    found = most_energy(problem_of(facts, there))
    three = 15.0 * 3.0 * 230.0
    alone = (amps - 15.0) * 230.0
    assert float(found.delivered_wh.sum()) == pytest.approx(three + alone, rel=1e-3)
    assert total_cost(least_cost(problem_of(facts, there), 0.5), 0.5) == pytest.approx(
        total_cost(found, 0.5), rel=1e-3
    ), "at that price of what is missing everything is taken"
