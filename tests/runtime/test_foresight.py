"""What would be planned if: a real plan under what is supposed, and no trace of it anywhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from ems.domain import events as e
from ems.domain.limit import Limit
from ems.domain.plan import Plan
from ems.domain.strategy import Strategy
from ems.planning.outlook import Outlook
from ems.ports.foresight import NoForesightError
from ems.runtime.child_process import ChildError
from ems.runtime.foresight import Foreseer
from tests.assembly.patience import eventually
from tests.builders import Scenario, circuit, evse, layout, site
from tests.runtime.inside import Inside

TIGHT = Limit("grid", "what-if", max_a=10.0)


def bare(strategy: Strategy = Strategy.FAST) -> Scenario:
    """Two outlets and nobody there."""
    at = layout([circuit("grid", 63)], [evse("A1", "grid"), evse("A2", "grid")])
    return site(at).tell(e.StrategyChosen(strategy)).after(5)


def with_car(strategy: Strategy = Strategy.FAST) -> Scenario:
    return bare(strategy).car("A1", need=40).after(5)


def foreseer(s: Scenario, planning: Inside) -> Foreseer:
    """One that has seen the last tick."""
    found = Foreseer(planning)
    found.look((), s.state, s.memory, s.last)
    return found


def asked(found: Foreseer, *limits: Limit) -> Plan:
    return asyncio.run(found.what_if(limits))


def test_it_plans_under_what_is_supposed_and_only_then() -> None:
    s, planning = with_car(), Inside(with_car().site)
    before = (s.state, s.memory)
    found = foreseer(s, planning)
    (free,), (tight,) = asked(found).charges, asked(found, TIGHT).charges
    assert free.amps[0] == pytest.approx(32.0)
    assert tight.amps[0] == pytest.approx(10.0)
    assert (s.state, s.memory) == before
    assert asked(found).charges == (free,)


def test_its_planner_holds_nothing_between_questions() -> None:
    s = with_car()
    planning = Inside(s.site)
    asked(foreseer(s, planning))
    assert planning.rested == 1


class Failing(Inside):
    def plan(self, outlook: Outlook) -> Plan:
        raise ChildError("the planner ended with SIGKILL")


class Confused(Inside):
    def plan(self, outlook: Outlook) -> Plan:
        return replace(super().plan(outlook), strategy=Strategy.SOLAR)


@pytest.mark.parametrize(
    ("situation", "kind", "words"),
    [
        (with_car, Failing, "ended with SIGKILL"),
        (with_car, Confused, "it is for the strategy solar"),
        (bare, Inside, "no vehicle is plugged in"),
        (lambda: with_car(Strategy.EQUAL), Inside, "the strategy equal makes no plans"),
    ],
)
def test_where_there_is_no_answer_it_says_why(
    situation: Callable[[], Scenario], kind: type[Inside], words: str
) -> None:
    s = situation()
    planning = kind(s.site)
    found = foreseer(s, planning)
    with pytest.raises(NoForesightError, match=words):
        asked(found)


def test_before_the_first_tick_nobody_knows() -> None:
    with pytest.raises(NoForesightError, match="nothing has been decided yet"):
        asked(Foreseer(Inside(bare().site)))


class Thoughtful(Inside):
    """Thinks until it is let go, or killed."""

    def __init__(self, s: Scenario) -> None:
        super().__init__(s.site)
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def plan(self, outlook: Outlook) -> Plan:
        self.is_asked.set()
        assert self.may_answer.wait(10.0)
        if self.killed:
            raise ChildError("the planner ended with SIGKILL")
        return super().plan(outlook)

    def kill(self) -> None:
        super().kill()
        self.may_answer.set()


def test_one_question_at_a_time_and_the_loop_goes_on_meanwhile() -> None:
    async def scenario() -> None:
        s = with_car()
        planning = Thoughtful(s)
        found = foreseer(s, planning)
        first = asyncio.create_task(found.what_if(()))
        await eventually(planning.is_asked.is_set, what="a question")
        with pytest.raises(NoForesightError, match="another what-if is being answered"):
            await found.what_if(())
        planning.may_answer.set()
        assert (await first).charges

    asyncio.run(scenario())


def test_when_the_daemon_ends_nobody_waits_for_an_answer() -> None:
    async def scenario() -> None:
        s = with_car()
        planning = Thoughtful(s)
        found = foreseer(s, planning)
        serving, asking = asyncio.create_task(found.run()), asyncio.create_task(found.what_if(()))
        await eventually(planning.is_asked.is_set, what="a question")
        serving.cancel()
        with pytest.raises(NoForesightError, match="SIGKILL"):
            await asking
        assert planning.killed == 1

    asyncio.run(scenario())
