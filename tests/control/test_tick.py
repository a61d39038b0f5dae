"""The tick as a whole: when the next one matters, whom to stop, and that a steady world is left in peace."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.control.tick import next_wake
from ems.domain.limit import LimitWindow
from ems.domain.station_model import StationModel
from tests.builders import Scenario, circuit, evse, layout, site
from tests.control.laws import FEW


def pair(rating: float = 40, **policy: float) -> Scenario:
    at = layout([circuit("grid", rating, meter="main", base_max=20)], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at, **policy).meter("main", 5, 5, 5).after(15)


def test_two_vehicles_on_a_feeder_make_room_for_the_building() -> None:
    """20 A each of feeder a's 40; then the building takes 80 of the grid's 100 A on a phase, and 10 A each are left."""
    s = site("two_feeders").car("A1").car("A2").after(60).expect(A1=20, A2=20, cause="feeder-a L")
    s.meter("main", l1=80).after(3).expect(A1=10, A2=10, cause="grid L1")


# A steady world


def changes(s: Scenario, seconds: int) -> int:
    """How often a setpoint changes."""
    count, before = 0, [p.amps for p in s.last.setpoints]
    for _ in range(seconds):
        now = [p.amps for p in s.after(1).last.setpoints]
        count, before = count + sum(a != b for a, b in zip(now, before, strict=True)), now
    return count


@pytest.mark.parametrize("cars", [1, 2])
def test_a_steady_world_comes_to_rest(cars: int) -> None:
    """Vehicles that fill a metered circuit share it after two minutes, and then no setpoint changes any more."""
    s = pair(30)
    for j in range(cars):
        s.car(f"A{j + 1}")
    s.after(120)
    assert changes(s, 180) == 0
    assert sum(s.draws(name) for name in ("A1", "A2")) >= 24


def test_a_vehicle_that_takes_little_comes_to_rest_too() -> None:
    s = pair(30).car("A1", takes=8).car("A2").after(240)
    assert changes(s, 240) == 0


def test_a_step_of_the_building_costs_as_much_as_it_takes() -> None:
    """Ten amperes more in the building cost the vehicles ten amperes, and nobody is switched off for it."""
    s = pair(50).car("A1").car("A2").after(150)
    assert sum(s.draws(name) for name in ("A1", "A2")) >= 44
    s.meter("main", 15, 15, 15)
    for _ in range(60):
        s.after(1)
        assert sum(s.setpoint(name).amps for name in ("A1", "A2")) >= 30
        assert min(s.setpoint(name).amps for name in ("A1", "A2")) >= 6


def test_a_step_of_the_building_is_answered_in_time() -> None:
    """The overload it causes is gone within ten seconds (reaction budget: p95 10 s)."""
    s = pair(50).car("A1").car("A2").after(150)
    s.meter("main", 25, 25, 25).after(10)
    assert max(s.flow("grid")) <= 50


@pytest.mark.parametrize("gain", [1.02, 1.05, 1.09])
def test_a_little_more_than_allowed_is_made_room_for(gain: float) -> None:
    """A station may give a few per cent more than its limit and obeys; the fuse holds nevertheless."""
    s = pair(41).car("A1").car("A2").after(60)
    plug = s.plug("A1")
    exact = plug.limit_a
    plug.limit_a = lambda now: gain * exact(now)  # type: ignore[method-assign]  # the one thing that it does wrong
    s.after(60)
    for _ in range(300):
        assert max(s.after(1).flow("grid")) <= 41
    assert changes(s, 120) == 0
    assert s.setpoint("A1").controlled


# Whom to stop


def stopped(s: Scenario, seconds: int) -> set[str]:
    return {evse_id for _ in range(seconds) for evse_id in s.after(1).last.stop}


def two_feeders() -> Scenario:
    circuits = [circuit("grid", 100, meter="main"), circuit("a", 40, "grid", meter="sub-a"),
                circuit("b", 40, "grid", meter="sub-b")]  # fmt: skip
    return site(layout(circuits, [evse("A1", "a"), evse("B1", "b"), evse("B2", "b")])).after(15)


def test_who_cannot_be_lowered_is_stopped_where_the_others_cannot_make_room() -> None:
    """A refusing vehicle of 30 A and a building of 20 A on 40 A: only a stop helps."""
    s = two_feeders().car("A1", takes=30).after(60).station("A1", "refuses").meter("sub-a", 20, 20, 20)
    assert stopped(s, 40) == {"A1/1"}


def test_nobody_is_stopped_where_it_would_not_help() -> None:
    """Feeder b is overloaded by its building; the refusing vehicle hangs on feeder a."""
    s = two_feeders().car("A1", takes=10).after(60).station("A1", "refuses").limit("A1/1", "operator", 6).after(40)
    assert stopped(s.meter("sub-b", 45, 45, 45), 40) == set()


@pytest.mark.parametrize("moment", [0, 3, 6])
def test_nobody_is_stopped_while_the_others_are_making_room(moment: int) -> None:
    """A1 draws its full 16 A and refuses. When the building takes 12 A more, A2 gives 8 of them away within seconds."""
    at = layout([circuit("grid", 40, meter="main")], [evse("A1", "grid", max_a=16), evse("A2", "grid")])
    s = site(at).car("A1").after(40).station("A1", "refuses").limit("A1/1", "operator", 6).after(40)
    s.car("A2").limit("A2/1", "operator", 20).after(60 + moment)
    assert (s.draws("A1"), s.draws("A2")) == (16, 20)
    assert stopped(s.meter("main", 12, 12, 12), 40) == set()


def beside_a_deaf_one(meter: str | None, draws: float) -> Scenario:
    """A1 cannot be limited at all; its vehicle draws so much on a feeder of 40 A."""
    deaf = StationModel("deaf", smart_charging=False)
    at = layout([circuit("grid", 40, meter=meter)], [evse("A1", "grid", model=deaf), evse("A2", "grid")])
    s = site(at)
    s.plug("A1").pilot(draws)
    return s.station("A1", "ignores").car("A1").after(30)


def test_a_vehicle_at_a_deaf_station_is_stopped_when_it_is_too_much() -> None:
    """Where limits cannot be set at all, stopping is the only lever there is."""
    assert stopped(beside_a_deaf_one("main", 30).meter("main", 30, 30, 30), 30) == {"A1/1"}


def test_nobody_is_stopped_for_what_might_flow_one_day() -> None:
    """It draws 6 of the 32 A that are kept free for it; with the building's 33 A that fits, and the meter shows it."""
    assert stopped(beside_a_deaf_one("main", 6).meter("main", 33, 33, 33), 60) == set()


@pytest.mark.parametrize(
    ("building", "who"), [(15, set()), (25, {"A2/1"}), (32, {"A1/1", "A2/1"}), (39, {"A1/1", "A2/1", "A3/1"})]
)
def test_no_more_are_stopped_than_it_takes_and_the_largest_first(building: float, who: set[str]) -> None:
    """Three that cannot be limited draw 8, 10 and 6 A on 40 A."""
    deaf = StationModel("deaf", smart_charging=False)
    outlets = [evse(name, "grid", model=deaf) for name in ("A1", "A2", "A3")]
    s = site(layout([circuit("grid", 40, meter="main")], outlets))
    for name, draws in (("A1", 8), ("A2", 10), ("A3", 6)):
        s.plug(name).pilot(draws)
        s.station(name, "ignores").car(name)
    assert stopped(s.after(40).meter("main", *(building,) * 3), 30) == who


@pytest.mark.parametrize(("draws", "samples", "who"), [(6, True, set()), (30, True, {"A1/1"}), (6, False, {"A1/1"})])
def test_without_a_meter_samples_tell_and_where_there_are_none_what_may_flow(
    draws: float, samples: bool, who: set[str]
) -> None:
    """A limit of 20 A; A1 may draw 32."""
    s = beside_a_deaf_one(None, draws)
    s.world.sample_every_s = 10 if samples else 100_000
    assert stopped(s.limit("grid", "dso", 20), 60) == who


def test_an_outlet_that_nobody_hears_from_counts_with_what_it_may_draw() -> None:
    """No meter, A1 draws 20 A and cannot be limited; A2 was lost while it had 16 A: together more than 30."""
    s = beside_a_deaf_one(None, 20).station("A2", "obeys").car("A2").limit("A2/1", "operator", 8).after(60)
    assert stopped(s, 10) == set()
    assert stopped(s.drop("A2").limit("grid", "dso", 27), 5) == {"A1/1"}


def test_who_does_not_answer_is_not_counted_on() -> None:
    """A1 disobeys with 20 A, A2 draws 12 A and is mute; the building takes 12 of the 40 A. Were A2 to follow, there
    would be room; since it does not, A1 is stopped, within seconds after both are found out.
    """
    at = layout([circuit("grid", 40, meter="main")], [evse("A1", "grid", max_a=20), evse("A2", "grid")])
    s = site(at).car("A1").car("A2").limit("A2/1", "operator", 12).after(60)
    s.station("A1", "ignores").limit("A1/1", "operator", 10).after(60)
    assert (s.draws("A1"), s.draws("A2")) == (20, 12)
    assert stopped(s.station("A2", "silent"), 30) == set()
    assert stopped(s.meter("main", 12, 12, 12), 8) == {"A1/1"}


def test_a_margin_stops_nobody() -> None:
    """A1 refuses with 20 A; the building's 18 A eat 3 of the 5 A that are kept free below the rating of 40."""
    at = layout([circuit("grid", 40, meter="main", margin=5)], [evse("A1", "grid"), evse("A2", "grid")])
    s = site(at).car("A1").limit("A1/1", "operator", 20).after(60).station("A1", "refuses")
    s.limit("A1/1", "operator", 10).after(20)
    assert s.draws("A1") == 20
    assert stopped(s.meter("main", 18, 18, 18), 30) == set()
    assert stopped(s.meter("main", 21, 21, 21), 5) == {"A1/1"}


# When the next tick matters


@FEW
@given(st.sampled_from([0, 7, 12, 40, 200]), st.integers(1, 600), st.booleans())
def test_nothing_changes_by_itself_before_the_next_wake(settled: int, later: int, many: bool) -> None:
    """If nothing happens, a decision a moment before `next_wake` is the decision of now."""
    stations = [evse("A1", "grid"), evse("A2", "grid")]
    s = site(layout([circuit("grid", 25)], stations), rotation_s=300.0).after(12).car("A1")
    if many:
        s.car("A2")
    s.after(settled + 1)
    wake = next_wake(s.state, s.memory, s.now)
    first, memory = s.controller.decide(s.state, s.memory, s.now)
    if later < wake:
        second, _ = s.controller.decide(s.state, memory, s.now.later(later))
        assert [p.amps for p in second.setpoints] == [p.amps for p in first.setpoints]


def test_the_next_wake_knows_when_limits_begin_and_end() -> None:
    """18:00 UTC is 19:00 in Berlin; a window begins at 19:05, a limit ends after a hundred seconds."""
    window = LimitWindow("grid", "peak hours", frozenset(range(7)), time(19, 5), time(19, 20), max_a=10)
    at = layout([circuit("grid", 63)], [evse("A1", "grid")])
    s = site(replace(at, limits=(window,)), lease_s=3600.0, rotation_s=60.0, min_on_s=60.0).after(12).car("A1")
    s.after(188)
    assert next_wake(s.state, s.memory, s.now) <= 100
    s.limit("grid", "dso", 32, for_s=50).after(1)
    assert next_wake(s.state, s.memory, s.now) <= 49


def test_with_nobody_there_nothing_is_due() -> None:
    s = site(layout([circuit("grid", 63)], [evse("A1", "grid")])).after(30)
    assert next_wake(s.state, s.memory, s.now) >= 400


# Edges


@pytest.mark.parametrize("stations", [0, 1])
def test_a_site_without_outlets_or_meters_is_decided(stations: int) -> None:
    at = layout([circuit("grid", 63, meter="main")], [evse("A1", "grid")][:stations])
    s = site(at).after(3)
    assert len(s.last.setpoints) == stations
    assert s.last.circuits[0].headroom_a == (63, 63, 63)
