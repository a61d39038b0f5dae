"""Row 13: a station's clock is wrong, so the end of its leases is."""

from __future__ import annotations

import math

from ems.domain import events as e
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


def test_a_corrected_clock_gets_leases_again() -> None:
    s = pair().tell(e.ClockMeasured("A1", 400.0)).after(70).tell(e.ClockMeasured("A1", 1.0)).after(70)
    assert s.alarm("clock:A1") is None
    now = s.now.monotonic_s
    assert sorted(ends - now <= 120 for _, ends in s.plug("A1").profiles.values()) == [False, True, True]
