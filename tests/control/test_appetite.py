"""How much a vehicle has shown to want, so that nobody is offered what it does not use while others wait."""

from __future__ import annotations

import pytest

from tests.builders import Scenario, circuit, evse, layout, site


def pair() -> Scenario:
    """Two outlets behind 40 A; A1's vehicle takes at most 10 A."""
    return site(layout([circuit("grid", 40)], [evse("A1", "grid"), evse("A2", "grid")])).after(12)


def test_an_offer_that_is_not_used_for_a_minute_shrinks_to_what_is_used_and_some_slack() -> None:
    s = pair().car("A1", takes=10).car("A2").after(50)
    s.expect(A1=20, A2=20)
    s.after(120).expect(A1=(10, 12), A2=(28, 30))
    assert s.draws("A2") >= 28


def test_what_nobody_else_wants_is_offered_all_the_same() -> None:
    """A vehicle that takes little keeps the full offer while nobody needs the room."""
    pair().car("A1", takes=10).after(180).expect(A1=32)


def test_an_offer_that_is_used_up_grows_again() -> None:
    """The vehicle woke up: within some minutes it has its half again."""
    s = pair().car("A1", takes=10).car("A2").after(200).expect(A1=(10, 12))
    s.plug("A1").takes_a = (32.0,) * 3
    s.after(420).expect(A1=(19, 20), A2=(19, 21))


def test_a_vehicle_that_stops_drawing_keeps_only_the_minimum_and_what_nobody_can_use() -> None:
    s = pair().car("A1", need=0.3).car("A2").after(250)
    assert s.draws("A1") == 0
    s.expect(A1=(6, 8), A2=32)


def test_a_new_vehicle_starts_unknown() -> None:
    s = pair().car("A1", takes=10).car("A2").after(200).expect(A1=(10, 12))
    s.unplug("A1").after(60).car("A1").after(90).expect(A1=(19, 20))


@pytest.mark.parametrize("takes", [6, 10, 16])
def test_no_vehicle_is_offered_less_than_it_takes(takes: float) -> None:
    """What it was seen to take remains its share, at every moment after the ramp."""
    s = pair().car("A1", takes=takes).car("A2").after(120)
    for _ in range(120):
        assert s.after(1).setpoint("A1").amps >= takes
