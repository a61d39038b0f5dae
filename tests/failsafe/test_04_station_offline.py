"""Row 4: the link to one station breaks."""

from __future__ import annotations

import pytest

from ems.domain.decision import Binding, Level
from ems.domain.meter import Meter
from tests.builders import Scenario, circuit, evse, layout, site

CAUSE = "offline"


def pair(rating: float, meter: str | None = "main", **policy: float) -> Scenario:
    at = layout([circuit("grid", rating, meter=meter)], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at, **policy)


@pytest.mark.parametrize("meter", ["main", None])
def test_what_it_was_granted_stays_reserved(meter: str | None) -> None:
    """A1 keeps its 20 A while nobody can tell it less, so A2 gets the other 16 A and no more."""
    s = pair(36, meter).car("A1").limit("A1/1", "operator", 20).after(60).expect(A1=20)
    s.drop("A1").car("A2").after(60)
    s.expect(A1=(0, 20), binding=Binding.OFFLINE, cause="counted with 20 A").expect(alarm="offline:A1")
    s.expect(A2=(0, 16))
    assert s.draws("A1") == 20
    assert s.most_over_a <= 0


def test_it_is_free_again_when_its_lease_has_ended() -> None:
    """With its lease it falls to its fallback of 6 A; the rest goes to A2, behind no meter all of it."""
    s = pair(36, None, lease_s=120.0).car("A1").limit("A1/1", "operator", 20).after(50).drop("A1").car("A2").after(200)
    assert s.draws("A1") == 6
    s.expect(A2=30)
    assert s.most_over_a <= 0


@pytest.mark.parametrize("meter", ["main", None])
def test_a_paused_station_is_counted_with_the_fallback_that_will_come(meter: str | None) -> None:
    """A1 is paused when it is lost. When its lease ends it draws its fallback, and there must be room for that."""
    s = pair(32, meter, lease_s=120.0).car("A1").limit("A1/1", "operator", 0).car("A2").after(60).expect(A1=0)
    s.plug("A1").lag_s, s.plug("A2").lag_s = 0, 9
    s.drop("A1").after(150)
    assert s.draws("A1") == 6
    assert s.most_over_a <= 0


@pytest.mark.parametrize("moment", [0, 3, 5, 7])
def test_behind_a_slow_meter_too(moment: int) -> None:
    """The meter is read every ten seconds; between two readings A1 is lost and A2's vehicle arrives."""
    meters = [Meter("main", 10.0, circuit="grid")]
    at = layout([circuit("grid", 26, meter="main")], [evse("A1", "grid"), evse("A2", "grid")], meters=meters)
    s = site(at).after(20).car("A1").limit("A1/1", "operator", 20).after(70 + moment).expect(A1=20)
    s.drop("A1").car("A2").after(30)
    assert s.most_over_a <= 0


def test_it_comes_back_and_is_ours_again() -> None:
    s = pair(36).car("A1").limit("A1/1", "operator", 20).after(60).drop("A1").after(60)
    s.reconnect("A1").after(2).expect(A1=20)
    assert s.setpoint("A1").controlled
    assert s.alarm("offline:A1") is None
    s.limit("A1/1", "operator", 10).after(6)
    assert s.draws("A1") == 10


def test_an_order_on_its_way_when_the_link_broke_may_have_arrived() -> None:
    """A raise was sent and not answered: it counts until the station is back and has accepted a limit."""
    s = pair(63).car("A1").limit("A1/1", "operator", 10).after(40).station("A1", "silent")
    s.limit("A1/1", "operator", 20).after(1).drop("A1").after(1)
    assert s.setpoint("A1").liable_a == 20
    s.station("A1", "obeys").reconnect("A1").limit("A1/1", "operator", 10).after(30)
    assert s.setpoint("A1").liable_a == 10


def test_a_short_break_changes_nothing() -> None:
    s = pair(63).car("A1").after(60).expect(A1=32)
    s.drop("A1").after(5).reconnect("A1").after(2).expect(A1=32)
    assert s.draws("A1") == 32


def test_a_vehicle_that_was_charging_before_anybody_could_limit_it() -> None:
    """A1 draws all it can when it is first met. Behind no meter, A2 must wait until A1 has followed its floor."""
    s = pair(38, None)
    s.world.forget("A1")
    s.plug("A1").arrive(32, 3, None)
    s.plug("A1").lag_s = 9
    s.start("A1").without_controller(11)
    assert s.draws("A1") == 32
    s.car("A2").after(40)
    assert s.most_over_a <= 0


# It comes back while nothing may be raised


def lost_in_a_raise(answer: str) -> Scenario:
    """A1 has 10 A; a raise to 20 A was on its way when its link broke. Then the meter falls silent."""
    s = pair(63).car("A1").limit("A1/1", "operator", 10).after(40).station("A1", answer)
    s.limit("A1/1", "operator", 20).after(3).drop("A1").silent("main").after(6)
    return s.station("A1", "obeys").reconnect("A1")


@pytest.mark.parametrize("answer", ["silent", "refuses"])
def test_a_hold_does_not_take_up_what_may_never_have_arrived(answer: str) -> None:
    s = lost_in_a_raise(answer)
    for _ in range(15):
        assert s.after(1).setpoint("A1").amps <= 10
    assert s.draws("A1") <= 10


def test_a_hold_leaves_it_what_it_surely_has() -> None:
    """Nothing was on its way: it goes on with its 10 A, also while its limits are renewed."""
    s = pair(63, lease_s=120.0).car("A1").limit("A1/1", "operator", 10).after(40).drop("A1").after(5).reconnect("A1")
    s.after(2)
    for _ in range(12):
        s.silent("main").after(4).expect(level=Level.HOLD, A1=10).speaks("main").after(5).expect(A1=10)


def test_who_is_not_heard_from_is_told_no_more_than_it_is_counted_with() -> None:
    """A1 is paused and does not answer its renewal. Its fallback of 6 A is not kept free, so it is not told either."""
    s = pair(36, lease_s=120.0).car("A1").limit("A1/1", "operator", 0).car("A2").after(50).station("A1", "silent")
    for _ in range(40):
        s.after(1)
        assert s.setpoint("A1").amps <= s.setpoint("A1").liable_a
    assert s.most_over_a <= 0
