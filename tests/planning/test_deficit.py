"""Who will miss what, and whether the remedies cure it."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, timedelta

import pytest
from hypothesis import given

from ems.domain.strategy import LADDERS, Strategy
from ems.planning.deficit import Deficit, deficits, remedies
from ems.planning.optimiser import optimise
from ems.planning.problem import ChargingProblem, Node
from tests.planning.sites import MIDNIGHT, THREE, hours, phases, power, problem, problems, vehicle

FAST = LADDERS[Strategy.FAST]


def of(site: ChargingProblem) -> tuple[Deficit, ...]:
    """The deficits of the fastest schedule."""
    return deficits(optimise(site, FAST))


def two(amps: float = 32.0, service_class: int = 0) -> ChargingProblem:
    """Two vehicles that want 7 kWh each within two hours, the second one leaving an hour later."""
    horizon = hours(4)
    first, second = vehicle(horizon, 7.0, 0, 2), vehicle(horizon, 7.0, 0, 3, session="b", service_class=service_class)
    return problem(horizon, [first, second], amps)


def test_where_all_are_served_nobody_is_named() -> None:
    """32 A for three hours."""
    assert of(two()) == ()


def test_a_deficit_says_who_misses_how_much_of_what_by_when() -> None:
    """10 A for two hours are 4.6 of 7 kWh for the higher class."""
    site = two(10.0)
    first, second = site.requests
    found = of(dataclasses.replace(site, requests=(first._replace(service_class=1), second)))
    (one,) = [deficit for deficit in found if deficit.session == "a"]
    assert (one.evse, one.need_wh, one.by) == ("evse-a", 7000.0, MIDNIGHT + timedelta(hours=2))
    assert one.short_wh == pytest.approx(2400.0)
    assert [deficit.session for deficit in found] == ["b", "a"]


def test_more_current_on_the_full_line_cures_it() -> None:
    """As much as is said, and no less."""
    horizon = hours(4)
    asked = vehicle(horizon, 7.0, 0, 2, circuit=1)
    feeder = Node("row", 0, phases(10.0, 4))
    (found,) = of(problem(horizon, [asked], 50.0, nodes=[feeder]))
    assert found.shortage is not None
    assert (found.shortage.circuit, found.shortage.what, found.shortage.hours) == ("row", "L1", 2.0)
    more = found.shortage.more or 0.0
    assert more == pytest.approx(2400.0 / 230.0 / 2.0)
    for more_a, cured in ((more + 0.01, True), (more - 0.1, False)):
        wider = Node("row", 0, phases(10.0 + more_a, 4))
        assert (of(problem(horizon, [asked], 50.0, nodes=[wider])) == ()) is cured


def test_more_power_is_said_in_watts() -> None:
    """A three-phase vehicle below 5 kW."""
    horizon = hours(2)
    grid = Node("grid", -1, (*phases(32.0, 2), power(5.0, 2)))
    site = problem(horizon, [vehicle(horizon, 12.0, kinds=THREE)])
    (found,) = of(dataclasses.replace(site, nodes=(grid,)))
    assert found.shortage is not None
    assert found.shortage.what == "power"
    assert found.shortage.more == pytest.approx(1000.0)


def test_a_vehicle_that_cannot_take_more_is_not_helped_by_a_fuse() -> None:
    """8 kWh in an hour at 32 A: only time helps, and it is said how much."""
    horizon = hours(3)
    asked = vehicle(horizon, 8.0, 0, 1)
    (found,) = of(problem(horizon, [asked], 99.0))
    assert found.shortage is None
    assert not found.priority_helps
    assert found.leave_at == MIDNIGHT + timedelta(hours=8.0 / 7.36)


def test_a_later_departure_cures_it() -> None:
    """Behind a higher class that leaves at the same time, what is left over afterwards is enough."""
    site = two(20.0)
    first, second = site.requests
    high = second._replace(service_class=1, available=first.available, need_wh=6000.0)
    (found,) = of(dataclasses.replace(site, requests=(first, high)))
    assert found.leave_at == MIDNIGHT + timedelta(hours=2.0 + (7.0 - 3.2) / 4.6)
    later = first._replace(available=site.horizon.share(None, found.leave_at))
    assert of(dataclasses.replace(site, requests=(later, high))) == ()


def test_priority_is_said_to_help_where_it_does() -> None:
    """Two of one class share 32 A; raised, one has all."""
    site = two(18.0)
    first, second = site.requests
    found = next(deficit for deficit in of(site))
    assert found.priority_helps
    raised = [r._replace(service_class=int(r.session == found.session)) for r in (first, second)]
    assert found.session not in {d.session for d in of(dataclasses.replace(site, requests=tuple(raised)))}


def test_priority_over_a_higher_class_is_no_remedy() -> None:
    """It is below for a reason."""
    site = two(18.0, service_class=1)
    found = next(deficit for deficit in of(site) if deficit.session == "a")
    assert not found.priority_helps


def test_what_was_guaranteed_is_named_with_its_moment() -> None:
    """6 kWh by 01:00 below 20 A: 4.6 of them, although all of the need is met later."""
    horizon = hours(3)
    asked = vehicle(horizon, 9.0, guaranteed_wh=6000.0, guaranteed_by=1)
    (found,) = of(problem(horizon, [asked], 20.0))
    assert found.guaranteed
    assert (found.need_wh, found.by) == (6000.0, MIDNIGHT + timedelta(hours=1))
    assert found.delivered_wh == pytest.approx(4600.0)


def test_who_is_promised_all_of_its_need_for_its_departure_is_named_once() -> None:
    """9 kWh within an hour below 20 A."""
    horizon = hours(3)
    asked = vehicle(horizon, 9.0, 0, 1, guaranteed_wh=9000.0, guaranteed_by=3)
    (found,) = of(problem(horizon, [asked], 20.0))
    assert found.guaranteed
    assert (found.need_wh, found.by) == (9000.0, MIDNIGHT + timedelta(hours=1))


def test_nobody_is_named_who_may_never_come() -> None:
    """A vehicle of the forecast."""
    horizon = hours(1)
    assert of(problem(horizon, [vehicle(horizon, 20.0, expected=True)], 32.0)) == ()


def test_the_remedies_are_said_in_words() -> None:
    """With the clock of the site."""
    horizon = hours(4)
    pair = [vehicle(horizon, 7.0, 0, 2, circuit=1, session=s) for s in "ab"]
    found = of(problem(horizon, pair, 32.0, nodes=[Node("row", 0, phases(32.0, 4))]))
    assert [remedies(deficit, UTC) for deficit in found] == []
    found = of(problem(horizon, pair, 32.0, nodes=[Node("row", 0, phases(20.0, 4))]))
    texts = remedies(found[0], UTC)
    missing_a = math.ceil(found[0].short_wh / 230.0 / 2.0)
    assert texts == (
        f"{missing_a} A more on row L1 from 00:00 to 02:00",
        f"leaving at {MIDNIGHT + timedelta(hours=2.0 + found[0].short_wh / 4600.0, seconds=59):%H:%M} instead of 02:00",
        "priority over others on row",
    )


@given(problems("all"))
def test_every_shortage_of_a_vehicle_that_is_there_has_a_name(site: ChargingProblem) -> None:
    """And no energy is promised that is not missing."""
    site = dataclasses.replace(site, requests=tuple(r._replace(session=str(k)) for k, r in enumerate(site.requests)))
    schedule = optimise(site, FAST)
    found = deficits(schedule)
    short = {r.session for r, wh in zip(site.requests, schedule.short_wh, strict=True) if wh > 1.0}
    assert {deficit.session for deficit in found if not deficit.guaranteed} <= short
    assert short <= {deficit.session for deficit in found}
    for deficit in deficits(schedule):
        assert deficit.short_wh > 0.0
        assert deficit.priority_wh >= 0.0
        assert deficit.leave_at is None or deficit.leave_at >= deficit.by
        assert deficit.shortage is None or deficit.shortage.more is None or deficit.shortage.more > 0.0
