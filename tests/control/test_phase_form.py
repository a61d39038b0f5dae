"""One phase or three: when it is worth an interruption, through which steps, and what counts until it is proven."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.control.memory import Form
from ems.control.phase_form import BETWEEN_S, MOST_PER_SESSION, next_form
from ems.domain.decision import Binding
from ems.domain.phase_switch import PhaseSwitch
from ems.domain.session import Session, Transaction
from ems.domain.state import EvseState
from ems.domain.station_model import StationModel
from ems.domain.strategy import Strategy
from tests.builders import BEGIN, Scenario, circuit, evse, layout, site
from tests.control.test_aims import planned

SWITCHES = StationModel("switches", switches_phases=True)
STEP_S = 300


def roof(how: str = "paused", **more: float) -> Scenario:
    """A vehicle at A1, whose station says that it can switch, in front of 63 A; the strategy is solar."""
    at = layout([circuit("grid", 63, meter="main", base_max=20)], [evse("A1", "grid", model=SWITCHES)])
    scene = site(at, strategy=Strategy.SOLAR, **more).meter("main", 5, 5, 5).after(15)
    scene.world.switch("A1", how)
    return scene.car("A1").after(1)


def sun(scene: Scenario, amps: float, seconds: int) -> Scenario:
    """For so long a plan wants so many ampere on each of three phases; it is made anew every five minutes."""
    for _ in range(max(1, seconds // STEP_S)):
        planned(scene, {"A1": [amps, amps]}, Strategy.SOLAR).after(min(STEP_S, seconds))
    return scene


def test_a_little_sun_is_used_on_one_phase() -> None:
    """1.4 kW are 6 A on one phase, and on three less than any vehicle takes."""
    scene = sun(roof(), 2.0, 240).expect(A1=6)
    assert scene.plug("A1").drawn_a == (6, 0, 0)
    assert scene.plug("A1").switched_under_load == 0
    sun(scene, 4.0, 60).expect(A1=12)


def test_much_sun_is_used_on_three_again_and_the_legs_count_again() -> None:
    scene = sun(sun(roof(), 2.0, 600), 16.0, 600).expect(A1=16)
    assert scene.plug("A1").drawn_a == (16, 16, 16)
    assert scene.plug("A1").told == [3, 1, 3]
    assert scene.plug("A1").switched_under_load == 0


@pytest.mark.parametrize("amps", [6.0, 10.0])
def test_what_three_phases_can_do_is_left_to_them(amps: float) -> None:
    assert sun(roof(), amps, 300).plug("A1").told == [3]


def test_what_either_can_do_is_left_as_it_is() -> None:
    """6.5 A on each of three phases are 19.5 A on one."""
    scene = sun(sun(roof(), 2.0, 300), 6.5, 600)
    scene.expect(A1=20)
    assert scene.plug("A1").told == [3, 1]


def test_a_vehicle_pauses_while_it_is_switched_and_is_told_so() -> None:
    scene = sun(roof(), 2.0, 75)
    scene.expect(A1=0, binding=Binding.SWITCHING, cause="pausing to go on with one phase")


def test_clouds_that_pass_switch_nothing() -> None:
    scene = roof()
    for _ in range(4):
        planned(scene, {"A1": [2.0]}, Strategy.SOLAR).after(40)
        planned(scene, {"A1": [8.0]}, Strategy.SOLAR).after(40)
    assert scene.plug("A1").told == [3]


@given(st.lists(st.tuples(st.sampled_from([1, 3]), st.integers(1, 400)), max_size=60))
def test_switches_keep_their_distance_last_and_a_session_has_few(wishes: list[tuple[int, int]]) -> None:
    """Whatever is wished for how long, while the station does at once what it is told."""
    form, now, switched = Form(), BEGIN, []
    session = Session("A1/1", BEGIN.utc, 0.0, Transaction(1, BEGIN.utc, 0.0))
    for wish, seconds in wishes:
        for _ in range(seconds // 5):
            now = now.later(5)
            known = EvseState(session=session, switch=PhaseSwitch(form.phases, math.inf))
            after = next_form(form, known, wish, wants=True, still=form.goal != form.phases, now=now)
            if after.phases != form.phases:
                assert form.goal == after.phases
                switched.append(now.monotonic_s)
            form = after
    assert len(switched) <= MOST_PER_SESSION
    assert all(b - a >= BETWEEN_S for a, b in pairwise(switched))


def test_who_does_not_do_what_it_says_counts_in_full_and_is_not_asked_again() -> None:
    """It goes back to three phases, and the alarm says why."""
    scene = sun(roof("never"), 2.0, 300)
    scene.expect(alarm="phases:A1/1")
    assert "still show more than one phase" in scene.alarm("phases:A1/1").text  # type: ignore[union-attr]  # just seen
    sun(scene, 2.0, 900).expect(A1=6)
    assert scene.plug("A1").told == [3, 1, 3]
    assert scene.plug("A1").drawn_a == (6, 6, 6)
    assert scene.memory.forms[0].failed


def test_one_that_reports_no_phases_proves_nothing() -> None:
    scene = roof("always")
    scene.world.sample_every_s = 10_000
    sun(scene, 2.0, 300)
    assert scene.plug("A1").told == [3, 1]
    assert scene.memory.seen is not None
    assert scene.memory.seen.legs[0].tolist() == [True, True, True]


def test_a_one_phase_vehicle_is_never_interrupted_for_it() -> None:
    scene = roof()
    scene.unplug("A1").after(5).car("A1", legs=1).after(60)
    assert sun(scene, 2.0, 300).plug("A1").told == [3]


def test_a_restart_switches_no_vehicle_under_load() -> None:
    """Although no sample has come yet; where there is room for three, it pauses before it is told so."""
    scene = sun(roof(), 2.0, 300)
    scene.world.sample_every_s = 10_000
    scene.recover(crashes=0).after(5).reconnect("A1").tell(*scene.world.introduces_itself(scene.now)).after(120)
    assert scene.plug("A1").switched_under_load == 0


def test_the_next_vehicle_begins_with_three_phases() -> None:
    scene = sun(roof(), 2.0, 300)
    scene.unplug("A1").after(20).car("A1").after(60)
    assert scene.plug("A1").told == [3, 1, 3]
    assert scene.plug("A1").switched_under_load == 0


# Among others


def crowd(how: str = "paused", rating: float = 13.0) -> Scenario:
    """Three vehicles behind a feeder with room for two at their minimum; each begins on another phase."""
    rotated = {"A1": "L1 L2 L3", "A2": "L2 L3 L1", "A3": "L3 L1 L2"}
    stations = [evse(name, "feeder", phases, fallback=0, model=SWITCHES) for name, phases in rotated.items()]
    circuits = [circuit("grid", 63), circuit("feeder", rating, "grid")]
    scene = site(layout(circuits, stations), rotation_s=60, min_on_s=40).after(12)
    for name in rotated:
        scene.world.switch(name, how)
    for name in rotated:
        scene.car(name)
    return scene


def test_where_three_phases_are_too_many_for_all_everybody_charges_on_one() -> None:
    """Who waits is switched; then each has a phase for itself, and nobody waits any more."""
    scene = crowd("paused", 7.0).after(900)
    assert [scene.setpoint(name).amps > 0 for name in ("A1", "A2", "A3")] == [True] * 3
    assert scene.most_over_a <= 1e-6


def test_no_phase_is_overloaded_by_those_who_only_say_that_they_switch() -> None:
    scene = crowd("never", 7.0).after(600)
    assert scene.most_over_a <= 1e-6
    assert all(scene.plug(name).told in ([3], [3, 1, 3], [3, 1]) for name in ("A1", "A2", "A3"))


def test_with_room_for_all_nobody_is_switched() -> None:
    scene = crowd("paused", 40.0).after(300)
    assert all(scene.plug(name).told == [3] for name in ("A1", "A2", "A3"))


def test_after_a_switch_all_legs_count_until_samples_have_shown_which_are_in_use() -> None:
    scene = roof("paused")
    planned(scene, {"A1": [2.0] * 3}, Strategy.SOLAR)
    proven: list[tuple[int, bool]] = []
    for _ in range(200):
        scene.after(1)
        assert scene.memory.seen is not None
        uses, counted = scene.plug("A1").uses, scene.memory.seen.legs[0].sum()
        assert counted >= uses
        proven.append((uses, bool(counted == 1)))
    assert (1, False) in proven
    assert proven[-1] == (1, True)
