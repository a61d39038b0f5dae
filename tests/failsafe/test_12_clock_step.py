"""Row 12: the wall clock of the controller jumps."""

from __future__ import annotations

import pytest

from ems.domain.grant import Layer
from tests.builders import Scenario, circuit, evse, layout, site


def park() -> Scenario:
    at = layout([circuit("grid", 60, meter="main")], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at).car("A1", need=20, leaves="07:00").after(90).expect(A1=32)


@pytest.mark.parametrize("seconds", [-3600, 3600, 86400 * 366, 3])
def test_control_goes_on_and_every_lease_is_sent_again(seconds: float) -> None:
    """Nobody's current changes; profiles with absolute times are renewed in the next tick."""
    s = park().clock_set(seconds).after(1).expect(A1=32, alarm="clock-step")
    told = {(o.evse, o.layer) for o in s.sent}
    assert told == {("A1/1", Layer.DEFAULT), ("A1/1", Layer.SESSION), ("A2/1", Layer.DEFAULT)}
    s.after(1)
    assert s.sent == ()
    for _ in range(30):
        s.after(1).expect(A1=32)
    assert s.draws("A1") == 32


@pytest.mark.parametrize("seconds", [-1.9, 1.9])
def test_a_clock_that_is_corrected_a_little_is_no_step(seconds: float) -> None:
    s = park().clock_set(seconds).after(1).expect(A1=32)
    assert s.alarm("clock-step") is None
    assert s.sent == ()


def test_a_lease_does_not_expire_by_the_wall_clock() -> None:
    """An offline station is counted with its limit for as long as its own clock makes it."""
    s = park().drop("A1").clock_set(86400).after(10)
    assert s.setpoint("A1").liable_a == 32


def test_the_alarm_ends_by_itself() -> None:
    s = park().clock_set(3600).after(1).expect(alarm="clock-step")
    s.now = s.now.later(590)
    s.after(1).expect(alarm="clock-step")
    s.after(10)
    assert s.alarm("clock-step") is None


def test_meters_age_by_the_monotonic_clock() -> None:
    s = park().clock_set(3600).after(5)
    assert s.alarm("meter") is None
    s.silent("main").clock_set(-3600).after(40).expect(A1=6)
