"""A service that runs calendar jobs and survives clocks that jump."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger

from ems.ports.controller import Clock

log = logging.getLogger(__name__)

LOOK_S = 30.0
JUMP_S = 60.0
SANE_AFTER = datetime(2025, 1, 1, tzinfo=UTC)
"""A wall clock before this was never set; calendar work waits for it."""

JOB_S = 600.0


@dataclass(frozen=True, slots=True)
class Job:
    """`work` is called with the time it was due (UTC); `cron` is minute, hour, day, month, weekday in UTC."""

    name: str
    cron: str
    work: Callable[[datetime], Awaitable[None]]


class Calendar:
    """Runs jobs at their times: one at a time of each, and each time once, unless the clock was set back over it.

    Times that a clock was set forward over, or that came while the job was still at work, are skipped.
    """

    name = "calendar"

    def __init__(self, jobs: Sequence[Job], clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled; start anew when the wall clock has been set, after the jobs that are at work."""
        while True:
            await self._until_sane()
            async with asyncio.TaskGroup() as work:
                scheduler = AsyncIOScheduler(timezone=UTC)
                scheduler.start()
                try:
                    for job in self._jobs:
                        self._arm(scheduler, work, job, self._clock.now().utc)
                    await self._until_jump()
                finally:
                    scheduler.shutdown(wait=False)
            log.warning("calendar.clock-jump restarting jobs")

    def _arm(self, scheduler: AsyncIOScheduler, work: asyncio.TaskGroup, job: Job, after: datetime) -> None:
        due = next_time(job.cron, after)
        if due is None:
            return

        async def begin() -> None:
            work.create_task(self._work(scheduler, work, job, due), name=f"calendar {job.name}")

        scheduler.add_job(
            begin, DateTrigger(due), id=job.name, name=job.name, replace_existing=True, misfire_grace_time=None
        )

    async def _work(self, scheduler: AsyncIOScheduler, work: asyncio.TaskGroup, job: Job, due: datetime) -> None:
        try:
            async with asyncio.timeout(JOB_S):
                await job.work(due)
        except Exception:
            log.exception("calendar.job-failed name=%s due=%s", job.name, due)
        if scheduler.running:
            self._arm(scheduler, work, job, max(due, self._clock.now().utc))

    async def _until_sane(self) -> None:
        while self._clock.now().utc < SANE_AFTER:  # noqa: ASYNC110 - a clock does not notify anybody
            await asyncio.sleep(LOOK_S)

    async def _until_jump(self) -> None:
        before = self._offset()
        while abs((after := self._offset()) - before) < JUMP_S:
            before = after
            await asyncio.sleep(LOOK_S)

    def _offset(self) -> float:
        now = self._clock.now()
        return now.utc.timestamp() - now.monotonic_s


def next_time(cron: str, after: datetime) -> datetime | None:
    """The first time after `after` that a crontab line names, in UTC; UTC has no doubled or missing hours."""
    trigger = CronTrigger.from_crontab(cron, timezone=UTC)
    due = trigger.get_next_fire_time(None, after + timedelta(microseconds=1))
    return due if isinstance(due, datetime) else None
