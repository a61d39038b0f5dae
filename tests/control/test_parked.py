"""Who has what it wants, or sleeps, stands in nobody's way."""

from __future__ import annotations

import pytest

from ems.domain.policy import Policy
from ems.domain.strategy import Strategy
from tests.builders import Scenario, circuit, evse, layout, site

MAX_WAIT_S = 1800


def garage(rating_a: float, strategy: Strategy = Strategy.EQUAL) -> Scenario:
    """Three outlets of 32 A on one feeder."""
    policy = Policy(strategy=strategy, max_wait_s=MAX_WAIT_S)
    at = layout(
        [circuit("grid", 63), circuit("row", rating_a, "grid")], [evse(f"A{k}", "row") for k in (1, 2, 3)], policy
    )
    return site(at)


@pytest.mark.parametrize("strategy", [Strategy.EQUAL, Strategy.FIRST_COME, Strategy.LEAST_LAXITY])
def test_full_vehicles_leave_their_current_to_those_that_use_it(strategy: Strategy) -> None:
    s = garage(32, strategy).car("A1", need=0.5).car("A2", need=0.5).car("A3", need=40).after(900)
    assert (s.draws("A1"), s.draws("A2")) == (0, 0)
    assert s.draws("A3") == pytest.approx(32)


def test_where_there_is_room_they_keep_the_minimum() -> None:
    s = garage(63).car("A1", need=0.5).car("A3", need=40).after(900)
    assert s.draws("A3") == pytest.approx(32)
    assert s.setpoint("A1").amps >= 6


def test_a_sleeping_vehicle_is_asked_again_as_often_as_anybody_may_have_to_wait() -> None:
    s = garage(32).car("A1", takes=2).car("A3", takes=32).after(600)
    assert s.draws("A3") == pytest.approx(32)
    s.plug("A1").takes_a = (16.0, 16.0, 16.0)
    s.after(MAX_WAIT_S + 120)
    assert s.draws("A1") > 6


@pytest.mark.parametrize("strategy", [Strategy.EQUAL, Strategy.FIRST_COME, Strategy.LEAST_LAXITY])
def test_a_vehicle_that_takes_nothing_at_all_leaves_it_for_good(strategy: Strategy) -> None:
    """It is not offered current and cut again every other minute."""
    s = garage(32, strategy).car("A1", takes=0).car("A3", takes=32).after(300)
    offered = {s.after(1).setpoint("A1").amps for _ in range(600)}
    assert offered == {0.0}
    assert s.draws("A3") == pytest.approx(32)
