"""Strategies in virtual time beside the clairvoyant optimum."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ems.domain.battery import Battery
from ems.domain.circuit import CircuitTree
from ems.domain.energy.price_series import PriceSeries
from ems.domain.meter import Meter, MeterRole
from ems.domain.session import NeedOrigin
from ems.domain.site import Site
from ems.planning.clairvoyant import economy_of
from ems.planning.forecast.series import Series
from ems.sim.backtest import backtest, bounds, combinations, facts_of, run
from ems.sim.backtest_pictures import draw_backtest, paid
from ems.sim.backtest_report import as_json, as_table, write_backtest
from ems.sim.backtest_result import Backtest, battery_cost, jain, service_of
from ems.sim.backtest_task import BacktestTask, Beside, Knowledge, backtest_task, priced_by, stated, truth
from ems.sim.core_planner import known_prices
from ems.sim.core_tally import Outcome
from ems.sim.sessions import SessionFile
from ems.sim.simulation_task import recorded_task
from tests.sim.sites import BEGIN, feeder, record

HOUR = 3600.0
DAY = timedelta(days=1)
PAST_DAYS = 21
PRICES = [0.30] * 12 + [0.10] * 12


def prices(days: int = 3) -> PriceSeries:
    midnight = BEGIN.replace(hour=0)
    return PriceSeries.of((midnight + timedelta(hours=k), PRICES[k % 24]) for k in range(-24, 24 * days))


def weeks(days: int = 1, wh: float = 15_000) -> SessionFile:
    """Three vehicles a day at a feeder for one and a half, and the same on the days before."""
    records = [
        record(f"A{k}", 86_400.0 * d + 900.0 * k, 8 * HOUR, wh, requested_wh=2 * wh)
        for d in range(-PAST_DAYS, days)
        for k in (1, 2, 3)
    ]
    return SessionFile("week.csv", "test", tuple(records), ())


def task(sessions: SessionFile | None = None, site: Site | None = None, beside: Beside | None = None) -> BacktestTask:
    site, sessions = site or feeder(16), sessions or weeks()
    priced = Beside(priced_by(prices(), "EUR", site.timezone))
    return backtest_task(recorded_task(site, sessions, since=BEGIN, days=1), sessions, beside or priced)


@pytest.fixture(scope="module")
def compared() -> Backtest:
    return backtest(
        task(), combinations(["equal", "least-laxity", "cheapest"], list(Knowledge)), workers=1, regret=True
    )


def test_every_strategy_runs_with_the_knowledge_that_it_uses() -> None:
    found = combinations(["uncontrolled", "equal", "least-laxity", "fast"], list(Knowledge))
    assert [(name, str(kind)) for name, kind in found] == [
        ("uncontrolled", "stated"),
        ("equal", "stated"),
        ("least-laxity", "perfect"),
        ("least-laxity", "stated"),
        ("fast", "perfect"),
        ("fast", "predicted"),
        ("fast", "stated"),
    ]


def test_nobody_delivers_more_or_pays_less_than_the_clairvoyant(compared: Backtest) -> None:
    for row in compared.rows:
        assert row.service.delivered_kwh <= compared.most.service.delivered_kwh * 1.001, row.name
        assert row.total >= compared.cheapest.total * 0.999, row.name
        assert row.result is not None
        assert row.result.overload_own_a == 0, row.name


def test_who_knows_prices_and_departures_pays_less(compared: Backtest) -> None:
    by_name = {row.name: row for row in compared.rows}
    assert by_name["cheapest (perfect)"].costs.energy < by_name["least-laxity (perfect)"].costs.energy
    gap = compared.cost_gap(by_name["cheapest (perfect)"])
    assert gap is not None
    assert gap < 5.0


def test_the_table_has_a_line_per_run_and_says_how_it_counts(compared: Backtest) -> None:
    lines = as_table(compared).splitlines()
    assert lines[2].split()[:2] == ["kWh", "of"]
    assert [line.split("  ")[0] for line in lines[4 : 6 + len(compared.rows)]] == [
        "clairvoyant, most energy",
        "clairvoyant, least cost",
        *(row.name for row in compared.rows),
    ]
    at = lines[2].index("< 1/4")
    assert [int(line[at : at + 5]) for line in lines[6:][: len(compared.rows)]] == [
        row.service.hardly_served for row in compared.rows
    ]
    assert "0.5 EUR for every kWh that was wanted and is missing" in lines[-2]
    assert lines[-1] == "note: forecasts know 63 sessions from before"


def test_files_and_pictures_are_written(compared: Backtest, tmp_path: Path) -> None:
    write_backtest(tmp_path / "result.json", compared)
    data = json.loads((tmp_path / "result.json").read_text())
    assert data == json.loads(json.dumps(as_json(compared)))
    assert [run["knowledge"] for run in data["runs"]] == [
        "stated",
        "perfect",
        "stated",
        "perfect",
        "predicted",
        "stated",
    ]
    assert all(run["plans"] > 100 for run in data["runs"] if run["strategy"] == "cheapest")
    paths = draw_backtest(compared, tmp_path)
    assert len(paths) == len(compared.rows) + 1
    bins = len(compared.cheapest.site_w)
    for row in compared.rows:
        assert paid(compared, row, bins).sum() == pytest.approx(row.costs.energy, abs=0.01), row.name
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_no_decision_depends_on_what_happens_later() -> None:
    """Other vehicles, load and prices from 13:00 on, when tomorrow's prices are published, change nothing before."""
    site, turn = feeder(16, metered=True), BEGIN.replace(hour=11)
    load = Series(BEGIN - 3 * DAY, 3600, np.full(24 * 5, 2000.0))
    surprise = load.mean_w.copy()
    surprise[int((turn - load.begins).total_seconds() // 3600) :] = 9000.0
    dearer = PriceSeries.of(
        (BEGIN.replace(hour=0) + timedelta(hours=k), PRICES[k % 24] if k < 24 else 9.0) for k in range(-24, 72)
    )
    early = tuple(one for one in weeks(2).records if one.arrival < turn)
    more = (*early, record("A3", 9 * HOUR, 2 * HOUR, 9_000))
    rows = []
    for records, series, known in ((early, load, prices()), (more, replace(load, mean_w=surprise), dearer)):
        file = SessionFile("x.csv", "test", records, ())
        beside = Beside(priced_by(known, "EUR", site.timezone), series)
        built = backtest_task(recorded_task(site, file, since=BEGIN, days=1), file, beside)
        # The run itself draws random numbers for every arrival; they must not be what differs.
        rows.append(run(built, "cheapest", Knowledge.PREDICTED, every_s=900.0))
    bins = int((turn - BEGIN).total_seconds() // 300)
    assert sum(rows[0].evses_w[:bins]) > 0
    assert rows[0].evses_w[:bins] == rows[1].evses_w[:bins]
    assert rows[0].site_w[: bins + 24] != rows[1].site_w[: bins + 24]


@pytest.mark.parametrize(("hour", "known"), [(9, 24), (14, 48)], ids=["in the morning", "after they were published"])
def test_the_prices_of_tomorrow_are_known_from_noon(hour: int, known: int) -> None:
    tariff = priced_by(prices(), "EUR", "UTC")
    seen = known_prices(tariff, BEGIN.replace(hour=hour))
    assert seen.series["prices"].end == BEGIN.replace(hour=0) + timedelta(hours=known)


def test_drivers_are_told_apart_from_the_truth() -> None:
    said = record("A1", 0, 2 * HOUR, 5_000, requested_wh=9_000, stated_departure=BEGIN + timedelta(hours=5))
    assert (truth(said).energy_wh, truth(said).departure, truth(said).origin) == (
        5_000,
        said.departure,
        NeedOrigin.SCHEDULED,
    )
    assert (stated(said).energy_wh, stated(said).departure) == (9_000, BEGIN + timedelta(hours=5))
    silent = record("A1", 0, 2 * HOUR, 5_000)
    assert stated(silent).is_empty


def test_a_departure_that_is_stated_before_the_arrival_is_none() -> None:
    said = record("A1", 0, 2 * HOUR, 5_000, stated_departure=BEGIN - timedelta(hours=5))
    assert stated(said).departure is None
    file = SessionFile("x.csv", "test", (said,), ())
    row = run(task(file), "cheapest", Knowledge.STATED)
    assert row.service.share > 0.98, "nobody knows when it leaves, so it is not put off"


STORE = Battery("store", "grid", 30_000.0, 8_000.0, 8_000.0, meter="bat", lowest=0.1, steered=True, wear_per_kwh=0.02)


def stored(site: Site, *batteries: Battery) -> BacktestTask:
    """Two vehicles come in the evening, after a day of sun that nobody uses; a kWh costs 0.30 at any time."""
    meters = (*site.meters, Meter("bat", role=MeterRole.BATTERY, circuit="grid")) if batteries else site.meters
    sun = Series(BEGIN - 3 * DAY, 3600, np.array(([10_000.0] * 8 + [0.0] * 16) * 5))
    flat = priced_by(PriceSeries.of((BEGIN + timedelta(hours=k), 0.30) for k in range(-24, 72)), "EUR", site.timezone)
    records = tuple(record(f"A{k}", 12 * HOUR, 8 * HOUR, 12_000) for k in (1, 2))
    file = SessionFile("x.csv", "test", records, ())
    placed = recorded_task(replace(site, meters=meters, batteries=batteries), file, since=BEGIN, days=1)
    return backtest_task(placed, file, Beside(flat, generation_w=sun))


def sunny() -> Site:
    """A feeder behind a grid connection that knows of a plant."""
    site = feeder(40, metered=True)
    root, *others = site.circuits.circuits
    return replace(site, circuits=CircuitTree((replace(root, generation_max_a=20.0), *others)))


def test_a_plant_that_the_site_does_not_know_is_said() -> None:
    noted = "pv: grid has no generation_max_a and no meter of a plant, so what flows back is taken for nothing"
    assert noted in stored(feeder(40, metered=True)).task.notes
    assert noted not in stored(sunny()).task.notes


def test_with_a_battery_the_bound_is_lower_and_still_a_bound() -> None:
    """The battery takes the sun of the day for the vehicles of the evening; it pays for its wear and for what it lacks
    at the end.
    """
    site = sunny()
    with_it, without = (
        backtest(one, [("cheapest", Knowledge.PERFECT)], workers=1, every_s=900.0)
        for one in (stored(site, STORE), stored(site))
    )
    for found in (with_it, without):
        (row,) = found.rows
        assert row.result is not None
        assert row.result.overload_a == 0.0
        assert row.service.share > 0.99
        assert row.total >= found.cheapest.total * 0.999
    (better,), (worse,) = with_it.rows, without.rows
    assert worse.pv_share == 0.0
    assert better.pv_share > 0.5
    assert better.total < 0.6 * worse.total
    for found in (with_it, without):
        assert paid(found, found.rows[0], 288).sum() == pytest.approx(found.rows[0].costs.energy, abs=0.01)
    assert with_it.cheapest.total < without.cheapest.total
    table, bare = as_table(with_it), as_table(without)
    assert ("battery" in table.splitlines()[2], "battery" in bare) == (True, False)
    assert "half full" in table


def test_what_a_battery_holds_less_at_the_end_is_paid_for() -> None:
    """Two hours at 3 kW out of it: 6 kWh given, of which 6 / 0.95 kWh are missing; and the same way back."""
    economy = economy_of(facts_of(stored(feeder(40, metered=True), replace(STORE, wear_per_kwh=0.1))))
    given = np.array([-3000.0, -3000.0])
    assert battery_cost(economy, given, 1.0) == pytest.approx(0.1 * 6.0 / 2.0 + 0.95 * 0.30 * 6.0 / 0.95)
    back_w = 3000.0 / 0.95**2
    assert battery_cost(economy, np.array([*given, back_w, back_w]), 1.0) == pytest.approx(
        0.1 * (6.0 + 2.0 * back_w / 1000.0) / 2.0
    )


def nan(count: int) -> Series:
    values = np.full(48, 3000.0)
    values[5 : 5 + count] = np.nan
    return Series(BEGIN - timedelta(hours=12), 3600, values)


def negative() -> Beside:
    midnight = BEGIN.replace(hour=0)
    return Beside(priced_by(PriceSeries.of((midnight + timedelta(hours=k), -0.05) for k in range(48)), "EUR", "UTC"))


def missing() -> Beside:
    gaps = PriceSeries.of((BEGIN + timedelta(hours=k), 0.2) for k in range(24) if k % 5)
    return Beside(priced_by(gaps, "EUR", "UTC"))


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        (Beside(building_w=nan(15)), "building: no value for 9 steps of 3600 s, the last one holds"),
        (
            Beside(generation_w=Series(BEGIN, 3600, np.full(24, -40.0))),
            "pv: what is below nothing is the plant's own consumption, and counts as nothing",
        ),
        (negative(), "forecasts know 63 sessions from before"),
        (missing(), "2 more prices had to be assumed"),
    ],
    ids=["NaN in a load", "a plant that reads negative at night", "negative prices", "missing prices"],
)
def test_nothing_that_is_odd_stops_a_run(beside: Beside, told: str) -> None:
    built = task(site=feeder(16, metered=True), beside=beside)
    assert told in built.task.notes
    row = run(built, "cheapest", Knowledge.PREDICTED, every_s=900.0)
    assert row.plans_failed == 0
    assert row.service.share > 0.8
    assert bounds(built)[0].service.share >= row.service.share - 1e-3


@pytest.mark.parametrize(
    ("site", "beside", "named"),
    [
        (feeder(16), Beside(building_w=nan(0)), "grid has no meter"),
        (
            feeder(16, metered=True),
            Beside(building_w=Series(datetime(1999, 1, 1, tzinfo=UTC), 3600, np.ones(24))),
            "building: the file says nothing about .* from 2024-05-06; it is about 1999-01-01 to 1999-01-02",
        ),
    ],
    ids=["a load that nobody sees", "a load of another year"],
)
def test_what_cannot_be_is_named(site: Site, beside: Beside, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        task(site=site, beside=beside)


@pytest.mark.parametrize(("ratios", "index"), [([1, 1, 1], 1.0), ([1, 0, 0], 1 / 3), ([0.5, 1], 0.9), ([], 1.0)])
def test_jains_index(ratios: list[float], index: float) -> None:
    assert jain(np.array(ratios, dtype=np.float64)) == pytest.approx(index)


@pytest.mark.parametrize(
    ("wanted_kwh", "got_kwh", "hardly"),
    [(10.0, 2.4, 1), (10.0, 2.5, 0), (0.05, 0.0, 0), (0.2, 0.0, 1), (10.0, 10.0, 0)],
    ids=["less than a quarter", "a quarter", "who wanted nothing worth counting", "little", "all"],
)
def test_who_was_hardly_served_is_counted(wanted_kwh: float, got_kwh: float, hardly: int) -> None:
    one = Outcome("1", "A1/1", 1000.0 * wanted_kwh, 1000.0 * got_kwh, 1000.0 * wanted_kwh, 0.0)
    assert service_of([one], {}).hardly_served == hardly


def test_a_run_learns_from_vehicles_that_left_during_it() -> None:
    """A record without a past is still a history at its end."""
    file = SessionFile("x.csv", "test", tuple(one for one in weeks(3).records if one.arrival >= BEGIN), ())
    built = backtest_task(recorded_task(feeder(16), file, since=BEGIN, days=3), file)
    assert built.earlier == ()
    row = run(built, "fast", Knowledge.PREDICTED, every_s=900.0)
    assert row.service.share > 0.9
