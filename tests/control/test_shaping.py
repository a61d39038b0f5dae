"""From the allocation to setpoints: fast down, slow up, and nothing up before there is proven room for it."""

from __future__ import annotations

import pytest

from ems.domain import events as e
from ems.domain.decision import Binding, Level
from ems.domain.vehicle import Vehicle
from tests.builders import Scenario, circuit, evse, layout, site


def alone(rating: float = 63, **policy: float) -> Scenario:
    """One outlet behind a meter."""
    return site(layout([circuit("grid", rating, meter="main")], [evse("A1", "grid")]), **policy).after(15)


def pair(rating: float = 63) -> Scenario:
    """Two outlets behind a meter."""
    at = layout([circuit("grid", rating, meter="main")], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at).after(15)


def course(s: Scenario, name: str, seconds: int) -> list[float]:
    return [s.after(1).setpoint(name).amps for _ in range(seconds)]


def steps(values: list[float]) -> list[float]:
    """The values without repetitions."""
    return [a for a, b in zip(values, [-1.0, *values], strict=False) if a != b]


def test_a_vehicle_is_raised_in_steps_of_ten_every_ten_seconds() -> None:
    s = alone().car("A1")
    assert course(s, "A1", 35) == [10] * 10 + [20] * 10 + [30] * 10 + [32] * 5


def test_the_step_and_the_pause_are_the_policys() -> None:
    s = alone(raise_step_a=8.0, raise_every_s=5.0).car("A1")
    assert course(s, "A1", 20) == [8] * 5 + [16] * 5 + [24] * 5 + [32] * 5


def test_a_small_step_still_starts_a_vehicle() -> None:
    """From 0 the first step is the minimum, whatever the step."""
    s = alone(raise_step_a=1.0).car("A1")
    assert course(s, "A1", 11)[-2:] == [6, 7]


def test_a_cut_takes_one_tick() -> None:
    s = alone().car("A1").after(60).expect(A1=32)
    s.limit("grid", "operator", 10).after(1).expect(A1=10)


def test_a_cut_to_nothing_takes_one_tick() -> None:
    s = alone().car("A1").after(60).expect(A1=32)
    s.limit("grid", "operator", 3).after(1).expect(A1=0)


def test_a_rise_of_the_base_load_cuts_in_the_tick_that_sees_it() -> None:
    s = alone().car("A1").after(90).expect(A1=32)
    s.meter("main", 45, 45, 45).after(1).expect(A1=18, cause="grid")


def test_a_raise_waits_for_room_that_has_been_there_for_a_while() -> None:
    """The building makes room; ten seconds later, not before, the vehicle gets it."""
    s = alone(40).meter("main", 20, 20, 20).car("A1").after(60).expect(A1=20)
    s.meter("main", 14, 14, 14)
    values = course(s, "A1", 13)
    assert values[:9] == [20] * 9
    assert values[-1] == 26


def test_a_short_dip_of_the_base_load_raises_nothing() -> None:
    s = alone(40).meter("main", 20, 20, 20).car("A1").after(60).expect(A1=20)
    s.meter("main", 5, 5, 5).after(6).meter("main", 20, 20, 20)
    assert set(course(s, "A1", 30)) == {20}


def test_less_than_the_dead_band_is_no_raise() -> None:
    s = alone(40, dead_band_a=3.0).meter("main", 20, 20, 20).car("A1").after(60).expect(A1=20)
    s.meter("main", 18, 18, 18).after(30).expect(A1=20)
    s.meter("main", 17, 17, 17).after(30).expect(A1=23)


def test_the_last_step_to_the_full_current_is_taken_even_if_it_is_small() -> None:
    s = alone(40, dead_band_a=3.0).meter("main", 10, 10, 10).car("A1").after(60).expect(A1=30)
    s.meter("main", 5, 5, 5).after(30).expect(A1=32)


def test_a_vehicle_that_needs_more_than_six_ampere_gets_that_or_nothing() -> None:
    s = pair(20).car("A1").car("A2").after(5).tell(e.VehicleIdentified("A1/1", Vehicle("van", min_a=9))).after(200)
    s.expect(A1=(9, 11), A2=(9, 11)).limit("grid", "dso", 14).after(30)
    assert s.setpoint("A1").amps in {0.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0}
    assert s.setpoint("A1").amps + s.setpoint("A2").amps <= 14


def test_a_raise_waits_until_the_cut_of_the_other_is_proven() -> None:
    """40 A for two: the second is raised only as far as the first has been seen to give way."""
    s = pair(40).car("A1").after(60).expect(A1=32)
    s.car("A2")
    for _ in range(60):
        s.after(1)
        first, second = s.setpoint("A1"), s.setpoint("A2")
        assert max(first.amps, first.liable_a) + max(second.amps, second.liable_a) <= 40
    s.expect(A1=20, A2=20)
    assert s.most_over_a <= 0


def test_off_for_the_shortest_time_off() -> None:
    """Once switched off a vehicle stays off for min_off_s, however much room there is."""
    s = alone(min_off_s=30.0).car("A1").after(60).limit("grid", "operator", 0, for_s=2).after(1).expect(A1=0)
    assert set(course(s, "A1", 28)) == {0}
    s.after(3)
    assert s.setpoint("A1").amps >= 6


def test_a_new_vehicle_need_not_wait_for_the_last_one_s_time_off() -> None:
    s = alone(min_off_s=30.0).car("A1").after(60).unplug("A1").after(12).car("A1").after(2)
    assert s.setpoint("A1").amps >= 6


def test_safety_does_not_wait_for_the_shortest_time_on() -> None:
    alone(min_on_s=300.0).car("A1").after(5).limit("grid", "operator", 0).after(1).expect(A1=0)


def test_no_raise_while_a_meter_is_late() -> None:
    s = alone(40).meter("main", 20, 20, 20).car("A1").after(60).expect(A1=20)
    s.silent("main").after(4).meter("main", 0, 0, 0)
    s.expect(level=Level.HOLD)
    assert set(course(s, "A1", 6)) == {20}


def test_raises_blocked_by_a_liability_say_so() -> None:
    s = pair(40).car("A1").after(60).car("A2").after(1)
    s.expect(A1=20).expect(A2=(0, 8), binding=Binding.RAISING)


@pytest.mark.parametrize("idle", [0.0, 6.0])
def test_an_outlet_without_a_vehicle_is_set_to_the_idle_current(idle: float) -> None:
    s = alone(idle_a=idle).after(5).expect(A1=idle, binding=Binding.NO_VEHICLE)
    s.car("A1", starts=False).after(2).expect(A1=idle, binding=Binding.NOT_STARTED)


@pytest.mark.parametrize(("granted", "drawn"), [(10, 10.4), (0, 4.0)])
def test_a_measured_current_is_no_setpoint(granted: float, drawn: float) -> None:
    """A raise was refused, the meter is late, and the vehicle draws a little more than granted. Its current counts, but
    what is set remains what a station can express and a vehicle can follow.
    """
    s = alone().limit("A1/1", "operator", granted).car("A1").after(60).expect(A1=granted)
    s.silent("main").after(2).station("A1", "refuses").limit("A1/1", "operator", 32).after(1)
    s.tell(e.MeterValues("A1/1", s.now.monotonic_s, leg_a=(drawn,) * 3)).after(1).expect(level=Level.HOLD, A1=granted)
    assert s.setpoint("A1").liable_a == drawn
