"""A meter that shows less than the vehicles behind it draw is told of, with what may be wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ems.adapters.web.values import MAX_TEXT
from ems.domain.alarm.contradiction import REMEDY, contradictions
from ems.domain.circuit import CircuitTree
from ems.domain.site import Site
from tests.builders import Scenario, site
from tests.control.installations import SITES


def told(scenario: Scenario) -> list[str]:
    assert scenario.decision is not None
    return [one.text for one in contradictions(scenario.state, scenario.decision)]


def with_generation(amps: float) -> Site:
    built = SITES["two_feeders"]
    first, *others = built.circuits
    return replace(built, circuits=CircuitTree((replace(first, generation_max_a=amps), *others)))


@pytest.mark.parametrize(
    ("besides", "generation_a", "on"),
    [
        ((10.0, 10.0, 10.0), 0.0, ""),
        ((0.0, 0.0, 0.0), 0.0, ""),
        ((-3.0, 0.0, 0.0), 0.0, ""),
        ((0.0, -30.0, 0.0), 0.0, "L2"),
        ((-30.0, 5.0, -20.0), 0.0, "L1 and L3"),
        ((0.0, -30.0, 0.0), 40.0, ""),
        ((0.0, -60.0, 0.0), 40.0, "L2"),
    ],
)
def test_what_feeds_back_must_have_been_told(besides: tuple[float, float, float], generation_a: float, on: str) -> None:
    l1, l2, l3 = besides
    scenario = site(with_generation(generation_a)).car("A1").meter("main", l1=l1, l2=l2, l3=l3).after(120)
    found = told(scenario)
    assert bool(found) is bool(on), found
    assert all(f"less on {on} than the vehicles of grid" in text for text in found)


def test_of_a_silent_meter_something_else_is_told() -> None:
    scenario = site("two_feeders").car("A1").meter("main", l2=-30.0).after(60).silent("main").after(20)
    assert told(scenario) == []


@pytest.mark.parametrize(
    ("l1", "is_told"), [(1.0, False), (-30.0, True)], ids=["nothing is wrong", "a wrong transformer"]
)
def test_a_vehicle_that_left_a_station_while_it_was_offline_contradicts_no_meter(l1: float, is_told: bool) -> None:
    scenario = site("two_feeders").car("A1").car("A2").meter("main", l1=l1).after(120).drop("A1").after(30)
    scenario.plug("A1").depart()
    scenario.after(900)
    assert bool(told(scenario)) is is_told


def test_what_to_look_at_is_shown_whole() -> None:
    assert len(REMEDY) <= MAX_TEXT
