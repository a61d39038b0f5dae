"""Looks back at finished days, in a process of its own, and remembers what is said of them."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from ems.adapters.store.database import WRITE_ERRORS
from ems.adapters.store.regrets import RegretStore
from ems.adapters.store.store import Store
from ems.adapters.store.writer import QueueFullError
from ems.assembly.plan_wire import DayQuestion, Setup
from ems.assembly.planning import COMMAND, ChildPlanning
from ems.domain.energy.price_push import Pushed
from ems.planning.day_verdict import DayVerdict
from ems.ports.controller import Clock
from ems.runtime.child_process import ChildError, ChildProcess

log = logging.getLogger(__name__)

DAYS_BACK = 3
"""A day of which nothing has been said is looked at for so long, after that not any more."""

ATTEMPTS = 2
"""A day that takes too long to be judged is given up."""

SHOWN_DAYS = 60
LIMIT_S = 240.0
FIRST_S, LOOK_S = 300.0, 900.0
"""A daemon that has just begun has more urgent things to do."""

AFTER = timedelta(minutes=30)
"""The last quarter hour of a day is aggregated by then."""


class SiteHindsight:
    """A `Service` and the `Hindsight` port: of each finished day it says something once, soon after midnight."""

    name = "hindsight"

    def __init__(
        self,
        setup: Callable[[], Setup],
        pushed: Callable[[], Pushed],
        store: RegretStore,
        clock: Clock,
        process: ChildProcess,
    ) -> None:
        self._setup, self._pushed, self._store, self._clock, self._process = setup, pushed, store, clock, process
        self._days: tuple[DayVerdict, ...] = ()
        self._failures: Counter[date] = Counter()

    @property
    def days(self) -> Sequence[DayVerdict]:
        """What is known, the newest day first."""
        return self._days

    async def run(self) -> None:
        """Look now and then whether a day is over."""
        try:
            await self._recall()
            await asyncio.sleep(FIRST_S)
            while True:
                await self.catch_up(self._clock.now().utc)
                await asyncio.sleep(LOOK_S)
        finally:
            self._process.kill()

    async def catch_up(self, now: datetime) -> None:
        """Look at the last days that are over and of which nothing has been said."""
        await self._recall()
        known = {verdict.day for verdict in self._days}
        for day in reversed(finished_days(now, self._setup())):
            if day not in known:
                await self._look_at(day)

    async def _recall(self) -> None:
        try:
            self._days = await self._store.newest(SHOWN_DAYS)
        except (TimeoutError, *WRITE_ERRORS) as failed:
            log.warning("regret.not-read cause=%r", str(failed))

    async def _look_at(self, day: date) -> None:
        try:
            verdict = await asyncio.to_thread(self._asked, day)
        except ChildError as failed:
            log.warning("regret.failed day=%s cause=%r", day, str(failed))
            self._failures[day] += 1
            if self._failures[day] < ATTEMPTS:
                return
            verdict = DayVerdict(day, trouble=f"it could not be found out: {failed}")
        try:
            await self._store.keep(verdict)
        except (TimeoutError, QueueFullError, *WRITE_ERRORS) as failed:
            log.warning("regret.not-stored day=%s cause=%r", day, str(failed))
        kept = sorted((*self._days, verdict), key=lambda one: one.day, reverse=True)
        self._days = tuple(kept[:SHOWN_DAYS])
        log.info("regret.told day=%s trouble=%r", day, verdict.trouble)

    def _asked(self, day: date) -> DayVerdict:
        """In a thread. The process ends with the answer: it holds a solver and the past."""
        question = pickle.dumps(DayQuestion(day, LIMIT_S, dict(self._pushed())))
        try:
            told = self._process.ask(pickle.dumps(self._setup()), question, LIMIT_S)
            verdict = DayVerdict.of_json(json.loads(told))
        except (ValueError, TypeError, KeyError, RecursionError) as wrong:
            raise ChildError(f"it answered what is no verdict: {wrong}") from None
        finally:
            self._process.end()
        if verdict.day != day:
            raise ChildError(f"it was asked about {day} and answered about {verdict.day}")
        return verdict


def hindsight_of(planning: ChildPlanning, pushed: Callable[[], Pushed], store: Store, clock: Clock) -> SiteHindsight:
    """What looks back for a daemon, with the facts that its plans are made from."""
    return SiteHindsight(lambda: planning.setup, pushed, store.regrets, clock, ChildProcess(COMMAND, "the planner"))


def finished_days(now: datetime, setup: Setup) -> tuple[date, ...]:
    """The last local days that are over, the newest first."""
    today = (now - AFTER).astimezone(setup.sources.site.zone).date()
    return tuple(today - timedelta(days=back) for back in range(1, DAYS_BACK + 1))
