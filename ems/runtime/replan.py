"""Keeps the plan young: asks for one when it is due, and lets only what fits this site through.

A plan is asked for in a thread, of a process; the loop only gathers the facts. So nothing here can delay a tick or
touch a setpoint: a plan enters the state as a `PlanMade` event, and where none comes for long that is an alarm in
words, while the last one grows old by itself and least laxity serves.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ems.control.incidence import Floats
from ems.control.memory import Memory
from ems.domain.decision import Decision
from ems.domain.events import Event, PlanMade
from ems.domain.plan import Plan
from ems.domain.site import Site
from ems.domain.state import NEVER, SiteState
from ems.planning.imports import NOTHING_IMPORTED, import_w
from ems.planning.occasion import is_wanted, newly_steered, news, strays
from ems.planning.outlook import Outlook, outlook_of
from ems.ports.controller import Clock, Sink
from ems.runtime.agenda import PACE, Agenda, Pace
from ems.runtime.child_process import ChildError

log = logging.getLogger(__name__)

SLACK_A, SLACK_W = 0.01, 1.0
MOST_CHARGES = 20
"""Charges in a plan, vehicles that may still come included, per EVSE of the site."""

T = TypeVar("T")


class Planning(Protocol):
    """What makes plans. It is slow, may fail, and is used by one thread, except where it says otherwise."""

    def plan(self, outlook: Outlook) -> Plan:
        """The plan for what is known. Blocks for a bounded time; raises ChildError."""
        ...

    def rest(self) -> None:
        """Nobody will ask for a while: hold no memory. Blocks for a bounded time."""
        ...

    def kill(self) -> None:
        """Give up what is under way. From any thread; does not block."""
        ...

    def has_news(self) -> bool:
        """Whether something that plans are made from, beside the outlook, has changed since this was last asked, as
        prices do. From any thread; blocks as long as the disk does.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the last tick knew."""

    state: SiteState
    appetite_a: Floats
    decision: Decision


class Replanner:
    """A `Service`; `look` is an output of every tick."""

    name = "planner"

    def __init__(self, planning: Planning, clock: Clock, sink: Sink, pace: Pace = PACE) -> None:
        self._planning, self._clock, self._sink = planning, clock, sink
        self._agenda = Agenda(pace)
        self._facts: _Facts | None = None
        self._taken_wh: Mapping[str, float] = {}
        self._imports = NOTHING_IMPORTED
        self._looked = self._rests_since = NEVER
        self._revision = 0
        self._woken = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "planner")

    def look(self, _events: Sequence[Event], state: SiteState, memory: Memory, decision: Decision) -> None:
        """Take a tick; costs next to nothing where nothing happened. A fault here is no fault of the tick."""
        before, self._facts = self._facts, _Facts(state, memory.setpoints.appetite_a, decision)
        try:
            self._imports = self._imports.later(decision.at.utc.timestamp(), import_w(state, decision.at))
            word = "start" if before is None else self._news(before, state, decision)
        except Exception:
            log.exception("plan.look-failed")
            return
        if word:
            self._happened(word)

    def site_changed(self) -> None:
        """The site was read again: what is under way is of the past."""
        self._revision += 1
        self._planning.kill()
        self._happened("site")

    async def run(self) -> None:
        """Plan whenever it is due, until cancelled."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                await self._until_due()
                await self._renew()
        finally:
            watching.cancel()
            self._planning.kill()
            await self._apart(self._planning.rest)

    def _news(self, before: _Facts, state: SiteState, decision: Decision) -> str:
        word = news(before.state, state)
        if not word and newly_steered(before.decision, decision, state):
            word = "control"
        now, pace = decision.at.monotonic_s, self._agenda.pace
        if word or state.plan is None or now - self._looked < pace.look_s or now - self._agenda.asked < pace.stray_s:
            return word
        self._looked = now
        return strays(state.plan, self._taken_wh, state, decision)

    def _happened(self, word: str) -> None:
        self._agenda = self._agenda.happened(word, self._clock.now().monotonic_s)
        self._woken.set()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._agenda.pace.look_s)
            if await asyncio.to_thread(self._planning.has_news):
                self._happened("prices")

    async def _until_due(self) -> None:
        """Wait until a plan is due and wanted; on the way, who makes them may rest."""
        while True:
            now = self._clock.now()
            wanted = self._facts is not None and is_wanted(self._facts.state)
            due = self._agenda.due(now) if wanted else math.inf
            if due <= now.monotonic_s:
                return
            asked = self._agenda.asked
            rests = math.inf if self._rests_since == asked else asked + self._agenda.pace.idle_s
            if rests <= now.monotonic_s:
                self._rests_since = asked
                await self._apart(self._planning.rest)
                continue
            # The wall clock may be set while we wait.
            until = min(due, rests, now.monotonic_s + self._agenda.pace.look_s)
            self._woken.clear()
            await _woken_or(self._woken, until - now.monotonic_s)

    async def _renew(self) -> None:
        facts, revision, why = self._facts, self._revision, self._agenda.why or "time"
        assert facts is not None
        began = self._clock.now().monotonic_s
        self._agenda = self._agenda.begun(began)
        outlook = outlook_of(facts.state, facts.decision, facts.appetite_a.tolist(), self._imports)
        if not outlook.stays and outlook.stored_wh is None:
            return
        try:
            plan = await self._apart(lambda: _fitting(self._planning, outlook, facts.state.site))
        except ChildError as failed:
            if revision == self._revision:
                self._failed(str(failed), facts.decision.at.monotonic_s)
            return
        if revision != self._revision:
            return
        took = self._clock.now().monotonic_s - began
        log.info("plan.made because=%r vehicles=%d seconds=%.1f", why, len(outlook.stays), took)
        self._agenda = self._agenda.succeeded()
        self._taken_wh = {stay.session: stay.taken_wh for stay in outlook.stays}
        self._sink(PlanMade(facts.decision.at.monotonic_s, plan))

    def _failed(self, cause: str, at: float) -> None:
        self._agenda = self._agenda.failed(self._clock.now().monotonic_s)
        log.warning("plan.failed times=%d cause=%r", self._agenda.failures, cause)
        if self._agenda.is_trouble:
            self._sink(PlanMade(at, None, cause))

    async def _apart(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _fitting(planning: Planning, outlook: Outlook, site: Site) -> Plan:
    """A plan that is one for this outlook. Raises ChildError; who made another one is not asked again."""
    plan = planning.plan(outlook)
    unfit = why_unfit(plan, outlook, site)
    if unfit:
        planning.rest()
        raise ChildError(f"the planner answered what is no plan for this site: {unfit}")
    return plan


def why_unfit(plan: Plan, outlook: Outlook, site: Site) -> str:
    """Why a plan cannot be one for this outlook; empty when it can. That its numbers are numbers a plan sees to."""
    if plan.strategy is not outlook.strategy:
        return f"it is for the strategy {plan.strategy}"
    if plan.made != outlook.now or plan.step_at(outlook.now) is None:
        return "it is for another time"
    if len(plan.charges) > MOST_CHARGES * len(site.evses):
        return f"it has {len(plan.charges)} charges"
    evse_of = {stay.session: stay.evse_id for stay in outlook.stays}
    for charge in plan.charges:
        index = site.evse_index(charge.evse)
        if index is None or (not charge.expected and evse_of.get(charge.session) != charge.evse):
            return f"nobody is plugged in as {charge.session} at {charge.evse}"
        # What is expected stands for several vehicles that may come.
        if not charge.expected and max(charge.amps) > site.evses[index].max_a + SLACK_A:
            return f"{charge.evse} is to have {max(charge.amps):g} A"
    return _unfit_battery(plan, site)


def _unfit_battery(plan: Plan, site: Site) -> str:
    battery = None if site.steered_battery is None else site.batteries[site.steered_battery]
    if battery is None:
        return "it has a battery, and the site has none that is steered" if any(plan.battery_w) else ""
    most, least = max(plan.battery_w, default=0.0), min(plan.battery_w, default=0.0)
    if most > battery.charge_w + SLACK_W or least < -battery.discharge_w - SLACK_W:
        return f"battery {battery.id} is to take {most:g} W, and to give {-least:g} W"
    return ""


async def _woken_or(woken: asyncio.Event, patience_s: float) -> None:
    try:
        async with asyncio.timeout(max(0.0, patience_s)):
            await woken.wait()
    except TimeoutError:
        return
