"""Row 5: all stations vanish at once, because the switch is dead."""

from __future__ import annotations

from ems.domain.decision import Level
from tests.builders import Scenario, circuit, evse, layout, site

NAMES = [f"S{j}" for j in range(8)]


def park() -> Scenario:
    at = layout([circuit("grid", 200, meter="main")], [evse(name, "grid") for name in NAMES])
    s = site(at).car("S0").car("S1").after(60)
    return s.expect(S0=32, S1=32, level=Level.NORMAL)


def test_one_alarm_not_eight_and_nothing_is_raised() -> None:
    s = park().drop(*NAMES[1:]).after(2).expect(alarm="mass-loss")
    assert len(s.last.alarms) == 1
    s.limit("S0/1", "operator", 16).after(20).expect(S0=16)
    s.limit("S0/1", "operator", 32).after(20).expect(S0=16)


def test_it_stays_one_alarm_as_long_as_it_lasts() -> None:
    s = park().drop(*NAMES).after(30)
    for _ in range(170):
        assert len(s.after(1).last.alarms) == 1


def test_it_is_over_when_they_are_back() -> None:
    s = park().drop(*NAMES).after(30).reconnect(*NAMES).after(2)
    assert s.last.alarms == ()
    s.after(30).expect(level=Level.NORMAL, S0=32, S1=32)
    assert s.draws("S0") == 32


def test_two_of_eight_are_two_lost_stations() -> None:
    s = park().drop("S6", "S7").after(2).expect(level=Level.NORMAL)
    assert sorted(a.key for a in s.last.alarms) == ["offline:S6", "offline:S7"]
