"""Row 2: a meter repeats the same registers for ever."""

from __future__ import annotations

from ems.domain import events as e
from ems.domain.decision import Level
from ems.domain.meter import MeterReading
from tests.builders import Scenario, circuit, evse, layout, site


def charging(amps: float) -> Scenario:
    at = layout([circuit("grid", 80, meter="main", base_max=40)], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at).meter("main", 20, 20, 20).car("A1", takes=amps).after(90).expect(level=Level.NORMAL)


def test_a_counter_that_stands_still_under_load_is_found_within_30_s() -> None:
    """A1 draws more than a kilowatt, and the meter counts nothing."""
    s = charging(10).frozen("main").after(25).expect(level=Level.NORMAL)
    s.after(10).expect(level=Level.FALLBACK, A1=6, cause="meter main repeats the same values", alarm="meter:main")


def test_a_current_that_does_not_follow_holds_after_10_s() -> None:
    """A1 stops; a living meter would show it."""
    s = charging(10).frozen("main").after(2)
    s.plug("A1").takes_a = (0.0,) * 3
    s.after(25).expect(level=Level.HOLD)
    s.after(15).expect(level=Level.FALLBACK)


def test_it_recovers_only_when_it_has_moved_for_30_s() -> None:
    s = charging(10).frozen("main").after(40).expect(level=Level.FALLBACK)
    s.speaks("main").after(5).expect(level=Level.HOLD, A1=6)
    s.after(23).expect(level=Level.HOLD, A1=6)
    s.after(5).expect(level=Level.NORMAL)
    s.after(40).expect(A1=32)


def test_a_steady_load_is_no_frozen_meter() -> None:
    """At night nothing moves: a meter without a counter shows the same for hours while nobody charges."""
    at = layout([circuit("grid", 80, meter="main", base_max=40)], [evse("A1", "grid")])
    s = site(at).silent("main").after(5)
    for _ in range(120):
        s.tell(e.MeterRead("main", MeterReading(s.now.monotonic_s + 1, (5.0, 5.0, 5.0), fingerprint=7))).after(1)
        if s.now.monotonic_s > s.site.policy.steady_s + 1010:
            s.expect(level=Level.NORMAL)
