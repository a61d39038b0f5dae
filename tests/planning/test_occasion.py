"""What makes a plan out of date."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ems.domain import events as e
from ems.domain.plan import Plan, PlannedCharge
from ems.domain.session import Need, Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.domain.strategy import Strategy
from ems.planning.occasion import is_wanted, newly_steered, news, strays
from tests.builders import Scenario, circuit, evse, layout, site

STEP_S = 300


def pair(strategy: Strategy = Strategy.CHEAPEST) -> Scenario:
    """Two outlets behind a meter; a vehicle charges at A1."""
    at = layout([circuit("grid", 63, meter="main")], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at).meter("main", 2, 2, 2).car("A1", need=40).after(5).tell(e.StrategyChosen(strategy))


def told(s: Scenario, *events: e.Event) -> tuple[SiteState, SiteState]:
    """The state before and after events."""
    before = s.state
    return before, s.tell(*events).state


def test_what_a_plan_did_not_know_has_a_name() -> None:
    s = pair()
    need = Need(20_000.0, s.now.utc + timedelta(hours=2))
    assert news(*told(s, e.StatusChanged("A2/1", s.now, EvseStatus.PREPARING))) == "arrival"
    assert news(*told(s, e.NeedStated("A2/1", need))) == "need"
    assert news(*told(s, e.StatusChanged("A2/1", s.now, EvseStatus.AVAILABLE))) == "departure"
    before = s.state
    assert news(before, s.limit("grid", "DSO", a=20).state) == "limit"
    assert news(*told(s, e.LimitWithdrawn("grid", "DSO"))) == "limit"
    assert news(*told(s, e.StrategyChosen(Strategy.SOLAR))) == "strategy"
    assert news(s.state, replace(s.state, site=replace(s.site, name="other"))) == "site"


def test_what_happens_every_second_is_no_news() -> None:
    s = pair()
    before = s.state
    assert news(before, s.after(30).state) == ""
    assert before.evses is not s.state.evses
    assert news(*told(s, e.LimitWithdrawn("grid", "nobody"), e.PlanMade(s.now.monotonic_s, None, "late"))) == ""


def test_a_station_that_comes_under_control_is_news_where_a_vehicle_waits() -> None:
    s = pair()
    good = s.last
    lost = s.drop("A1").after(1).last
    assert newly_steered(good, lost, s.state)
    assert not newly_steered(lost, s.after(1).last, s.state)
    assert not newly_steered(lost, good, SiteState.initial(s.site)), "nobody is there"


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [(Strategy.CHEAPEST, True), (Strategy.FAST, True), (Strategy.EQUAL, False), (Strategy.LEAST_LAXITY, False)],
)
def test_a_plan_is_wanted_while_the_strategy_needs_it_and_somebody_is_there(strategy: Strategy, wanted: bool) -> None:
    s = pair(strategy)
    assert is_wanted(s.state) is wanted
    assert not is_wanted(s.unplug("A1").state)


def plan(s: Scenario, amps: float, base_w: float = 1380.0, caps: bool = True) -> tuple[Plan, dict[str, float]]:
    """A plan made now in steps of five minutes, and what vehicles have by now."""
    session = s.known("A1").session
    assert session is not None
    edges = tuple(s.now.utc + timedelta(seconds=STEP_S * k) for k in range(13))
    charge = PlannedCharge("A1/1", session.id, (amps,) * 12, (), 4e4, 4e4)
    made = Plan(s.now.utc, s.state.strategy, edges, (charge,), caps, (base_w,) * 12, (0.0,) * 12)
    return made, {session.id: session.delivered_wh}


def stray(s: Scenario, made: tuple[Plan, dict[str, float]]) -> str:
    return strays(*made, s.state, s.last)


def test_a_course_as_planned_does_not_stray() -> None:
    s = pair()
    made = plan(s, 32.0)
    assert stray(s.after(200), made) == ""
    assert stray(s.after(4000), made) == "", "its last step is over"


def test_a_vehicle_that_gets_other_than_planned_makes_the_course_stray_after_a_while() -> None:
    s = pair()
    little, some = plan(s, 6.0), plan(s, 6.0, caps=False)
    assert stray(s.after(20), little) == ""
    assert stray(s.after(200), little) == "course", "it gets 32 A"
    assert stray(s, some) == "", "more than planned is welcome where it costs nothing"
    s = pair()
    much = plan(s, 32.0, caps=False)
    assert stray(s.limit("A1/1", "operator", a=6).after(200), much) == "course"


def test_another_transaction_of_the_same_session_does_not_make_its_course_stray() -> None:
    s = pair().after(600)
    made = plan(s, 32.0)
    session = s.known("A1").session
    assert session is not None
    assert session.energy_wh > 1000.0
    s.tell(e.TransactionStarted("A1/1", s.now, Transaction(99, s.now.utc, session.energy_wh)))
    assert stray(s, made) == ""


def test_other_load_than_expected_makes_a_plan_stray_where_it_is_measured() -> None:
    s = pair()
    made = plan(s, 32.0)
    assert stray(s.meter("main", 6, 6, 6).after(10), made) == ""
    assert stray(s.meter("main", 12, 12, 12).after(10), made) == "other load"


def test_a_vehicle_that_does_not_draw_what_is_planned_for_it_is_told() -> None:
    s = pair()
    made, later = plan(s, 16.0), plan(s, 0.0)
    s.tell(e.StatusChanged("A1/1", s.now, EvseStatus.SUSPENDED_EV))
    assert stray(s, made) == "a vehicle that does not draw"
    assert stray(s, later) == "", "nothing is planned for it now"


def test_a_vehicle_that_had_stopped_drawing_and_begins_again_is_told() -> None:
    s = pair()
    made, taken_wh = plan(s, 16.0)
    without = replace(made, charges=())
    s.tell(e.MeterValues("A1/1", s.now.monotonic_s, (16.0, 16.0, 16.0), power_w=11_000.0))
    assert stray(s, (without, taken_wh)) == "a vehicle that draws again"
    s.tell(e.StatusChanged("A1/1", s.now, EvseStatus.SUSPENDED_EV))
    assert stray(s, (without, taken_wh)) == "", "it sleeps"
    s.tell(e.StatusChanged("A1/1", s.now, EvseStatus.CHARGING), e.NeedStated("A1/1", Need(0.0)))
    assert stray(s, (without, taken_wh)) == "", "it has what it asked for"
