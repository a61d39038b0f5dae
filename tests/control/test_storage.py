"""The stationary battery: what it gives is never counted on, what it draws leaves vehicles what they want."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.battery import Otherwise
from ems.domain.decision import Level
from ems.domain.strategy import Strategy
from tests.builders import circuit, layout
from tests.control.laws import FEW
from tests.control.stores import STORE, StoreScenario, site_with

READ_ONLY = replace(STORE, steered=False)
KW = 1000.0
PER_A = 3 * 230.0


def plays(battery: Any = STORE, building: float = 0.0, **more: Any) -> StoreScenario:
    scenario = StoreScenario(site_with(battery, **more))
    scenario.meter("main", building, building, building)
    return scenario


def building(scenario: StoreScenario, amps: float) -> StoreScenario:
    scenario.meter("main", amps, amps, amps)
    return scenario


# What it gives


def test_what_a_battery_gives_makes_no_room_for_vehicles() -> None:
    scenario = plays(READ_ONLY, building=50.0, evses=1).own(-20 * PER_A).after(20)
    assert scenario.flow("grid")[0] == pytest.approx(30.0)
    scenario.car("A1").after(100).expect(A1=13.0, cause="50 A of it taken by other load")


def test_when_a_battery_stops_giving_no_circuit_is_exceeded_and_nobody_is_cut() -> None:
    scenario = plays(READ_ONLY, building=40.0).own(-30 * PER_A).after(20).car("A1").car("A2").after(90)
    held = [scenario.setpoint(name).amps for name in ("A1", "A2")]
    assert sum(held) == pytest.approx(23.0, abs=1.0)
    scenario.own(0.0)
    for _ in range(30):
        scenario.after(1)
        assert [scenario.setpoint(name).amps for name in ("A1", "A2")] == held, "no false alarm, not for a second"
    assert scenario.most_over_a <= 1e-6


def test_a_building_that_grows_behind_a_battery_is_seen_although_the_fuse_does_not_feel_it() -> None:
    scenario = plays(READ_ONLY, building=30.0).own(-30 * PER_A).after(20).car("A1").after(100).expect(A1=32.0)
    building(scenario, 50.0).after(6).expect(A1=13.0)
    scenario.after(6).own(0.0).after(10)
    assert scenario.most_over_a <= 1e-6


def test_a_battery_that_is_silent_counts_for_a_while_with_what_it_gave_last() -> None:
    """Then whatever it was told has ended, and the meter of the fuse is all that is known."""
    scenario = plays(READ_ONLY, building=40.0).own(-30 * PER_A).after(20).car("A1").after(60)
    scenario.silent("bat").after(85).expect(A1=23.0, alarm="meter:bat")
    scenario.own(0.0).after(120).expect(A1=23.0)
    assert scenario.most_over_a <= 1e-6


@given(
    courses=st.lists(
        st.tuples(st.integers(1, 20), st.floats(-30 * KW, 30 * KW), st.booleans()), min_size=3, max_size=12
    ),
    cars=st.lists(st.integers(0, 100), min_size=2, max_size=2),
    besides=st.floats(0.0, 45.0),
    strategy=st.sampled_from([Strategy.FAST, Strategy.CHEAPEST]),
    hold_s=st.sampled_from([0.0, 10.0]),
    reaction_s=st.integers(1, 5),
)
@FEW
def test_whatever_a_battery_is_told_or_does_by_itself_no_fuse_is_exceeded(
    courses: list[tuple[int, float, bool]],
    cars: list[int],
    besides: float,
    strategy: Strategy,
    hold_s: float,
    reaction_s: int,
) -> None:
    """The building stays as it is, and by itself the battery draws nothing; everything else may happen."""
    scenario, t = plays(building=besides, strategy=strategy, raise_hold_s=hold_s), 0
    scenario.store.reaction_s = reaction_s
    for seconds, watts, obeys in courses:
        scenario.planned(watts)
        scenario.store.obeys = obeys
        scenario.own(min(0.0, watts))
        for _ in range(seconds):
            for name, at in zip(("A1", "A2"), cars, strict=True):
                if t == at:
                    scenario.car(name)
            scenario.after(1)
            t += 1
            assert scenario.most_over_a <= 0.05, f"second {t}: {scenario.steered}"


# What it draws


def test_it_is_charged_as_planned_while_nobody_wants_the_current() -> None:
    scenario = plays(building=10.0).planned(20 * KW).after(30)
    assert scenario.steered.power_w == 20 * KW
    assert scenario.steered.text == "planned: takes 20 kW"
    assert scenario.steered.until is not None
    assert scenario.store.soc > 0.5


def test_it_is_charged_no_further_than_the_fuse_has_room() -> None:
    scenario = plays(building=40.0).planned(30 * KW).after(60)
    assert scenario.steered.power_w == pytest.approx(23 * PER_A, abs=10)
    assert scenario.steered.text == "no room for more"
    assert scenario.most_over_a <= 1e-6


def test_vehicles_come_first_and_a_battery_that_charges_makes_room() -> None:
    scenario = plays(building=10.0).planned(30 * KW).after(60)
    assert scenario.steered.power_w == 30 * KW
    scenario.car("A1").after(8)
    assert scenario.steered.power_w == pytest.approx(21 * PER_A, abs=10)
    assert scenario.steered.text == "vehicles come first: no room for more"
    scenario.car("A2").after(100)
    assert sum(scenario.setpoint(name).amps for name in ("A1", "A2")) == pytest.approx(53.0)
    assert scenario.steered.power_w == 0.0
    assert scenario.most_over_a <= 1e-6


def test_a_vehicle_that_is_parked_keeps_no_battery_waiting() -> None:
    scenario = plays(building=0.0).planned(30 * KW, caps=True).car("A1", need=0.2).car("A2", need=0.2).after(300)
    assert scenario.draws("A1") == 0.0
    assert scenario.steered.power_w == 30 * KW


def test_what_it_was_told_to_draw_is_reserved_before_a_meter_shows_it() -> None:
    scenario = plays(building=10.0, raise_hold_s=0.0, strategy=Strategy.FAST).after(15)
    scenario.store.reaction_s = 6
    scenario.planned(30 * KW).after(1).car("A1").car("A2")
    for _ in range(40):
        scenario.after(1)
        assert scenario.most_over_a <= 1e-6


def test_a_building_that_grows_takes_the_room_from_the_battery_within_its_reaction() -> None:
    scenario = plays(building=10.0).planned(30 * KW).after(60)
    building(scenario, 40.0).after(4)
    assert scenario.flow("grid")[0] <= 63.0
    assert scenario.steered.power_w == pytest.approx(23 * PER_A, abs=10)


def test_it_is_not_charged_beyond_what_it_may_hold_and_begins_again_a_little_below() -> None:
    scenario = plays(replace(STORE, highest=0.9)).planned(5 * KW).after(5)
    scenario.store.soc = 0.9
    scenario.after(2)
    assert (scenario.steered.power_w, scenario.steered.text) == (0.0, "full")
    scenario.store.soc = 0.895
    assert scenario.after(2).steered.power_w == 0.0
    scenario.store.soc = 0.88
    assert scenario.after(2).steered.power_w == 5 * KW


# What it may give when it is told to


def test_it_gives_as_planned_what_the_site_draws() -> None:
    scenario = plays(building=30.0).planned(-10 * KW).after(30)
    assert scenario.steered.power_w == -10 * KW
    assert scenario.steered.text == "planned: gives 10 kW"
    assert scenario.flow("grid")[0] == pytest.approx(30.0 - 10 * KW / PER_A, abs=0.1)


def test_it_never_gives_into_the_grid_what_may_not_flow_there() -> None:
    scenario = plays(building=5.0).planned(-30 * KW).after(60)
    assert scenario.steered.power_w == pytest.approx(-5 * PER_A, abs=10)
    assert scenario.steered.text == "gives no more than the site draws"
    assert scenario.flow("grid")[0] >= -0.1
    allowed = plays(replace(STORE, export_w=10 * KW), building=5.0).planned(-30 * KW).after(60)
    assert allowed.steered.power_w == pytest.approx(-5 * PER_A - 10 * KW, abs=10)


def test_where_there_is_sun_enough_it_gives_nothing() -> None:
    assert plays(building=-10.0).planned(-10 * KW).after(30).steered.power_w == 0.0


def test_it_gives_no_more_than_its_own_circuit_carries_towards_the_grid() -> None:
    battery = replace(STORE, circuit="cellar", export_w=50 * KW)
    site = site_with(replace(battery, circuit="grid"), rating=100.0)
    below = layout(
        [circuit("grid", 100, meter="main"), circuit("cellar", 20, "grid", meter="sub", generation=50.0)], []
    )
    meters = (*below.meters, replace(site.meters[-1], circuit="cellar"))
    scenario = StoreScenario(replace(site, circuits=below.circuits, meters=meters, batteries=(battery,)))
    scenario.meter("main", 60.0, 60.0, 60.0).planned(-30 * KW).after(60)
    assert scenario.steered.power_w == pytest.approx(-20 * PER_A, abs=10)
    assert min(scenario.flow("cellar")) >= -20.0 - 1e-6


def test_its_reserve_is_kept() -> None:
    scenario = plays(replace(STORE, reserve=0.4), building=40.0).planned(-10 * KW).after(5)
    scenario.store.soc = 0.4
    assert scenario.after(2).steered.text == "kept in reserve"
    assert scenario.steered.power_w == 0.0
    scenario.store.soc = 0.42
    assert scenario.after(2).steered.power_w == -10 * KW


# Without a plan, and when something is wrong


@pytest.mark.parametrize(
    ("otherwise", "besides", "power_w", "text"),
    [
        (Otherwise.OWN, 20.0, None, "nothing is planned: it follows its own program"),
        (Otherwise.REST, 20.0, 0.0, "nothing is planned: it rests"),
        (Otherwise.SELF_CONSUMPTION, 20.0, -20 * PER_A, "gives what the site would import"),
        (Otherwise.SELF_CONSUMPTION, -20.0, 20 * PER_A, "takes what is left over"),
    ],
)
def test_without_a_plan_it_does_what_the_site_says(
    otherwise: Otherwise, besides: float, power_w: float | None, text: str
) -> None:
    scenario = plays(replace(STORE, otherwise=otherwise), building=besides).after(40)
    assert scenario.steered.power_w == (None if power_w is None else pytest.approx(power_w, abs=200))
    assert scenario.steered.text == text
    if otherwise is Otherwise.SELF_CONSUMPTION:
        assert scenario.flow("grid")[0] == pytest.approx(0.0, abs=0.5)


def test_a_plan_that_has_grown_old_counts_no_more() -> None:
    scenario = plays(building=20.0, plan_age_s=60.0).planned(10 * KW).after(15)
    assert scenario.steered.power_w == 10 * KW
    assert scenario.planned(None).after(62).steered.power_w is None


def test_a_strategy_without_plans_leaves_it_to_itself() -> None:
    assert plays(strategy=Strategy.EQUAL).planned(10 * KW).after(5).steered.power_w is None


def test_what_is_only_read_is_told_nothing() -> None:
    scenario = plays(READ_ONLY).planned(10 * KW).after(5)
    assert (scenario.steered.power_w, scenario.steered.text) == (None, "it is only read")


def test_a_battery_that_tells_no_state_of_charge_rests() -> None:
    scenario = plays().planned(10 * KW).after(5)
    scenario.store.tells_soc = False
    assert scenario.after(2).steered.text == "rests: it does not tell a state of charge that can be true"
    assert scenario.steered.power_w == 0.0


def test_a_battery_that_does_not_answer_rests_and_what_it_may_still_draw_stays_reserved() -> None:
    scenario = plays(building=10.0).planned(30 * KW).after(30).silent("bat")
    scenario.refuses = "no answer"
    scenario.after(15)
    assert (scenario.steered.power_w, scenario.steered.text) == (0.0, "rests: it does not answer")
    scenario.car("A1").car("A2").after(60).expect(alarm="battery:store")
    assert scenario.most_over_a <= 1e-6


def test_a_battery_that_refuses_what_it_is_told_is_an_alarm_and_no_danger() -> None:
    scenario = plays(building=10.0)
    scenario.refuses = "exception 4"
    scenario.planned(30 * KW).car("A1").car("A2").own(20 * KW).after(120).expect(alarm="battery:store")
    alarm = scenario.alarm("battery:")
    assert alarm is not None
    assert alarm.text == "battery store cannot be told what to do: exception 4"
    assert scenario.flow("grid")[0] <= 63.0


def test_it_rests_while_the_meter_of_its_circuit_is_silent() -> None:
    scenario = plays(building=10.0).planned(20 * KW).after(20).silent("main").after(12)
    assert (scenario.steered.power_w, scenario.steered.text) == (0.0, "rests: a meter on its way is silent")


def test_while_nothing_may_be_raised_it_draws_no_more_than_it_does() -> None:
    scenario = plays(building=10.0).planned(5 * KW).after(20).silent("main").after(5).planned(20 * KW).after(3)
    assert scenario.last.circuits[0].level is Level.HOLD
    assert scenario.steered.power_w == 5 * KW


def test_hardly_another_power_is_not_told() -> None:
    scenario = plays(building=10.0).planned(10 * KW).after(20)
    assert scenario.planned(10.2 * KW).after(2).steered.power_w == 10 * KW
    assert scenario.planned(10.5 * KW).after(12).steered.power_w == 10.5 * KW
    assert scenario.planned(9.93 * KW).after(2).steered.power_w == 9.93 * KW, "less is always told"
