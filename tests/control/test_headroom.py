"""What a circuit has left: the tightest limit, less its margin, less what anything but our vehicles draws."""

from __future__ import annotations

import cmath
import math
from dataclasses import replace
from datetime import time, timedelta

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ems.control.network import Network
from ems.domain import events as e
from ems.domain.decision import CircuitView, Level
from ems.domain.limit import LimitWindow
from ems.domain.meter import Meter, MeterReading, MeterRole
from tests.builders import BEGIN, Scenario, circuit, evse, layout, site
from tests.control.laws import FEW


def view(s: Scenario, name: str = "grid") -> CircuitView:
    return next(v for v in s.last.circuits if v.circuit == name)


def left(s: Scenario, name: str = "grid") -> float:
    return view(s, name).headroom_a[0]


def plain(**of_circuit: float) -> Scenario:
    """A single circuit of 63 A with two outlets, its meter seeing 10 A of other load."""
    at = layout([circuit("grid", 63, meter="main", **of_circuit)], [evse("A1", "grid"), evse("A2", "grid")])  # type: ignore[arg-type]  # numbers only
    return site(at).meter("main", 10, 10, 10)


@pytest.mark.parametrize(
    ("of_circuit", "headroom"),
    [({}, 53), ({"margin": 3}, 50), ({"base_max": 40}, 53), ({"generation": 20}, 53)],
)
def test_rating_less_margin_less_base_load(of_circuit: dict[str, float], headroom: float) -> None:
    s = plain(**of_circuit).after(30)
    assert view(s).headroom_a == (headroom,) * 3
    assert view(s).measured_a == (10, 10, 10)


def test_what_our_vehicles_draw_is_no_base_load() -> None:
    s = plain().car("A1", takes=16).after(90)
    assert s.draws("A1") == 16
    assert view(s).measured_a == (26, 26, 26)
    assert view(s).base_load_a == (10, 10, 10)
    assert view(s).drawn_a == (16, 16, 16)
    assert left(s) == 53


def test_without_a_meter_the_declared_base_load_counts() -> None:
    s = site(layout([circuit("grid", 63, base_max=40)], [evse("A1", "grid")])).after(5)
    assert left(s) == 23
    assert view(s).measured_a is None


def test_a_meter_that_never_answered_counts_as_the_declared_base_load() -> None:
    at = layout([circuit("grid", 63, meter="main", base_max=40)], [evse("A1", "grid")])
    assert left(site(at).silent("main").after(15)) == 23


def test_a_reading_that_is_not_fresh_at_first_sight_is_not_a_base_load_of_nothing() -> None:
    """A slow meter was read four seconds before the first tick; nobody knows what has happened since."""
    slow = layout(
        [circuit("grid", 63, meter="main", base_max=40)],
        [evse("A1", "grid")],
        meters=[Meter("main", 30.0, circuit="grid")],
    )
    s = site(slow).tell(e.MeterRead("main", MeterReading(BEGIN.monotonic_s + 1, (50, 50, 50))))
    s.now = BEGIN.later(4)
    s.silent("main").after(1)
    assert left(s) <= 13


def raises_fit(s: Scenario, building: float) -> None:
    """If anybody is raised, all that may truly flow fits beside the building, whatever meters and samples say."""
    if any(p.amps > p.liable_a for p in s.last.setpoints):
        plugs = [(s.plug(p.evse[:2]), p.amps) for p in s.last.setpoints]
        may_flow = [max(amps, plug.limit_a(s.now.monotonic_s), *plug.drawn_a) for plug, amps in plugs]
        assert sum(may_flow) <= 63 - building


@pytest.mark.parametrize("every_s", [10, 30])
@pytest.mark.parametrize("moment", [0, 9, 17])
def test_a_just_cut_outlet_with_an_old_sample_cannot_hide_base_load(every_s: int, moment: int) -> None:
    """A1 is cut from 32 to 10 A and follows, while the building takes the 22 A: the meter does not move, the last
    sample still says 32 A, and yet A2, free to take more twelve seconds later, finds no room that is not there.
    """
    s = plain().limit("A2/1", "operator", 10).car("A1").car("A2").after(90 + moment).expect(A1=32, A2=10)
    s.world.sample_every_s = every_s
    s.limit("A1/1", "operator", 10).after(4).meter("main", 32, 32, 32).after(8).limit("A2/1", "operator", 32)
    for _ in range(25):
        s.after(1)
        raises_fit(s, 32)


@FEW
@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 40), st.integers(0, 32)), min_size=1, max_size=6),
    st.sampled_from([10, 30]),
)
@example([(7, 25, 13)], 10)
@example([(2, 0, 0), (2, 37, 0), (10, 0, 0), (2, 21, 12), (7, 0, 0), (2, 26, 6)], 10)
def test_no_raise_into_room_that_is_not_there(steps: list[tuple[int, int, int]], every_s: int) -> None:
    """Whatever the building does, however vehicles are limited and however rarely they are sampled."""
    s = plain().car("A1", takes=32).car("A2", takes=16, legs=1).after(30)
    s.world.sample_every_s = every_s
    for seconds, building, limit in steps:
        s.meter("main", building, building, building).limit("A1/1", "operator", limit)
        for _ in range(seconds):
            s.after(1)
            raises_fit(s, building)


# Plant


def test_without_plant_a_base_load_below_zero_is_a_measuring_error() -> None:
    s = plain().meter("main", -15, -15, -15).after(30)
    assert left(s) == 63
    assert view(s).base_load_a == (0, 0, 0)


def test_declared_plant_may_feed_back_up_to_what_is_declared() -> None:
    s = plain(generation=10).meter("main", -15, -15, -15).after(30)
    assert left(s) == 73


def with_pv() -> Scenario:
    meters = [Meter("main", circuit="grid"), Meter("pv", role=MeterRole.PV, circuit="grid")]
    at = layout([circuit("grid", 63, meter="main")], [evse("A1", "grid"), evse("A2", "grid")], meters=meters)
    return site(at).meter("main", -15, -15, -15).meter("pv", -20, -20, -20)


def test_measured_plant_may_feed_back_what_it_feeds() -> None:
    assert left(with_pv().after(30)) == 78


def test_a_silent_plant_meter_is_no_plant() -> None:
    assert left(with_pv().after(30).silent("pv").after(11)) == 63


def test_plant_that_takes_feeds_nothing_back() -> None:
    """A battery that charges is base load like any other."""
    assert left(with_pv().meter("main", -5, -5, -5).meter("pv", 10, 10, 10).after(30)) == 63


# Who is not ours to lower


def test_an_offline_outlet_is_in_the_base_load_and_only_its_growth_is_reserved() -> None:
    s = plain().car("A1", takes=32).limit("A1/1", "operator", 16).after(120).expect(A1=16)
    s.drop("A1").after(1)
    assert left(s) == 63 - 10 - 16
    assert view(s).measured_a == (26, 26, 26)


@pytest.mark.parametrize(("offline_s", "drawn", "base"), [(20, 16, 10), (60, 0, 26), (600, 0, 26)])
def test_what_an_offline_outlet_drew_long_ago_is_shown_as_other_load(offline_s: int, drawn: float, base: float) -> None:
    s = plain().car("A1", takes=16).after(90).drop("A1").after(offline_s)
    assert (view(s).measured_a, view(s).drawn_a, view(s).base_load_a) == ((26,) * 3, (drawn,) * 3, (base,) * 3)
    s.plug("A1").depart()
    s.after(60)
    assert (view(s).measured_a, view(s).drawn_a, view(s).base_load_a) == ((10,) * 3, (0,) * 3, (10,) * 3)
    s.reconnect("A1").after(30)
    assert (view(s).drawn_a, view(s).base_load_a) == ((0,) * 3, (10,) * 3)


def test_behind_no_meter_all_of_it_is_reserved() -> None:
    s = site(layout([circuit("grid", 63, base_max=10)], [evse("A1", "grid"), evse("A2", "grid")]))
    s.car("A1", takes=32).limit("A1/1", "operator", 16).after(120).expect(A1=16).drop("A1").after(1)
    assert left(s) == 63 - 10 - 16


@pytest.mark.parametrize("seconds", [0, 2, 4, 7])
def test_between_the_readings_of_a_slow_meter_a_lost_outlet_keeps_its_current(seconds: int) -> None:
    """The last reading was split when the outlet was ours; its current must not vanish from the sum when it is lost."""
    at = layout(
        [circuit("grid", 28, meter="main")], [evse("A1", "grid"), evse("A2", "grid")], meters=[Meter("main", 10.0)]
    )
    s = site(at).meter("main", 0, 0, 0).car("A1").limit("A1/1", "operator", 20).after(120 + seconds).expect(A1=20)
    s.car("A2").drop("A1")
    for _ in range(12):
        second = s.after(1).setpoint("A2")
        assert max(second.amps, second.liable_a) <= 8


# Limits


@pytest.mark.parametrize(
    ("limits", "limit_a", "source"),
    [
        ([], 63, "rating of grid"),
        ([("dso", 40.0)], 40, "dso: 40 A on grid"),
        ([("dso", 40.0), ("operator", 30.0)], 30, "operator: 30 A on grid; also in force: dso: 40 A on grid"),
        ([("operator", 30.0), ("dso", 40.0)], 30, "operator: 30 A on grid; also in force: dso: 40 A on grid"),
        ([("operator", 0.0), ("dso", 40.0)], 0, "operator: 0 A on grid; also in force: dso: 40 A on grid"),
        ([("operator", 80.0)], 63, "rating of grid"),
        ([("operator", 0.0)], 0, "operator: 0 A on grid"),
    ],
)
def test_the_tightest_limit_counts_and_says_who(limits: list[tuple[str, float]], limit_a: float, source: str) -> None:
    s = plain()
    for name, amps in limits:
        s.limit("grid", name, amps)
    s.after(5)
    assert view(s).limit_a == (limit_a,) * 3
    assert view(s).limit_source == source


def test_a_limit_in_watts_leaves_the_currents_alone() -> None:
    s = plain().limit("grid", "dso", kw=20).after(5)
    assert view(s).limit_a == (63, 63, 63)
    assert view(s).limit_w == 20_000
    assert view(s).limit_source == "dso: 20 kW on grid"


@pytest.mark.parametrize(
    ("kw", "amps", "source"),
    [
        (20, 40, "dso: 20 kW on grid; dso: 40 A on grid"),  # 19 A of 29 A are left
        (30, 20, "dso: 20 A on grid; dso: 30 kW on grid"),
    ],
)
def test_power_and_current_are_named_in_the_order_of_what_they_leave(kw: float, amps: float, source: str) -> None:
    assert view(plain().limit("grid", "dso", amps, kw=kw).after(5)).limit_source == source


def test_where_phases_differ_each_is_told_with_what_limits_it() -> None:
    at = layout([circuit("grid", (63, 63, 32), meter="main")], [evse("A1", "grid")])
    s = site(at).meter("main", 10, 10, 10).limit("grid", "operator", 50).limit("grid", "dso", 40, for_s=600).after(5)
    words = "dso: 40 A on grid (L1, L2); rating of grid (L3); also in force: operator: 50 A on grid"
    assert (view(s).limit_source, view(s).limit_until) == (words, s.now.utc + timedelta(seconds=595))


def test_the_power_limit_binds_the_vehicles() -> None:
    """20 kW less 6.9 kW of building leave 13.1 kW: 18 A on three phases of 230 V."""
    plain().limit("grid", "dso", kw=20).car("A1").after(120).expect(A1=18, cause="dso: 20 kW on grid")


def test_a_limit_ends_by_itself() -> None:
    s = plain().limit("grid", "dso", 40, for_s=20).after(19)
    assert view(s).limit_a == (40, 40, 40)
    assert view(s.after(1)).limit_a == (63, 63, 63)


def test_a_window_of_the_week_limits_while_it_lasts() -> None:
    """18:00 UTC on a Wednesday in January is 19:00 in Berlin."""
    window = LimitWindow("grid", "peak hours", frozenset({2}), time(19, 1), time(19, 2), max_a=40)
    at = layout([circuit("grid", 63, meter="main")], [evse("A1", "grid")])
    s = site(replace(at, limits=(window,))).after(59)
    assert view(s).limit_a[0] == 63
    assert view(s.after(1)).limit_a[0] == 40
    assert view(s.after(59)).limit_a[0] == 40
    assert view(s.after(1)).limit_a[0] == 63


def test_a_phase_that_a_circuit_lacks_has_no_room() -> None:
    s = site(layout([circuit("grid", (63, 63, 0))], [evse("A1", "grid", "L1")])).limit("grid", "dso", 40).after(3)
    assert view(s).limit_a == (40, 40, 0)


# Stale meters


def test_a_meter_that_falls_silent_keeps_its_last_base_load_then_adds_its_largest_step_then_the_declared() -> None:
    s = plain(base_max=40).after(60).meter("main", 17, 17, 17).after(10)
    assert (left(s), view(s).level) == (46, Level.NORMAL)
    s.silent("main").after(4)
    assert (left(s), view(s).level) == (46, Level.HOLD)
    s.after(7)
    assert view(s).level is Level.CAUTIOUS
    assert left(s) == pytest.approx(39, abs=0.1)
    s.after(20)
    assert (left(s), view(s).level) == (23, Level.FALLBACK)


# What has just been there


def tight(rating: float, besides: float = 10.0) -> Scenario:
    """The same with another fuse."""
    at = layout([circuit("grid", rating, meter="main")], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at).meter("main", besides, besides, besides)


@pytest.mark.parametrize("course", [(30, 30, 30, 30), (30, 34, 33, 32), (34, 33, 32, 31)])
def test_a_raise_gets_only_room_that_was_there_all_the_time(course: tuple[int, ...]) -> None:
    """The base load moves every six seconds and has fallen for four; the highest of the last ten seconds counts."""
    s = tight(45).car("A1", takes=32).limit("A1/1", "operator", 6).after(90).expect(A1=6)
    for amps in course:
        s.meter("main", amps, amps, amps).after(6)
    s.meter("main", 10, 10, 10).after(4).limit("A1/1", "operator", 32).after(1)
    assert s.setpoint("A1").amps <= 45 - course[-1]


def test_while_the_registers_stand_still_the_base_load_does_not_fall() -> None:
    """A1 draws more, and the meter does not show it: it may have frozen with the building's 30 A in it."""
    s = tight(50, 30).car("A1").limit("A1/1", "operator", 10).after(90).expect(A1=10)
    s.frozen("main").limit("A1/1", "operator", 13)
    for _ in range(25):
        assert left(s.after(1)) <= 50 - 30


def test_what_a_lost_vehicle_drew_is_not_given_away_when_it_pauses() -> None:
    s = tight(45).car("A1", takes=20).car("A2").after(150)
    s.drop("A1").after(2).plug("A1").takes_a = (0.0, 0.0, 0.0)
    for _ in range(25):
        assert s.after(1).setpoint("A2").amps + s.setpoint("A1").liable_a <= 45 - 10
    s.plug("A1").takes_a = (20.0, 20.0, 20.0)
    s.after(20)
    assert s.most_over_a <= 0


# Legs between two phases

TWO_LEGS = Network.of(layout([circuit("grid", 400)], [evse("A1", "grid", "L1-L2"), evse("A2", "grid", "L3-L1")]))
AMPS = st.floats(0, 200)


@given(ab=AMPS, ca=AMPS, building=AMPS)
def test_a_meter_behind_which_legs_between_phases_hang_hides_no_base_load(
    ab: float, ca: float, building: float
) -> None:
    """On L1 the two legs are thirty degrees ahead and behind: the meter shows less than the sum of the currents."""
    shown = abs(cmath.rect(ab, math.pi / 6) + cmath.rect(ca, -math.pi / 6) + building)
    assert shown <= ab + ca + building + 1e-9
    taken_off = TWO_LEGS.load_of_legs(np.array([[ab, 0, 0], [ca, 0, 0]]))
    assert shown - taken_off[0] >= building - 1e-9


@pytest.mark.parametrize("moment", [0, 1, 2])
def test_nobody_is_cut_twice_for_one_jump(moment: int) -> None:
    """A meter that is read every three seconds still shows what flowed before the cut, when samples show that vehicles
    have followed it: what went is no base load.
    """
    slow = layout(
        [circuit("grid", 63, meter="main")],
        [evse("A1", "grid"), evse("A2", "grid")],
        meters=[Meter("main", 3.0, circuit="grid")],
    )
    s = site(slow).meter("main", 10, 10, 10).car("A1").car("A2").after(120 + moment)
    s.world.sample_every_s = 1
    assert sum(p.amps for p in s.after(10).last.setpoints) >= 52
    s.meter("main", 30, 30, 30)
    given_a = [sum(p.amps for p in s.after(1).last.setpoints) for _ in range(20)]
    assert min(given_a) == 32
