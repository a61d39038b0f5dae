"""The planner of a daemon: settings and database become a process that answers with plans."""

from __future__ import annotations

import logging
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ems.assembly.plan_wire import Question, Setup, WireError, decoded
from ems.assembly.sources import PriceFolder, Sources
from ems.domain.energy.price_push import Pushed
from ems.domain.plan import Plan
from ems.planning.outlook import Outlook
from ems.runtime.child_process import ChildError, ChildProcess
from ems.runtime.patience import Patience
from ems.settings.build import SiteSettings

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-P", "-m", "ems.assembly.planner_worker")
"""Not from the folder that we happen to be in."""

PATIENCE = Patience()

PRICES = "prices"
"""The folder beside site.yaml with the files of price series."""


class ChildPlanning:
    """Implements `runtime.replan.Planning` with a child process. `pushed` tells prices that were, from any thread."""

    def __init__(
        self,
        setup: Setup,
        process: ChildProcess,
        patience: Patience = PATIENCE,
        pushed: Callable[[], Pushed] = dict,
    ) -> None:
        self._setup, self._process, self._patience, self._pushed = setup, process, patience, pushed
        self._pickled: tuple[Setup, bytes] | None = None
        self._number = 0
        self._prices = PriceFolder(setup.sources.prices)
        self._seen = self._prices.state(), pushed()

    def plan(self, outlook: Outlook) -> Plan:
        """Ask the child, with as much patience as earlier attempts have taught. Raises ChildError."""
        before, began, first = self._patience, time.monotonic(), self._process.pid
        try:
            plan = self._answered(outlook)
        except ChildError:
            self._patience = before.after_failure(time.monotonic() - began)
            if self._patience != before:
                log.info("plan.patience limit_s=%.0f before_s=%.0f", self._patience.limit_s, before.limit_s)
            raise
        is_first = self._process.pid != first
        self._patience = before.after_plan(time.monotonic() - began, is_first=is_first)
        return plan

    def _answered(self, outlook: Outlook) -> Plan:
        setup, patience = self._setup, self._patience
        if self._pickled is None or self._pickled[0] is not setup:
            self._process.end()
            self._pickled = (setup, pickle.dumps(setup))
        self._number += 1
        question = pickle.dumps(Question(self._number, patience.limit_s, outlook, self._pushed()))
        payload = self._process.ask(self._pickled[1], question, patience.whole_s)
        try:
            answer = decoded(payload, setup.revision, self._number)
        except WireError as wrong:
            self._process.end()
            raise ChildError(f"the planner answered what is no plan: {wrong}") from None
        if answer.plan is None:
            raise ChildError(answer.trouble or "the planner has no plan and does not say why")
        return answer.plan

    @property
    def limit_s(self) -> float:
        """What the next plan may take, the start of a process not counted."""
        return self._patience.limit_s

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
