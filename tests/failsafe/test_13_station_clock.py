"""Row 13: a station's clock is wrong, so the end of its leases is."""

from __future__ import annotations

import math

import pytest

from ems.domain import events as e
from ems.domain.grant import Layer
from tests.builders import Scenario, circuit, evse, layout, site


def pair() -> Scenario:
    at = layout([circuit("grid", 40, meter="main")], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at, lease_s=120.0).car("A1").limit("A1/1", "operator", 20).after(40).expect(A1=20)


def test_beyond_a_quarter_of_the_lease_there_are_no_leases() -> None:
    """Its limits are replaced, at the latest when they would be renewed, by limits without end."""
    s = pair().tell(e.ClockMeasured("A1", 31.0)).after(1).expect(A1=20, alarm="clock:A1")
    s.after(65)
    assert all(math.isinf(ends) for _, ends in s.plug("A1").profiles.values())


def test_then_its_limit_counts_as_permanent() -> None:
    """It is lost after that: whatever the time, its 20 A stay reserved."""
    s = pair().tell(e.ClockMeasured("A1", 31.0)).after(70).drop("A1").car("A2").after(300)
    assert s.setpoint("A1").liable_a == 20
    assert s.setpoint("A2").amps <= 20
    assert s.most_over_a <= 0


def test_a_smaller_error_widens_the_end_of_the_lease() -> None:
    """25 s off: near the end both the limit and the fallback may be in force."""
    s = pair().tell(e.ClockMeasured("A1", -25.0)).drop("A1")
    held = s.known("A1").grant.session
    assert held is not None
    left = held.ends_at - s.now.monotonic_s
    s.after(round(left) + 24)
    assert s.setpoint("A1").liable_a == 20
    s.after(5)
    assert s.setpoint("A1").liable_a == 6


@pytest.mark.parametrize(
    ("station", "steady", "shown"), [("goes right by itself", 0.0, -3600.0), ("takes our time", 3600.0, 0.0)]
)
def test_our_own_clock_is_set_and_set_back(station: str, steady: float, shown: float) -> None:
    """A station is right that agrees with either: it keeps its leases, told again in its time, and is not reported."""
    s = pair().clock_set(3600).tell(e.ClockMeasured("A1", steady, shown))
    for back in (False, True):
        if back:
            s.clock_set(-3600).tell(e.ClockMeasured("A1", 0.0, 0.0))
        s.after(1)
        assert {o.layer for o in s.sent if o.evse == "A1/1"} == {Layer.DEFAULT, Layer.SESSION}, station
        for _ in range(70):
            s.after(1).expect(A1=20)
            assert s.alarm("clock:A1") is None
        ends = sorted(ends - s.now.monotonic_s for _, ends in s.plug("A1").profiles.values())
        assert [left <= 120 for left in ends] == [True, True, False]


def test_a_clock_that_was_set_is_told_its_leases_again() -> None:
    """They end by the time that it shows; the floor has no end."""
    s = pair().tell(e.ClockMeasured("A1", -6.0)).after(1)
    assert {(o.evse, o.layer) for o in s.sent} == {("A1/1", Layer.DEFAULT), ("A1/1", Layer.SESSION)}
    s.tell(e.ClockMeasured("A1", -4.0)).after(1)
    assert s.sent == ()


def test_the_alarm_says_what_a_person_sees_who_compares_the_clocks() -> None:
    s = pair().tell(e.ClockMeasured("A1", 60.0, 7260.0)).after(1).expect(alarm="clock:A1")
    alarm = s.alarm("clock:A1")
    assert alarm is not None
    assert "off by 2:01:00" in alarm.text


def test_a_corrected_clock_gets_leases_again() -> None:
    s = pair().tell(e.ClockMeasured("A1", 400.0)).after(70).tell(e.ClockMeasured("A1", 1.0)).after(70)
    assert s.alarm("clock:A1") is None
    now = s.now.monotonic_s
    assert sorted(ends - now <= 120 for _, ends in s.plug("A1").profiles.values()) == [False, True, True]
