"""Keeping the plan young: what comes through is a plan for this site, and what does not come disturbs nobody."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from ems.domain import events as e
from ems.domain.instant import Instant
from ems.domain.plan import Plan, PlannedCharge
from ems.domain.strategy import Strategy
from ems.planning.outlook import Outlook, outlook_of
from ems.runtime.agenda import Pace
from ems.runtime.child_process import ChildError
from ems.runtime.clock import SystemClock
from ems.runtime.replan import Replanner, why_unfit
from tests.assembly.patience import eventually
from tests.builders import Scenario, circuit, evse, layout, site

QUICK = Pace(settle_s=0.02, least_s=0.04, look_s=0.02, idle_s=0.1)


def pair() -> Scenario:
    """Two outlets, a vehicle at A1, a strategy that plans."""
    at = layout([circuit("grid", 63)], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at).tell(e.StrategyChosen(Strategy.CHEAPEST)).car("A1", need=40).after(5)


def outlook(s: Scenario) -> Outlook:
    return outlook_of(s.state, s.last, s.memory.setpoints.appetite_a.tolist())


def plan_for(known: Outlook) -> Plan:
    """16 A for everybody who is there."""
    edges = tuple(known.now + timedelta(seconds=300 * k) for k in range(13))
    charges = tuple(PlannedCharge(stay.evse_id, stay.session, (16.0,) * 12, (), 4e4, 4e4) for stay in known.stays)
    return Plan(known.now, known.strategy, edges, charges, caps=True)


CHANGES: list[tuple[str, Callable[[Plan], Plan], str]] = [
    ("as it should be", lambda plan: plan, ""),
    ("another strategy", lambda plan: replace(plan, strategy=Strategy.SOLAR), "it is for the strategy solar"),
    ("made before", lambda plan: replace(plan, made=plan.made - timedelta(seconds=300)), "it is for another time"),
    (
        "begins later",
        lambda plan: replace(plan, edges=tuple(x + timedelta(hours=1) for x in plan.edges)),
        "another time",
    ),
    (
        "another session",
        lambda plan: charged(plan, session="A1/1@20200101T000000Z"),
        "nobody is plugged in as A1/1@2020",
    ),
    ("another outlet", lambda plan: charged(plan, evse="A2/1"), "nobody is plugged in as"),
    ("an outlet that is not there", lambda plan: charged(plan, evse="B7/1", expected=True), "nobody is plugged in as"),
    ("more than an outlet has", lambda plan: charged(plan, amps=(320.0,) * 12), "A1/1 is to have 320 A"),
    ("a flood", lambda plan: replace(plan, charges=plan.charges * 41), "it has 41 charges"),
]


def charged(plan: Plan, **other: object) -> Plan:
    return replace(plan, charges=(plan.charges[0]._replace(**other),))  # type: ignore[arg-type]  # rows of a table


@pytest.mark.parametrize(("what", "change", "said"), CHANGES, ids=[row[0] for row in CHANGES])
def test_a_plan_must_be_one_for_this_site_and_this_moment(what: str, change: Callable[[Plan], Plan], said: str) -> None:
    s = pair()
    found = why_unfit(change(plan_for(outlook(s))), outlook(s), s.site)
    assert (said in found) if said else not found, what


class Scripted:
    """A `Planning` that plans, fails or thinks as the script says, one word per question; at its end it plans."""

    def __init__(self, *script: str) -> None:
        self.script: Iterator[str] = iter(script)
        self.asked: list[Outlook] = []
        self.rests = self.kills = 0
        self.news = False
        self.goes_on = threading.Event()

    def plan(self, known: Outlook) -> Plan:
        self.asked.append(known)
        match next(self.script, "plans"):
            case "fails":
                raise ChildError("out of ideas")
            case "lies":
                return replace(plan_for(known), strategy=Strategy.SOLAR)
            case "thinks":
                self.goes_on.wait(10.0)
                if self.kills:
                    raise ChildError("killed")
        return plan_for(known)

    def rest(self) -> None:
        self.rests += 1

    def kill(self) -> None:
        self.kills += 1
        self.goes_on.set()

    def has_news(self) -> bool:
        was, self.news = self.news, False
        return was


class Run:
    """A replanner at work on a site that is looked at in real time."""

    def __init__(self, s: Scenario, *script: str, pace: Pace = QUICK) -> None:
        self.s, self.planning = s, Scripted(*script)
        self.made: list[e.PlanMade] = []
        self.replanner = Replanner(self.planning, SystemClock(), self._take, pace)

    def _take(self, event: e.Event) -> None:
        assert isinstance(event, e.PlanMade)
        self.made.append(event)
        self.s.tell(event)

    def tick(self) -> None:
        """A second passes on the site; its clock is that of the machine."""
        now: Instant = SystemClock().now()
        self.s.now = Instant(now.monotonic_s - 1.0, now.utc - timedelta(seconds=1))
        self.s.after(1)
        self.replanner.look((), self.s.state, self.s.memory, self.s.last)

    async def until(self, true: Callable[[], bool]) -> None:
        """Work until something is true."""
        work = asyncio.create_task(self.replanner.run())
        try:
            await eventually(lambda: true() or work.done())
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def run(s: Scenario, *script: str, pace: Pace = QUICK) -> Run:
    made = Run(s, *script, pace=pace)
    made.tick()
    return made


def test_a_plan_is_made_as_soon_as_it_is_wanted_and_becomes_part_of_the_state() -> None:
    async def scenario() -> None:
        at = run(pair())
        await at.until(lambda: bool(at.made))
        (made,) = at.made
        assert made.plan == at.s.state.plan
        assert made.at == at.s.last.at.monotonic_s, "the time of what it knew"
        assert at.planning.kills == 1, "at the end nothing goes on"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("what", "happens"),
    [
        ("nobody is there", lambda s: s.unplug("A1")),
        ("the strategy needs none", lambda s: s.tell(e.StrategyChosen(Strategy.EQUAL))),
        ("the vehicle is not under control", lambda s: s.drop("A1").after(1)),
    ],
)
def test_no_plan_is_asked_for_in_vain(what: str, happens: Callable[[Scenario], Scenario]) -> None:
    async def scenario() -> None:
        at = run(happens(pair()))
        began = time.monotonic()
        await at.until(lambda: time.monotonic() - began > 0.3)
        assert at.planning.asked == [], what

    asyncio.run(scenario())


def test_what_happens_meanwhile_leads_to_the_next_plan() -> None:
    async def scenario() -> None:
        at = run(pair(), "thinks")
        work = asyncio.create_task(at.until(lambda: len(at.made) == 2))
        await eventually(lambda: at.planning.asked)
        at.s.car("A2", need=20)
        at.tick()
        at.planning.goes_on.set()
        await work
        assert [len(known.stays) for known in at.planning.asked] == [1, 2]

    asyncio.run(scenario())


def test_new_prices_lead_to_a_plan_too() -> None:
    async def scenario() -> None:
        at = run(pair())
        await at.until(lambda: bool(at.made))
        at.planning.news = True
        await at.until(lambda: len(at.made) == 2)

    asyncio.run(scenario())


def test_who_makes_plans_rests_when_nobody_asks() -> None:
    async def scenario() -> None:
        at = run(pair())
        await at.until(lambda: at.planning.rests == 1)
        assert len(at.made) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", ["fails", "lies"])
def test_a_fault_is_tried_again_told_when_it_lasts_and_over_with_the_next_plan(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ems.runtime.agenda.BACK_OFF_S", (0.02, 0.03))

    async def scenario() -> None:
        at = run(pair(), *[fault] * 4)
        await at.until(lambda: any(made.plan for made in at.made))
        assert [made.plan is None for made in at.made] == [True, True, False], "two faults are nobody's business"
        assert at.s.state.plan_trouble == ""
        assert ("out of ideas" if fault == "fails" else "it is for the strategy solar") in at.made[0].reason

    asyncio.run(scenario())


def test_a_site_that_was_read_again_gets_no_plan_of_the_old_one() -> None:
    async def scenario() -> None:
        at = run(pair(), "thinks")
        work = asyncio.create_task(at.until(lambda: bool(at.made)))
        await eventually(lambda: at.planning.asked)
        at.replanner.site_changed()
        at.planning.kills = 0
        await work
        assert len(at.planning.asked) == 2
        assert [made.plan is not None for made in at.made] == [True]

    asyncio.run(scenario())
