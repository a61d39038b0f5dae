"""The story of a demonstration, the fault plan, and the story that is shipped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from ems.domain.decision import Decision
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.settings.load import load
from ems.sim.core_run import BEGIN_S, CoreRun, Setup
from ems.sim.faults import FaultKind, FaultPlan
from ems.sim.observer import Cause
from ems.sim.placement import place
from ems.sim.scenario import Scenario
from ems.sim.session_record import SessionRecord
from ems.sim.story import Comes, Story
from tests.sim.sites import BEGIN, CHECKOUT, feeder, roof

CAR = {"at_s": 1, "evse": "A1/1", "energy_kwh": 2, "stay_s": 60}


def test_reads_what_is_written() -> None:
    content = {
        "repeat_s": 120,
        "noise_a": 0.5,
        "building": {"grid": [{"at_s": 0, "amps": 5}, {"at_s": 40, "amps": [8, 9, 10]}]},
        "arrivals": [CAR, {**CAR, "evse": "A2/1", "at_s": 3, "max_a": 16, "legs": 1, "soc": 0.5, "tag": "T"}],
    }
    scenario = Scenario.parse(content, feeder())
    assert (scenario.repeat_s, scenario.noise_a) == (120, 0.5)
    assert [(a.evse, a.energy_wh, a.max_a, a.legs, a.soc, a.tag) for a in scenario.arrivals] == [
        ("A1/1", 2000, 32, 3, 0.3, "DEMO"),
        ("A2/1", 2000, 16, 1, 0.5, "T"),
    ]
    assert scenario.courses[0].at(50) == (8, 9, 10)
    assert scenario.courses[0].at(125) == (5, 5, 5)


def test_a_plant_feeds_back_where_its_meter_stands() -> None:
    course = Scenario.parse({"pv": {"pv": [{"at_s": 0, "amps": 6}]}}, roof()).courses[0]
    assert (course.circuit, course.meter, course.at(0)) == ("grid", "pv", (-6, -6, -6))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "mapping"),
        ({"arivals": []}, "unknown key 'arivals'"),
        ({"repeat_s": "long"}, "repeat_s: a number"),
        ({"arrivals": {}}, "arrivals: a list"),
        ({"arrivals": ["car"]}, "arrivals[1]: a mapping"),
        ({"arrivals": [{"at_s": 1}]}, "arrivals[1]: evse is missing"),
        ({"arrivals": [{**CAR, "evse": "Z9/1"}]}, "no EVSE 'Z9/1'; it has A1/1"),
        ({"arrivals": [{**CAR, "at_s": -1}]}, "arrivals[1].at_s"),
        ({"arrivals": [{**CAR, "legs": 4}]}, "arrivals[1].legs: a number 1 … 3"),
        ({"arrivals": [{**CAR, "color": 1}]}, "arrivals[1]: unknown key 'color'"),
        ({"arrivals": [{**CAR, "stay_s": 700}]}, "stays beyond repeat_s"),
        ({"arrivals": [CAR, {**CAR, "at_s": 30}]}, "A1/1 is still taken at 30 s"),
        ({"building": {"attic": [{"at_s": 0, "amps": 1}]}}, "no circuit 'attic'"),
        ({"building": {"grid": [{"at_s": 0}]}}, "building.grid[1]: needs at_s and amps"),
        ({"building": {"grid": [{"at_s": 0, "amps": [1, 2]}]}}, "one number, or three"),
        ({"building": {"grid": []}}, "needs points"),
        ({"building": {"grid": [{"at_s": 5, "amps": 1}, {"at_s": 2, "amps": 1}]}}, "times rise"),
        ({"pv": {"roof": [{"at_s": 0, "amps": 1}]}}, "no meter 'roof'"),
    ],
)
def test_a_problem_is_named(content: Any, problem: str) -> None:
    with pytest.raises(ValueError, match="^(?s:.*)" + problem.replace("[", r"\[").replace("]", r"\]")):
        Scenario.parse(content, feeder())


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(ValueError, match="repeat_s") as caught:
        Scenario.parse({"repeat_s": 1, "noise": 2, "arrivals": [{**CAR, "legs": 9}]}, feeder())
    assert len(str(caught.value).splitlines()) == 3


def test_the_story_goes_on_round_after_round_and_is_never_quite_the_same() -> None:
    scenario = Scenario.parse({"repeat_s": 100, "arrivals": [CAR, {**CAR, "evse": "A2/1", "at_s": 30}]}, feeder())
    story = Story(scenario, np.random.default_rng(1))
    told = [happening for t in range(1000) for happening in story.until(t)]
    comes = [h.arrival for h in told if isinstance(h, Comes)]
    assert len(comes) == 20
    assert [(a.evse, a.at_s) for a in comes[:2]] == [("A1/1", 1), ("A2/1", 30)]
    assert len({a.energy_wh for a in comes}) > 15
    inside: set[str] = set()
    for happening in told:
        evse = happening.arrival.evse
        assert (evse in inside) != isinstance(happening, Comes)
        inside ^= {evse}


def demo() -> tuple[Site, Scenario]:
    settings = load(CHECKOUT / "sites" / "demo").settings
    assert settings is not None
    with (CHECKOUT / "sites" / "demo" / "scenario.yaml").open(encoding="utf-8") as file:
        return settings.site, Scenario.parse(YAML(typ="safe").load(file), settings.site)


def test_the_first_minute_of_the_demo_shows_what_it_promises() -> None:
    """Cars arrive within 3 s; by 25 s five share the hall; at 40 s the building jumps and everybody makes room."""
    site, scenario = demo()
    records = [
        SessionRecord(str(k), a.evse, BEGIN + timedelta(seconds=a.at_s), BEGIN + timedelta(seconds=a.at_s + a.stay_s),
                      a.energy_wh, max_a=a.max_a, legs=a.legs)
        for k, a in enumerate(scenario.arrivals)
    ]  # fmt: skip
    seen: dict[int, tuple[int, float, str]] = {}

    def watch(state: SiteState, decision: Decision, _: object) -> None:
        hall = [s for s in decision.setpoints if s.evse.startswith("HALL") and state.evse(s.evse).session]
        reasons = " ".join(s.reason.text for s in decision.setpoints)
        t = round(decision.at.monotonic_s - BEGIN_S)
        seen[t] = (len(hall), float(sum(s.amps for s in decision.setpoints)), reasons)

    setup = Setup(courses=scenario.courses, look_s=1.0, check=watch)
    run = CoreRun(site, place(site, records).visits, BEGIN, setup)
    run.run(90)
    assert seen[3][0] >= 1
    assert seen[26][0] >= 5
    assert "is full" in seen[26][2]
    assert seen[50][1] < seen[39][1] - 15
    assert run.plant.observer.largest_a(90, Cause.CHARGERS) == 0
    assert max((o.duration_s for o in run.plant.observer.overloads(90)), default=0) < 15


def test_the_shipped_story_uses_every_part_of_the_car_park() -> None:
    site, scenario = demo()
    assert {a.evse.partition("-")[0] for a in scenario.arrivals} == {"HALL", "YARD"}
    assert len({a.evse for a in scenario.arrivals}) >= 12 <= len(site.evses)
    assert {course.meter for course in scenario.courses} == {None, "roof"}
    assert min(a.at_s for a in scenario.arrivals) < 3


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ({}, "a list is needed"),
        (["x"], r"faults\[1\]: a mapping"),
        ([{"kind": "meter-silent", "target": "main"}], r"faults\[1\]: at_s and kind"),
        ([{"at_s": 1, "kind": "meter-tired", "target": "main"}], "unknown kind 'meter-tired'"),
        ([{"at_s": 1, "kind": "meter-silent", "target": "m2"}], "no meter 'm2'; it has main"),
        ([{"at_s": 1, "kind": "station-lost", "target": "main"}], "no station 'main'"),
        ([{"at_s": 1, "kind": "meter-silent"}], "must name a meter"),
        ([{"at_s": 1, "kind": "controller-dead", "target": "main"}], "must be absent"),
        ([{"at_s": -1, "kind": "controller-dead"}], "must not be negative"),
        ([{"at_s": "now", "kind": "controller-dead"}], "at_s must be a number"),
        ([{"at_s": 1, "kind": "controller-dead", "for": 3}], "unknown key for"),
        ([{"at_s": float("nan"), "kind": "controller-dead"}], "at_s must be a number, got nan"),
        ([{"at_s": 1, "kind": "building-step", "target": "grid", "value": float("inf")}], "got inf"),
        ([{"at_s": 1, "kind": "building-step", "target": "grid"}], "value is needed, the ampere per phase"),
        ([{"at_s": 1, "kind": "pv-cloud", "target": "grid", "value": 3}], "a share in 0 … 1"),
        (["x", {"at_s": 1, "kind": "y"}], r"(?s)faults\[1\].*faults\[2\]"),
    ],
)
def test_a_wrong_fault_is_named(entries: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        FaultPlan.parse(entries, feeder(metered=True))


def test_a_fault_plan_is_read_in_order_of_time() -> None:
    entries = [
        {"at_s": 90, "kind": "building-step", "target": "grid", "value": 10, "lasts_s": 30},
        {"at_s": 5, "kind": "station-lost", "target": "A1"},
    ]
    plan = FaultPlan.parse(entries, feeder())
    assert [(f.at_s, f.kind, f.target, f.lasts_s) for f in plan.faults] == [
        (5, FaultKind.STATION_LOST, "A1", 60),
        (90, FaultKind.BUILDING_STEP, "grid", 30),
    ]


def test_a_fault_of_all_is_one_for_each() -> None:
    plan = FaultPlan.parse([{"at_s": 5, "kind": "station-lost", "target": "all"}], feeder())
    assert [fault.target for fault in plan.faults] == ["A1", "A2", "A3"]


def test_faults_drawn_from_a_seed_repeat() -> None:
    site = feeder(metered=True)
    plans = [FaultPlan.drawn(np.random.default_rng(seed), site, 3600, 40) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]
    assert len({fault.kind for fault in plans[0].faults}) > 6


@pytest.mark.parametrize("seed", range(3))
def test_whatever_fails_the_chargers_overload_nothing(seed: int) -> None:
    """Stations, meters and the controller fail at random while four cars charge; the fallback is 0 A."""
    site = feeder(40, 4, metered=True, base_a=20.0)
    plan = FaultPlan.drawn(np.random.default_rng(seed), site, 3000, 12)
    kept = FaultPlan(tuple(f for f in plan.faults if f.kind is not FaultKind.BUILDING_STEP))
    records = [
        SessionRecord(f"A{k}", f"A{k}", BEGIN + timedelta(seconds=60 * k), BEGIN + timedelta(hours=1), 30_000)
        for k in (1, 2, 3, 4)
    ]
    run = CoreRun(site, place(site, records).visits, BEGIN, Setup(seed=seed, faults=kept))
    run.run(3600)
    assert run.plant.observer.largest_a(3600, Cause.CHARGERS) == 0
    wild = [o.duration_s for o in run.plant.observer.overloads(3600) if o.cause is Cause.DISOBEDIENCE]
    assert max(wild, default=0) < 40
    assert run.plant.tally.delivered_wh > 5_000
