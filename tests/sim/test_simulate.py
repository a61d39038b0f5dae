"""Whole simulations: figures, table, files and pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ems.domain.strategy import Strategy
from ems.settings.load import load
from ems.sim.arrivals import made_up_loads, made_up_sessions
from ems.sim.pictures import draw
from ems.sim.sessions import SessionFile, read_sessions
from ems.sim.simulate import STRATEGIES, boundless, made_up_task, recorded_task, simulate, simulate_all
from ems.sim.simulation_result import as_table, write_result
from tests.sim.sites import BEGIN, CHECKOUT, feeder, record, recorded

HOUR = 3600.0


def busy() -> SessionFile:
    records = tuple(record(f"A{k}", 600.0 * k, 2 * HOUR, 14_000, requested_wh=20_000) for k in (1, 2, 3))
    return SessionFile("day.csv", "test", records, ())


def test_uncontrolled_vehicles_overload_what_the_controller_keeps_whole() -> None:
    task = recorded_task(feeder(40), busy(), days=1)
    free, equal = (simulate(task, strategy) for strategy in ("uncontrolled", "equal"))
    assert free.overload_own_a == pytest.approx(56)
    assert free.overload_at == "feeder L1, by chargers"
    assert (equal.overload_own_a, equal.overload_a, equal.overload_at) == (0, 0, "")
    assert free.peak_kw > 2 * equal.peak_kw
    assert free.needs == equal.needs == 3
    assert equal.delivered_kwh <= equal.wanted_kwh == 42


def test_the_same_task_gives_the_same_result_to_the_last_digit() -> None:
    first, second, other = (
        simulate(made_up_task(feeder(40, 4, metered=True), days=1, seed=seed), "equal") for seed in (5, 5, 6)
    )
    assert json.dumps(first.as_json()) == json.dumps(second.as_json()) != json.dumps(other.as_json())
    assert first.overload_own_a == 0
    assert first.sessions >= 3


def test_strategies_can_be_compared_in_processes_of_their_own() -> None:
    task = recorded_task(feeder(40), busy(), days=1)
    together = simulate_all(task, ("equal", "first-come"), workers=2)
    assert [result.as_json() for result in together] == [simulate(task, s).as_json() for s in ("equal", "first-come")]


def test_the_table_has_a_column_per_strategy() -> None:
    task = recorded_task(feeder(40), busy(), days=1)
    table = as_table([simulate(task, strategy) for strategy in ("uncontrolled", "equal")])
    head, rows = table.splitlines()[2], {line[:28].strip(): line[28:].split() for line in table.splitlines()[4:]}
    assert head.split() == ["uncontrolled", "equal"]
    assert rows["largest own overload, A"] == ["56.0", "0.0"]
    assert rows["energy wanted, kWh"] == ["42.0", "42.0"]
    assert rows["needs met at departure"][:3] == ["3", "of", "3"]
    assert all(len(line) == len(line.rstrip()) for line in table.splitlines())


def test_files_are_written(tmp_path: Path) -> None:
    site = feeder(40)
    result = simulate(recorded_task(site, busy(), days=1), "equal")
    write_result(tmp_path / "result.json", [result])
    content = json.loads((tmp_path / "result.json").read_text())["runs"][0]
    assert (content["strategy"], content["needs_met"], len(content["series"]["site_kw"])) == ("equal", 3, 288)
    assert list(content["series"]["circuit_a"]) == ["grid", "feeder"]
    assert max(max(amps) for amps in content["series"]["circuit_a"]["feeder"]) <= 40
    assert [left["met"] for left in content["departures"]] == [True] * 3
    assert sum(content["series"]["evses_kw"]) / 12 == pytest.approx(content["delivered_kwh"], rel=0.02)
    paths = draw(site, result, tmp_path)
    assert [path.name for path in paths] == ["power-equal.png", "phases-equal.png", "occupancy-equal.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


@pytest.mark.parametrize(
    ("file", "days", "reason"),
    [
        (SessionFile("day.csv", "test", (), ()), None, "no sessions"),
        (SessionFile("day.csv", "test", (record("X", 0, 9, 1),), ()), None, "the file names X: map unknown stations"),
        (
            SessionFile("day.csv", "test", (record("A1", 0, 9, 1), record("A1", 2e9, 9, 1)), ()),
            None,
            r"nobody comes between 2024-05-06 and 2087-09-21 \(session A1@2e\+09\)",
        ),
    ],
)
def test_a_file_without_use_is_refused_with_the_remedy(file: SessionFile, days: int | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        recorded_task(feeder(), file, days=days)


@pytest.mark.parametrize(
    ("days", "told"), [(1, "on 2030-01-01; the"), (3, "on 2030-01-01 or the 2 days after it; the")]
)
def test_days_on_which_nobody_comes_are_refused_in_the_time_of_the_site(days: int, told: str) -> None:
    since = datetime(2029, 12, 31, 23, 0, tzinfo=UTC)
    with pytest.raises(ValueError, match=f"no session begins {told} first begins 2024-05-06, the last 2024-05-06"):
        recorded_task(feeder(), busy(), since=since, days=days)


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(ValueError, match="least-laxity"):
        simulate(recorded_task(feeder(), busy()), "fastest")


def test_what_was_done_to_the_sessions_is_told() -> None:
    file = replace(busy(), records=(*busy().records, record("X", 5, 60, 1), record("A1", 700, 600, 1)))
    notes = recorded_task(feeder(), file).notes
    assert notes == (
        "1 session at stations that the site does not have: X",
        "1 visit shortened because the next vehicle came earlier",
    )
    assert recorded_task(feeder(), file, map_unknown=True).notes[0].endswith("put onto the site's EVSEs")


def test_a_day_of_the_garage() -> None:
    """The first of May 2019 at Caltech: nothing is overloaded, and nearly everybody leaves with what they wanted."""
    site = load(CHECKOUT / "sites" / "caltech").settings
    assert site is not None
    task = recorded_task(site.site, read_sessions(recorded("caltech_2019-05-01_2019-08-31.csv.gz")), days=1)
    result = simulate(task, "equal")
    assert (result.evses, result.sessions, result.overload_a) == (54, 38, 0)
    assert result.share_met > 0.9
    assert result.delivered_kwh == pytest.approx(result.wanted_kwh, rel=0.03)


def test_uncontrolled_is_the_same_site_without_limits() -> None:
    site = boundless(feeder())
    assert [circuit.id for circuit in site.circuits] == ["grid", "feeder"]
    assert site.circuits.root.rating_a[0] >= 1e6
    assert list(STRATEGIES) == ["uncontrolled", *Strategy]


@pytest.mark.parametrize("seed", range(5))
def test_made_up_sessions_are_possible_and_do_not_overlap(seed: int) -> None:
    site, first = feeder(evses=6), date(2024, 3, 29)
    records = made_up_sessions(site, first, 7, np.random.default_rng(seed))
    until: dict[str, datetime] = {}
    for r in records:
        assert r.arrival >= until.get(r.station, r.arrival)
        until[r.station] = r.departure
        assert r.max_a is not None
        assert r.legs is not None
        stay_h = (r.departure - r.arrival).total_seconds() / 3600
        assert r.delivered_wh <= r.max_a * r.legs * 230 * stay_h
    assert records == made_up_sessions(site, first, 7, np.random.default_rng(seed))


def test_people_come_at_the_same_local_time_when_the_clocks_change() -> None:
    """Berlin goes to summer time on 31 March 2024: one hour earlier in UTC."""
    site = feeder(evses=40)
    records = made_up_sessions(site, date(2024, 3, 25), 14, np.random.default_rng(1))
    change = datetime(2024, 3, 31, 1, tzinfo=UTC)
    before = np.mean([r.arrival.hour for r in records if r.arrival < change and r.arrival.weekday() < 5])
    after = np.mean([r.arrival.hour for r in records if r.arrival > change and r.arrival.weekday() < 5])
    assert before - after == pytest.approx(1, abs=0.4)


def test_made_up_loads_stay_within_what_the_site_declares() -> None:
    site = feeder(metered=True, base_a=20.0)
    courses = made_up_loads(site, BEGIN, 3 * 86_400.0, np.random.default_rng(1))
    amps = [course.at(t)[0] for course in courses for t in range(0, 3 * 86_400, 300)]
    assert 0 < min(amps) < max(amps) <= 20


def test_a_simulation_begins_at_local_midnight() -> None:
    assert recorded_task(feeder(), busy()).begins == datetime(2024, 5, 5, 22, tzinfo=UTC)
    assert recorded_task(feeder(), busy()).seconds == 86_400
    assert made_up_task(feeder(), days=3).begins + timedelta(hours=2) == datetime(2024, 5, 6, tzinfo=UTC)
