"""Row 21: the event loop did not get to run."""

from __future__ import annotations

from ems.domain import events as e
from ems.domain.decision import Level
from tests.builders import Scenario, circuit, evse, layout, site


def park() -> Scenario:
    at = layout([circuit("grid", 80, meter="main", base_max=40)], [evse("A1", "grid")])
    return site(at).meter("main", 20, 20, 20).car("A1").after(60).expect(A1=32)


def test_a_stall_is_an_alarm_for_a_minute() -> None:
    s = park()
    s.tell(e.LoopBlocked(s.now.monotonic_s, 1.6)).after(1).expect(A1=32, level=Level.NORMAL, alarm="stall")
    alarm = s.alarm("stall")
    assert alarm is not None
    assert "1.6 s" in alarm.text
    s.after(60)
    assert s.alarm("stall") is None


def test_after_a_long_stall_the_age_of_every_reading_counts_at_once() -> None:
    """Forty seconds without a tick: the first one after that sees an old meter and falls back, then recovers."""
    s = park().silent("main")
    s.now = s.now.later(40)
    s.after(1).expect(level=Level.FALLBACK, A1=6)
    s.speaks("main").after(80).expect(level=Level.NORMAL, A1=32)


def test_a_stall_during_which_readings_were_queued_costs_nothing() -> None:
    s = park()
    s.now = s.now.later(3)
    s.after(1).expect(level=Level.NORMAL, A1=32)
