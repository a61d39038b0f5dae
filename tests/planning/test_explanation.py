"""Why a vehicle has the current it has."""

from __future__ import annotations

import dataclasses
from datetime import timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.strategy import LADDERS, Ladder, Strategy
from ems.planning.explanation import Cause, Why, in_words, reasons
from ems.planning.optimiser import optimise
from ems.planning.problem import ChargingProblem, DemandCharge, Economy, Node, Request
from tests.planning.sites import MIDNIGHT, economy, hours, phases, problem, problems, vehicle

FAST, CHEAPEST, SOLAR, BALANCED = (
    LADDERS[s] for s in (Strategy.FAST, Strategy.CHEAPEST, Strategy.SOLAR, Strategy.BALANCED)
)
HOURS = hours(4)
EAST = timezone(timedelta(hours=2))


def said(requests: list[Request], ladder: Ladder, amps: float = 32.0, bill: Economy | None = None) -> list[str]:
    """The reasons of the first vehicle, step by step, in the time of a site two hours east."""
    schedule = optimise(problem(HOURS, requests, amps, bill), ladder)
    course = reasons(schedule, ladder)[0]
    return [why.text("" if why.at is None else f"{why.at.astimezone(EAST):%H:%M}") for why in course]


def test_from_full_current_to_done() -> None:
    """Two hours there, one and a half of them charging."""
    assert said([vehicle(HOURS, 11.0, 1, 3)], FAST) == [
        "not plugged in", "full current", "has what it needs", "not plugged in",
    ]  # fmt: skip


def test_a_full_circuit_is_named_with_its_phase() -> None:
    """The one nearest to the vehicle."""
    site = problem(
        HOURS, [vehicle(HOURS, 99.0, circuit=1)], 20.0, nodes=[Node("row", 0, phases([9.0, 50.0, 50.0, 50.0], 4))]
    )
    texts = [why.text() for why in reasons(optimise(site, FAST), FAST)[0]]
    assert texts == ["row L1 is full", "grid L1 is full", "grid L1 is full", "grid L1 is full"]


def test_waiting_for_a_cheaper_hour_says_when() -> None:
    """In the time of the site."""
    texts = said([vehicle(HOURS, 7.0)], CHEAPEST, bill=economy(HOURS, [0.4, 0.3, 0.1, 0.4]))
    assert texts == ["cheaper at 04:00", "cheaper at 04:00", "has what it needs", "has what it needs"]


def test_a_peak_that_costs_is_said_with_its_power() -> None:
    """8 kWh in four hours, evenly."""
    bill = economy(HOURS, 0.2, demand=(DemandCharge(10.0, 900.0, np.ones(4)),))
    assert said([vehicle(HOURS, 8.0)], CHEAPEST, bill=bill)[0] == "keeps the peak at 2 kW"
    assert said([vehicle(HOURS, 8.0)], BALANCED, bill=bill)[0] == "keeps the peak at 2 kW"


@pytest.mark.parametrize("ladder", [SOLAR, CHEAPEST])
def test_waiting_for_the_sun_is_said(ladder: Ladder) -> None:
    """It comes in the third hour."""
    bill = economy(HOURS, 0.3, generation_kw=[0.0, 0.0, 9.0, 0.0], feed_in=0.05)
    assert said([vehicle(HOURS, 5.0)], ladder, bill=bill)[:2] == ["waits for the sun"] * 2


def test_a_limited_outlet_is_said() -> None:
    """10 A at first, then less than the vehicle could use."""
    asked = vehicle(HOURS, 99.0, min_a=6.0, limit_a=np.array([10.0, 4.0, 32.0, 99.0]))
    texts = said([asked], FAST)
    assert texts == ["its outlet may have 10 A", "its outlet may have 0 A", "full current", "full current"]


def test_a_pause_below_the_minimum_is_said() -> None:
    """5 A beside the one that goes first."""
    first = vehicle(HOURS, 99.0, service_class=1, max_a=15.0, session="b")
    schedule = optimise(problem(HOURS, [vehicle(HOURS, 9.0, min_a=6.0), first], 20.0), FAST)
    assert schedule.amps[0, 0] == 0.0
    assert reasons(schedule, FAST)[0][0].cause is Cause.MINIMUM


def test_reasons_in_words_are_said_once_for_as_long_as_they_hold() -> None:
    """With the step from which each holds."""
    course = (
        Why(Cause.CHEAPER, at=MIDNIGHT),
        Why(Cause.CHEAPER, at=MIDNIGHT),
        Why(Cause.FULL_CURRENT),
        Why(Cause.DONE),
    )
    assert [(why.since, why.text) for why in in_words(course, EAST)] == [
        (0, "cheaper at 02:00"), (2, "full current"), (3, "has what it needs"),
    ]  # fmt: skip


@given(problems("all"), st.sampled_from(list(LADDERS.values())))
def test_every_step_has_a_reason_that_is_true(site: ChargingProblem, ladder: Ladder) -> None:
    """Full current is full, done is done, a full circuit is full, and moments lie ahead."""
    site = dataclasses.replace(site)
    schedule = optimise(site, ladder)
    edges = site.horizon.edges()
    for i, course in enumerate(reasons(schedule, ladder)):
        request = site.requests[i]
        assert len(course) == site.horizon.steps
        for step, why in enumerate(course):
            assert (why.cause is Cause.NOT_THERE) == (request.available[step] == 0.0)
            assert why.text("noon")
            if why.cause is Cause.FULL_CURRENT:
                assert schedule.amps[i, step] == pytest.approx(request.upper_a[step], rel=2e-3)
            if why.cause is Cause.DONE:
                assert schedule.amps[i, step + 1 :].max(initial=0.0) < 1.0
            if why.at is not None:
                assert why.at > edges[step]
