"""What goes out by the calendar: each period of each export once, tried until it has arrived, and seen by everybody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, NotStoredError
from ems.ports.delivery import NotDeliveredError
from ems.ports.reports import Courier, ExportRun, ExportView, NoReportError, RunBook, RunState
from ems.statistics.export_plan import ExportPlan
from ems.statistics.period import Period

log = logging.getLogger(__name__)

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""After so many attempts it is tried again in so long; the last one is for all further ones."""

KEPT, LEAST_TRIES = timedelta(days=3), 6
"""What could not be delivered for so long is given up, but what was due while the controller did not run is tried as
often for some hours.
"""

MOST_BEHIND = 40
"""Of so many periods that were due meanwhile all go out: a month of days."""

MOST_REFUSED = 4
"""So often is it tried although the other side refuses: somebody may put it right meanwhile."""

ATTEMPT_S = 240.0
SHOWN = 10
MOST_ANSWER = 400


class Exporter:
    """Looks at the calendar each minute, and does what is due: one after another.

    An export that is new to the site begins with what is due next; after that no period is left out, also when the
    controller did not run at the time of several, the oldest first (of more than MOST_BEHIND the last). It is kept
    that something is about to go out before it does, and what came of it after that: what a power cut interrupts goes
    out again, under the same name.
    """

    def __init__(
        self, plans: Sequence[ExportPlan], zone: Callable[[], ZoneInfo], courier: Courier, book: RunBook, clock: Clock
    ) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._zone, self._courier, self._book, self._clock = zone, courier, book, clock
        self._runs: dict[tuple[str, str], ExportRun] = {}
        self._has_read = False
        self._turn = asyncio.Lock()

    def take_over(self, plans: Sequence[ExportPlan]) -> None:
        """These are the exports from now on. What is under way is finished; what waits of one that is gone stays."""
        self._plans = {plan.name: plan for plan in plans}

    def views(self) -> tuple[ExportView, ...]:
        """Every export as people see it."""
        now, zone = self._clock.now().utc, self._zone()
        found = []
        for plan in self._plans.values():
            runs = sorted((run for run in self._runs.values() if run.name == plan.name), key=lambda run: run.due)
            found.append(ExportView(plan, plan.next_due(now, zone), tuple(reversed(runs[-SHOWN:]))))
        return tuple(found)

    async def look(self, _due: datetime) -> None:
        """Do what is due."""
        if not self._plans:
            return
        async with self._turn:
            if not await self._recalled():
                return
            now = self._clock.now().utc
            for plan in tuple(self._plans.values()):
                await self._note_due(plan, now)
            for run in sorted(self._runs.values(), key=lambda run: run.due):
                if run.name in self._plans and run.state is RunState.WAITING and (run.next is None or run.next <= now):
                    await self._attempt(run)

    async def send_now(self, name: str, who: str) -> ExportRun:
        """Send what was due last, also if it went out already. Raises UnknownError, NoReportError."""
        async with self._turn:
            if not await self._recalled():
                raise NoReportError("it cannot be read what has gone out already")
            plan = self._plans.get(name)
            if plan is None:
                known = ", ".join(self._plans) or "none"
                raise UnknownError(f"there is no export {name[:40]!r}; the site file describes: {known}")
            now = self._clock.now().utc
            _, period = plan.due(now, self._zone())
            self._book.add_audit(now, who, "send export", {"export": name, "period": str(period)})
            run = ExportRun(name, str(period), now, who=who)
            return await self._attempt(run)

    async def _recalled(self) -> bool:
        """Whether it is known what went out before."""
        if not self._has_read:
            try:
                self._runs = {(run.name, run.period): run for run in await self._book.runs()}
            except NoReportError as failed:
                log.warning("export.not-read cause=%r", str(failed))
                return False
            self._has_read = True
        return True

    async def _note_due(self, plan: ExportPlan, now: datetime) -> None:
        runs = [run for run in self._runs.values() if run.name == plan.name]
        missed = self._missed(plan, now, runs)
        for due, period in reversed(missed if runs else missed[:1]):
            run = ExportRun(plan.name, str(period), due)
            if not runs:
                run = run._replace(state=RunState.SKIPPED, answer="it was due before the site file described it")
            await self._keep(run)

    def _missed(self, plan: ExportPlan, now: datetime, runs: Sequence[ExportRun]) -> list[tuple[datetime, Period]]:
        """What was due after all that went out by the calendar, and when; the last first."""
        zone = self._zone()
        covered = [run for run in runs if not run.who] or runs
        until = max((Period.named(run.period, zone).end for run in covered), default=datetime.min.replace(tzinfo=UTC))
        found: list[tuple[datetime, Period]] = []
        due, period = plan.due(now, zone)
        while period.end > until and len(found) < MOST_BEHIND:
            if (plan.name, str(period)) not in self._runs:
                found.append((due, period))
            due, period = plan.due(due - timedelta(seconds=1), zone)
        return found

    async def _attempt(self, run: ExportRun) -> ExportRun:
        """Try once. What is to go out is kept first, so that a power cut cannot lose it."""
        plan, period = self._plans[run.name], self._period_of(run)
        await self._keep(run._replace(state=RunState.WAITING))
        state, answer, is_final = RunState.DELIVERED, "", False
        try:
            async with asyncio.timeout(ATTEMPT_S):
                answer = await self._courier.bring(plan, period)
        except TimeoutError:
            state, answer = RunState.WAITING, f"it took longer than {ATTEMPT_S:g} s"
        except NotDeliveredError as failed:
            state, answer, is_final = RunState.WAITING, str(failed), failed.is_final
        except NoReportError as failed:
            state, answer = RunState.WAITING, str(failed)
        now, attempts = self._clock.now().utc, run.attempts + 1
        is_old = now - run.due > KEPT and attempts >= LEAST_TRIES
        if state is RunState.WAITING and (is_old or (is_final and attempts >= MOST_REFUSED)):
            state = RunState.GIVEN_UP
        pause = PAUSES[min(attempts, len(PAUSES)) - 1]
        after = run._replace(
            state=state,
            attempts=attempts,
            tried=now,
            next=now + pause if state is RunState.WAITING else None,
            answer=answer[:MOST_ANSWER],
        )
        await self._keep(after)
        log.info("export.%s name=%.64r period=%s answer=%r", state.name.lower(), run.name, run.period, answer[:200])
        return after

    async def _keep(self, run: ExportRun) -> None:
        self._runs[run.name, run.period] = run
        try:
            await self._book.keep_run(run)
        except NotStoredError as failed:
            log.warning("export.not-stored name=%.64r period=%s cause=%r", run.name, run.period, str(failed))

    def _period_of(self, run: ExportRun) -> Period:
        """The period that a run covers, whatever the site file says by now of when it is due."""
        return Period.named(run.period, self._zone())
