"""Row 6: a station refuses limits, does not answer, or accepts them and does as it likes."""

from __future__ import annotations

import pytest

from ems.domain import events as e
from ems.domain.decision import Binding
from ems.domain.grant import Layer
from ems.domain.station import EvseStatus
from tests.builders import Scenario, circuit, evse, layout, site
from tests.control.world import VEHICLE_LAG_S


def pair(rating: float = 60) -> Scenario:
    at = layout([circuit("grid", rating, meter="main")], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at, lease_s=120.0).car("A1").limit("A1/1", "operator", 20).after(50).expect(A1=20)


def orders_to_a1(s: Scenario, seconds: int) -> list[tuple[float, float]]:
    """(seconds from now, ampere) of every session limit that goes to A1."""
    begin = s.now.monotonic_s
    return [
        (s.now.monotonic_s - begin, order.amps)
        for _ in range(seconds)
        for order in s.after(1).sent
        if order.evse == "A1/1" and order.layer is Layer.SESSION
    ]


# It refuses


def test_a_refused_limit_is_sent_once_more_before_it_counts_as_refusal() -> None:
    s = pair().station("A1", "refuses").limit("A1/1", "operator", 10)
    assert orders_to_a1(s, 4) == [(1, 10)]
    assert s.setpoint("A1").controlled
    assert orders_to_a1(s, 5)[0][1] == 10
    s.after(1).expect(A1=(0, 10), binding=Binding.STATION, cause="it refuses limits").expect(alarm="control:A1/1")


def test_a_refusing_station_is_counted_with_all_it_can_draw() -> None:
    """It draws 20 of 32 A, so 12 A of growth are kept free for it: 28 of 60 A are left for A2."""
    s = pair().station("A1", "refuses").limit("A1/1", "operator", 10).after(20).car("A2").after(60)
    assert s.setpoint("A1").liable_a == 32
    s.expect(A2=28)
    assert s.most_over_a <= 0


def test_it_is_stopped_when_there_is_no_other_way() -> None:
    s = pair().station("A1", "refuses").limit("A1/1", "operator", 10).after(20)
    assert not s.last.stop
    assert "A1/1" in s.meter("main", 50, 50, 50).after(10).last.stop


def test_it_is_trusted_again_when_it_accepts() -> None:
    s = pair().station("A1", "refuses").limit("A1/1", "operator", 10).after(20)
    s.station("A1", "obeys").after(70).expect(A1=10)
    assert s.setpoint("A1").controlled
    assert s.draws("A1") == 10
    assert s.alarm("control:A1/1") is None


# It does not answer


def test_a_silent_station_is_counted_with_both_the_old_and_the_new() -> None:
    s = pair().station("A1", "silent").limit("A1/1", "operator", 30).after(8)
    assert s.setpoint("A1").liable_a == 30
    s.limit("A1/1", "operator", 10).after(8)
    assert s.setpoint("A1").liable_a == 30
    s.car("A2").after(60)
    assert s.setpoint("A2").amps <= 30
    s.station("A1", "obeys").after(75).expect(A1=10)
    assert s.setpoint("A1").liable_a == 10


def test_the_others_make_room_for_one_that_does_not_answer() -> None:
    """A1 keeps its 20 A without an answer; when the building takes 15 of the 40 A, all that is left to take is A2's."""
    s = pair(40).car("A2").after(60).expect(A1=20, A2=20).station("A1", "silent").meter("main", 15, 15, 15)
    s.after(15).expect(A2=0).expect(A1=6, binding=Binding.STATION, cause="it does not answer")
    assert max(s.flow("grid")) <= 40


def test_it_is_ours_again_as_soon_as_it_answers() -> None:
    s = pair(40).car("A2").after(60).station("A1", "silent").meter("main", 15, 15, 15).after(15)
    s.station("A1", "obeys").meter("main", 0, 0, 0).after(60).expect(A1=20, A2=20)
    assert s.alarm("control:A1/1") is None


# It accepts and ignores


def ignoring() -> Scenario:
    """A1 accepts 10 A and goes on with 20 A."""
    return pair().station("A1", "ignores").limit("A1/1", "operator", 10).after(1).expect(A1=10)


def test_it_is_asked_what_is_in_force_and_told_once_more_before_it_is_given_up() -> None:
    """Ten seconds above its limit: its schedule is read and the limit sent again; another ten: out of control."""
    s, read, told = ignoring(), False, False
    while s.setpoint("A1").controlled:
        s.after(1)
        read |= "A1/1" in s.last.read_back
        told |= any(o.evse == "A1/1" and o.layer is Layer.SESSION and o.amps == 10 for o in s.sent)
        assert s.now.monotonic_s < 1100, "never given up"
    assert read
    assert told
    s.expect(A1=(0, 10), binding=Binding.STATION, cause="it draws more than its limit").expect(alarm="control:A1/1")


def test_its_schedule_is_read_once_not_every_second() -> None:
    s = ignoring()
    asked = sum("A1/1" in s.after(1).last.read_back for _ in range(60))
    assert 1 <= asked <= 3


def test_it_is_given_up_within_40_s_and_counted_with_all_it_can_draw() -> None:
    """10 s for the vehicle to follow, up to 10 s until a sample shows it, 20 s of patience."""
    s = ignoring().after(40)
    assert not s.setpoint("A1").controlled
    assert s.setpoint("A1").liable_a == 32
    s.car("A2").after(60).expect(A2=28)
    assert s.most_over_a <= 0


def test_telling_it_again_does_not_make_it_obedient() -> None:
    """With leases so long that nothing but the reminder is sent: what it was allowed before is not allowed again."""
    at = layout([circuit("grid", 60, meter="main")], [evse("A1", "grid")])
    s = site(at).car("A1").limit("A1/1", "operator", 20).after(60).station("A1", "ignores")
    s.limit("A1/1", "operator", 10).after(41)
    assert not s.setpoint("A1").controlled


def test_until_it_is_given_up_its_measured_current_counts() -> None:
    s = ignoring().car("A2").after(25)
    assert s.setpoint("A1").liable_a >= 20
    assert s.most_over_a <= 0


def test_it_is_trusted_again_after_two_obeyed_changes() -> None:
    s = ignoring().after(60)
    assert not s.setpoint("A1").controlled
    s.station("A1", "obeys").after(20)
    assert not s.setpoint("A1").controlled, "one obeyed change is not enough"
    s.after(90).expect(A1=10)
    assert s.setpoint("A1").controlled
    assert s.alarm("control:A1/1") is None


def test_a_little_above_is_obedience() -> None:
    """10 % and 0.5 A are tolerated for ever."""
    s = pair().limit("A1/1", "operator", 10).after(30)
    s.plug("A1").behaviour = "ignores"
    s.plug("A1").pilot(11.4)
    s.after(60).expect(A1=10)
    assert s.setpoint("A1").controlled


def stopped(s: Scenario, name: str) -> Scenario:
    """The transaction ends while the vehicle stays plugged in, and no sample shows that it draws nothing any more."""
    plug = s.plug(name)
    assert plug.transaction is not None
    s.world.sample_every_s = 100_000
    s.tell(e.TransactionEnded(plug.evse.id, s.now, plug.transaction))
    plug.transaction, plug.status = None, EvseStatus.FINISHING
    return s.tell(e.StatusChanged(plug.evse.id, s.now, EvseStatus.FINISHING))


def test_an_old_sample_does_not_break_a_younger_limit() -> None:
    """20 A were allowed and drawn; then the transaction ended, and a minute later the limit of 0 A was renewed."""
    s = stopped(pair(), "A1")
    for _ in range(150):
        assert s.after(1).setpoint("A1").controlled


# It is empty again


def emptied(how: str) -> Scenario:
    """A1 has been found out with 20 A instead of 10; then its vehicle was stopped, or is gone."""
    s = ignoring().car("A2").after(60).expect(A2=28)
    return stopped(s, "A1") if how == "stopped" else s.unplug("A1")


@pytest.mark.parametrize("how", ["stopped", "unplugged"])
def test_where_nobody_can_draw_its_fallback_is_kept_free_and_no_more(how: str) -> None:
    """Rated it would take 32 of the 60 A for ever, because nothing that is told to an empty outlet can be obeyed."""
    s = emptied(how).after(60)
    assert (s.setpoint("A1").controlled, s.setpoint("A1").liable_a) == (False, 6)
    s.expect(A1=6, cause="the last vehicle drew more than its limit").expect(A2=32)
    assert s.alarm("control") is None
    assert sum(len(s.after(1).sent) for _ in range(40)) <= 4, "nothing but renewals"


def test_the_next_vehicle_counts_with_all_it_can_draw_before_it_draws() -> None:
    s = emptied("unplugged").after(60).expect(A2=32).car("A1", starts=False).after(1)
    s.expect(A2=28, alarm="control:A1/1")
    assert s.setpoint("A1").liable_a == 32


def test_the_next_vehicle_finds_everybody_ready_to_make_room() -> None:
    """At once it draws all it can, at the fuse's expense for no longer than A2 takes to follow."""
    s = emptied("unplugged").after(60).car("A1")
    s.plug("A1").lag_s = 0
    s.plug("A1").pilot(32)
    over = [s.after(1).world.over_a(s.last.circuits) > 0 for _ in range(40)]
    assert sum(over) <= VEHICLE_LAG_S + 1
    assert not any(over[VEHICLE_LAG_S + 2 :])


def test_the_next_vehicle_wins_trust_back_by_obeying() -> None:
    s = emptied("unplugged").after(60).station("A1", "obeys").limit("A1/1", "operator", 20).car("A1").after(25)
    assert not s.setpoint("A1").controlled
    s.after(50).expect(A1=20)
    assert s.setpoint("A1").controlled


def test_an_empty_outlet_wins_nothing_back() -> None:
    """It says every ten seconds that nothing flows, and takes each limit."""
    s = emptied("unplugged").station("A1", "obeys")
    for _ in range(150):
        s.tell(e.MeterValues("A1/1", s.now.monotonic_s, leg_a=(0.0,) * 3)).after(1)
    s.car("A1").after(1)
    assert s.setpoint("A1").liable_a == 32


def test_an_empty_outlet_that_nobody_hears_from_counts_with_all_it_can_draw() -> None:
    s = emptied("unplugged").after(60).drop("A1").after(1)
    assert s.setpoint("A1").liable_a == 32
    s.after(10).expect(A2=28)
