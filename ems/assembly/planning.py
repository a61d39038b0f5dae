"""The planner of a daemon: settings and database become a process that answers with plans."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path

from ems.assembly.plan_wire import Question, Setup, WireError, decoded
from ems.assembly.sources import PriceFolder, Sources
from ems.domain.energy.price_push import Pushed
from ems.domain.plan import Plan
from ems.planning.outlook import Outlook
from ems.runtime.child_process import ChildError, ChildProcess
from ems.settings.build import SiteSettings

COMMAND = (sys.executable, "-P", "-m", "ems.assembly.planner_worker")
"""Not from the folder that we happen to be in."""

LIMIT_S = 30.0
START_S = 15.0
"""What an interpreter may take to start on a small machine, beside the plan."""

PRICES = "prices"
"""The folder beside site.yaml with the files of price series."""


class ChildPlanning:
    """Implements `runtime.replan.Planning` with a child process. `pushed` tells prices that were, from any thread."""

    def __init__(
        self,
        setup: Setup,
        process: ChildProcess,
        limit_s: float = LIMIT_S,
        pushed: Callable[[], Pushed] = dict,
    ) -> None:
        self._setup, self._process, self._limit_s, self._pushed = setup, process, limit_s, pushed
        self._pickled: tuple[Setup, bytes] | None = None
        self._number = 0
        self._prices = PriceFolder(setup.sources.prices)
        self._seen = self._prices.state(), pushed()

    def plan(self, outlook: Outlook) -> Plan:
        """Ask the child. Raises ChildError."""
        setup = self._setup
        if self._pickled is None or self._pickled[0] is not setup:
            self._process.end()
            self._pickled = (setup, pickle.dumps(setup))
        self._number += 1
        question = pickle.dumps(Question(self._number, self._limit_s, outlook, self._pushed()))
        payload = self._process.ask(self._pickled[1], question, self._limit_s + START_S)
        try:
            answer = decoded(payload, setup.revision, self._number)
        except WireError as wrong:
            self._process.end()
            raise ChildError(f"the planner answered what is no plan: {wrong}") from None
        if answer.plan is None:
            raise ChildError(answer.trouble or "the planner has no plan and does not say why")
        return answer.plan

    @property
    def setup(self) -> Setup:
        """What plans are made from now."""
        return self._setup

    @property
    def pid(self) -> int | None:
        """The number of the child; None while there is none."""
        return self._process.pid

    def rest(self) -> None:
        """End the child: it holds a solver and the past."""
        self._process.end()

    def kill(self) -> None:
        """End the child while another thread waits for it."""
        self._process.kill()

    def has_news(self) -> bool:
        """Whether a price file was written, changed or removed, or prices were pushed."""
        before, self._seen = self._seen, (self._prices.state(), self._pushed())
        return self._seen != before

    def take_over(self, setup: Setup) -> None:
        """Plan for another revision of the site from now on. From any thread."""
        self._setup = setup
        self._prices = PriceFolder(setup.sources.prices)


def planning_of(settings: SiteSettings, database: str | Path, pushed: Callable[[], Pushed] = dict) -> ChildPlanning:
    """What makes plans for a site; nothing is started before it is asked."""
    return ChildPlanning(setup_of(settings, database), ChildProcess(COMMAND, "the planner"), pushed=pushed)


def setup_of(settings: SiteSettings, database: str | Path) -> Setup:
    """What the process has to know of a site."""
    sources = Sources(settings.site, settings.tariff, settings.path.parent / PRICES, database)
    return Setup(settings.revision, sources)
