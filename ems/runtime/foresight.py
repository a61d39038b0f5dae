"""Answers what would be planned if: by a planner of its own, so that no question delays a plan that steers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

from ems.control.memory import Memory
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.limit import Limit
from ems.domain.plan import Plan
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.strategy import PLANNED
from ems.planning.outlook import Outlook, outlook_of
from ems.ports.foresight import NoForesightError
from ems.runtime.child_process import ChildError
from ems.runtime.replan import Planning, why_unfit


class _Facts(NamedTuple):
    """What the last tick knew."""

    state: SiteState
    memory: Memory
    decision: Decision


class Foreseer:
    """A `Service` and the `Foresight` port; `look` is an output of every tick. Nothing it finds enters the state."""

    name = "foresight"

    def __init__(self, planning: Planning) -> None:
        self._planning = planning
        self._facts: _Facts | None = None
        self._is_asked = False
        self._thread = ThreadPoolExecutor(1, "foresight")

    def look(self, _events: Sequence[Event], state: SiteState, memory: Memory, decision: Decision) -> None:
        """Take a tick."""
        self._facts = _Facts(state, memory, decision)

    async def what_if(self, limits: Sequence[Limit]) -> Plan:
        """The plan as it would be under these limits besides those in force. Raises NoForesightError."""
        outlook, site = self._outlook(limits)
        if self._is_asked:
            raise NoForesightError("another what-if is being answered; ask again in a moment")
        self._is_asked = True
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, outlook, site)
        except ChildError as failed:
            raise NoForesightError(str(failed)) from None
        finally:
            self._is_asked = False

    async def run(self) -> None:
        """End what is under way when the daemon ends."""
        try:
            await asyncio.Event().wait()
        finally:
            self._planning.kill()

    def _outlook(self, limits: Sequence[Limit]) -> tuple[Outlook, Site]:
        facts = self._facts
        if facts is None:
            raise NoForesightError("nothing has been decided yet; ask again in a moment")
        state = facts.state
        if state.strategy not in PLANNED:
            raise NoForesightError(f"the strategy {state.strategy} makes no plans; choose one that does")
        outlook = outlook_of(state, facts.decision, facts.memory.setpoints.appetite_a.tolist())
        if not outlook.stays:
            raise NoForesightError("no vehicle is plugged in")
        return replace(outlook, limits=(*outlook.limits, *limits)), state.site

    def _answer(self, outlook: Outlook, site: Site) -> Plan:
        """In a thread. The process ends with the answer: questions are rare, and it holds a solver and the past."""
        try:
            plan = self._planning.plan(outlook)
        finally:
            self._planning.rest()
        unfit = why_unfit(plan, outlook, site)
        if unfit:
            raise ChildError(f"the planner answered what is no plan for this site: {unfit}")
        return plan
