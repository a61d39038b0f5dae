"""Row 8: the controller crashes again and again."""

from __future__ import annotations

from ems.domain import events as e
from ems.domain.decision import Level
from tests.builders import BEGIN, Scenario, circuit, evse, layout, site


def park() -> Scenario:
    at = layout([circuit("grid", 100, meter="main")], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at).car("A1").after(60).expect(A1=32)


def test_after_a_crash_nothing_is_raised_for_five_minutes() -> None:
    s = park().without_controller(5).restart(crashes=1).after(10).expect(level=Level.HOLD, alarm="restart")
    s.car("A2").after(280)
    assert s.draws("A2") <= 6
    s.after(60).expect(level=Level.NORMAL, A1=32, A2=32)
    assert s.alarm("restart") is None


def test_but_nobody_who_charges_is_switched_off() -> None:
    """A restart must not interrupt charging: the fallback current, whose sum fits everywhere, remains."""
    s = park().without_controller(5).restart(crashes=1)
    for _ in range(100):
        s.after(1)
        assert s.draws("A1") >= 6


def test_nobody_is_cut_because_stations_come_back_one_after_another() -> None:
    """What those draw that have not called again is in the meter already, and is not reserved once more."""
    names = ("A1", "A2", "A3")
    at = layout([circuit("grid", 60, meter="main")], [evse(n, "grid") for n in names])
    s = site(at).meter("main", 8, 8, 8).car("A1").car("A2").car("A3").after(100)
    before = {name: s.draws(name) for name in names}
    assert sum(before.values()) >= 50
    s.without_controller(5).recover(crashes=1)
    for name in names:
        s.reconnect(name).tell(*s.world.introduces_itself(s.now))
        for _ in range(15):
            s.after(1)
            assert {name: s.draws(name) for name in names} == before
    assert s.most_over_a <= 0


def test_but_a_building_that_takes_more_meanwhile_is_made_room_for() -> None:
    at = layout([circuit("grid", 60, meter="main")], [evse(n, "grid") for n in ("A1", "A2", "A3")])
    s = site(at).meter("main", 8, 8, 8).car("A1").car("A2").car("A3").after(100)
    s.without_controller(5).recover(crashes=1).reconnect("A1", "A2").tell(*s.world.introduces_itself(s.now)).after(15)
    s.meter("main", 28, 28, 28).after(15)
    assert max(s.flow("grid")) <= 60
    assert s.draws("A3") > 6


def test_after_five_crashes_in_an_hour_everybody_stays_at_the_fallback() -> None:
    s = park().restart(crashes=5).after(30).expect(level=Level.FALLBACK, A1=6, cause="crashed 5 times")
    s.expect(alarm="restart-loop")


def test_for_an_hour() -> None:
    s = site(park().site)
    s.tell(e.ControllerStarted(BEGIN, 5))
    s.now = BEGIN.later(3570)
    s.car("A1").after(20).expect(level=Level.FALLBACK, A1=6)
    s.after(50).expect(level=Level.NORMAL, A1=32)


def test_an_orderly_start_is_no_crash() -> None:
    park().restart(crashes=0).after(60).expect(level=Level.NORMAL, A1=32)
