"""Row 18: the planner is slow, dead or talks nonsense. The last plan serves while it is young, then least laxity."""

from __future__ import annotations

from datetime import timedelta

from ems.domain.decision import Binding, Level
from ems.domain.events import PlanMade, StrategyChosen
from ems.domain.plan import Plan, PlannedCharge, Why
from ems.domain.strategy import Strategy
from tests.builders import Scenario, circuit, evse, layout, site

DEAD = "the planner ended with SIGKILL"


def shared(rating: float = 63) -> Scenario:
    """Two vehicles that charge; A2 has the less time to spare."""
    at = layout([circuit("grid", rating)], [evse("A1", "grid"), evse("A2", "grid")])
    s = site(at, plan_age_s=300.0).tell(StrategyChosen(Strategy.CHEAPEST))
    return s.car("A1", need=40, leaves="06:00").car("A2", need=20, leaves="20:00").after(400)


def plan(s: Scenario, **amps: float) -> Scenario:
    """The planner says so much for the next day."""
    edges = tuple(s.now.utc + timedelta(hours=k) for k in range(25))
    charges = []
    for name, a in amps.items():
        session = s.known(name).session
        assert session is not None
        charges.append(PlannedCharge(f"{name}/1", session.id, (a,) * 24, (Why(0, "it is cheap"),), 4e4, 4e4))
    return s.tell(PlanMade(s.now.monotonic_s, Plan(s.now.utc, s.state.strategy, edges, tuple(charges), caps=True)))


def dies(s: Scenario) -> Scenario:
    """It failed so often that people are told."""
    return s.tell(PlanMade(s.now.monotonic_s, None, DEAD))


def test_the_last_plan_serves_on_and_people_are_told() -> None:
    s = plan(shared(), A1=16, A2=10).after(60).expect(A1=16, A2=10)
    dies(s).after(200).expect(A1=16, A2=10, binding=Binding.PLANNED, level=Level.NORMAL, alarm="planner")
    alarm = s.alarm("planner")
    assert alarm is not None
    assert alarm.text == f"no plan can be made: {DEAD}"


def test_then_least_laxity_serves_and_at_no_second_does_anybody_lose_what_there_is_room_for() -> None:
    s = dies(plan(shared(), A1=16, A2=10).after(60))
    least = []
    for _ in range(int(s.site.policy.plan_age_s) + 60):
        s.after(1)
        least.append((s.setpoint("A1").amps, s.setpoint("A2").amps))
    assert min(a for a, _ in least) == 16.0
    assert min(a for _, a in least) == 10.0
    s.expect(A1=(31, 32), A2=(31, 32))


def test_where_there_is_not_enough_for_all_who_has_the_less_time_to_spare_goes_first() -> None:
    s = dies(plan(shared(rating=40), A1=32, A2=8).after(60).expect(A1=32, A2=8))
    s.after(int(s.site.policy.plan_age_s) + 60).expect(A1=8, A2=32)


def test_who_comes_meanwhile_is_served() -> None:
    s = dies(plan(shared(), A1=16).after(60)).unplug("A2").after(5).car("A2", need=10).after(60)
    assert s.setpoint("A2").amps >= 6.0


def test_a_pause_that_was_planned_ends_when_nobody_renews_it() -> None:
    s = dies(plan(shared(), A1=0, A2=10).after(60).expect(A1=0))
    s.after(int(s.site.policy.plan_age_s) + 60).expect(A1=(31, 32))


def test_a_planner_that_is_back_takes_over_again() -> None:
    s = dies(plan(shared(), A1=16, A2=10).after(400)).after(1)
    plan(s, A1=12, A2=20).after(60).expect(A1=12, A2=20)
    assert s.alarm("planner") is None


def test_nobody_is_told_where_no_plan_is_needed() -> None:
    s = dies(plan(shared(), A1=16, A2=10).after(1)).tell(StrategyChosen(Strategy.EQUAL)).after(60)
    assert s.alarm("planner") is None
    s.expect(A1=(31, 32), A2=(31, 32))
