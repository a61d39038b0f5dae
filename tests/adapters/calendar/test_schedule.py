"""Calendar jobs on a wall clock that is set forth and back: real APScheduler, virtual time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.calendar.schedule import JOB_S, JUMP_S, LOOK_S, SANE_AFTER, Calendar, Job, next_time
from ems.domain.instant import Instant
from tests.adapters.ocpp.central import in_virtual_time

QUARTER = "*/15 * * * *"
NOON = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


class Wall:
    """The clocks of a machine: the monotonic one is the loop's, the other can be set."""

    def __init__(self, born: datetime) -> None:
        self._offset = born

    def now(self) -> Instant:
        return Instant(self._s(), self._offset + timedelta(seconds=self._s()))

    def step(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self._offset += timedelta(seconds=seconds)

    @staticmethod
    def _s() -> float:
        return asyncio.get_running_loop().time()


@dataclass
class Diary:
    """What the jobs of a test did; a job takes `takes_s`."""

    wall: Wall
    takes_s: float = 0.0
    began: list[tuple[datetime, datetime]] = field(default_factory=list)
    at_work: int = 0
    most_at_work: int = 0
    ended: int = 0
    broken: bool = False

    @property
    def due(self) -> list[datetime]:
        """For which times it ran."""
        return [due for due, _ in self.began]

    async def work(self, due: datetime) -> None:
        self.began.append((due, self.wall.now().utc))
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            await asyncio.sleep(self.takes_s)
        finally:
            self.at_work -= 1
            self.ended += 1
        if self.broken:
            raise RuntimeError("the disk is gone")


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], Wall]:
    """Makes the wall clock of this test; APScheduler reads the same one, as both read the machine's."""

    def make(born: datetime) -> Wall:
        clock = Wall(born)

        class Reads(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return cls.fromtimestamp(clock.now().utc.timestamp(), tz)

        monkeypatch.setattr("apscheduler.schedulers.base.datetime", Reads)
        return clock

    return make


@asynccontextmanager
async def at_work(clock: Wall, *jobs: Job) -> AsyncIterator[asyncio.Task[None]]:
    """A calendar that runs; ends it, and with it everything that it began."""
    running = asyncio.create_task(Calendar(jobs, clock).run())
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


MakeWall = Callable[[datetime], Wall]


def run(test: Callable[[], Coroutine[None, None, None]]) -> None:
    """In virtual time, and without freezing the real one: a calendar must not count its way through missed years."""
    began = time.perf_counter()
    in_virtual_time(test)
    assert time.perf_counter() - began < 3.0


def test_a_job_runs_once_at_each_of_its_times_and_hears_which(wall: MakeWall) -> None:
    clock = wall(NOON)
    diary = Diary(clock)

    async def scenario() -> None:
        async with at_work(clock, Job("aggregate", QUARTER, diary.work)):
            await asyncio.sleep(24 * 3600)

    run(scenario)
    assert diary.due == [NOON.replace(minute=15) + timedelta(minutes=15 * n) for n in range(96)]
    assert all(timedelta(0) <= at - due < timedelta(seconds=1) for due, at in diary.began)


@pytest.mark.parametrize(
    ("seconds", "first_again"),
    [
        (-10, "12:15"),
        (45, "12:15"),
        (-3600, "11:15"),
        (3600, "13:15"),
        (86400, "12:15"),
        (-86400, "12:15"),
        (366 * 86400, "12:15"),
        (3652 * 86400, "12:15"),
    ],
)
def test_a_clock_that_is_set_costs_at_most_what_was_jumped_over(seconds: int, first_again: str, wall: MakeWall) -> None:
    """No burst for the missed times, nothing late by more than a look, and after that everything as usual."""
    clock = wall(NOON)
    diary = Diary(clock)

    async def scenario() -> None:
        async with at_work(clock, Job("aggregate", QUARTER, diary.work)):
            await asyncio.sleep(100)
            clock.step(seconds)
            await asyncio.sleep(3600)

    run(scenario)
    assert f"{diary.due[0]:%H:%M}" == first_again
    assert len(diary.due) == 4
    assert len(set(diary.due)) == 4
    assert max(at - due for due, at in diary.began) < timedelta(seconds=max(LOOK_S, JUMP_S))


def test_a_time_that_comes_again_because_the_clock_was_set_back_is_worked_on_again(wall: MakeWall) -> None:
    """Jobs are keyed by the period they cover, so that doing one twice is harmless and leaving one out is not."""
    clock = wall(NOON)
    diary = Diary(clock)

    async def scenario() -> None:
        async with at_work(clock, Job("aggregate", QUARTER, diary.work)):
            await asyncio.sleep(20 * 60)
            clock.step(-30 * 60)
            await asyncio.sleep(40 * 60)

    run(scenario)
    assert [f"{due:%H:%M}" for due in diary.due] == ["12:15", "12:00", "12:15", "12:30"]


def test_nothing_runs_until_the_clock_has_been_set(wall: MakeWall) -> None:
    """A board without a battery begins in 1970; what was recorded then belongs to no period."""
    clock = wall(datetime(1970, 1, 1, tzinfo=UTC))
    diary = Diary(clock)

    async def scenario() -> None:
        async with at_work(clock, Job("aggregate", QUARTER, diary.work)):
            await asyncio.sleep(7200)
            assert diary.due == []
            clock.step((NOON - clock.now().utc).total_seconds())
            await asyncio.sleep(LOOK_S + 3600)

    assert NOON > SANE_AFTER
    run(scenario)
    assert [f"{due:%Y %H:%M}" for due in diary.due] == ["2026 12:15", "2026 12:30", "2026 12:45", "2026 13:00"]


@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 10, 25, tzinfo=BERLIN)])
def test_a_day_on_which_the_hour_changes_has_every_time_once(day: datetime, wall: MakeWall) -> None:
    """02:30 local is doubled in autumn and missing in spring; in UTC it is neither."""
    clock = wall(day.astimezone(UTC) - timedelta(minutes=1))
    quarters, daily = Diary(clock), Diary(clock)

    async def scenario() -> None:
        jobs = Job("aggregate", QUARTER, quarters.work), Job("report", "30 2 * * *", daily.work)
        async with at_work(clock, *jobs):
            await asyncio.sleep(24 * 3600)

    run(scenario)
    assert len(quarters.due) == len(set(quarters.due)) == 96
    assert len(daily.due) == 1


def test_a_job_that_fails_is_told_and_runs_again_at_its_next_time(
    wall: MakeWall, caplog: pytest.LogCaptureFixture
) -> None:
    clock = wall(NOON)
    broken, other = Diary(clock, broken=True), Diary(clock)

    async def scenario() -> None:
        async with at_work(clock, Job("purge", QUARTER, broken.work), Job("other", QUARTER, other.work)):
            await asyncio.sleep(3600)

    run(scenario)
    assert len(broken.due) == len(other.due) == 4
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert [text.split()[:2] for text in told] == [["calendar.job-failed", "name=purge"]] * 4


def test_a_job_that_never_ends_is_given_up(wall: MakeWall) -> None:
    clock = wall(NOON)
    stuck = Diary(clock, takes_s=1e9)

    async def scenario() -> None:
        async with at_work(clock, Job("aggregate", QUARTER, stuck.work)):
            await asyncio.sleep(10 * 60 + JOB_S + 1)
            assert (stuck.at_work, stuck.ended) == (0, 1)
            await asyncio.sleep(15 * 60)

    run(scenario)
    assert len(stuck.due) == 2


def test_a_job_is_never_at_work_twice_and_delays_no_other(wall: MakeWall) -> None:
    clock = wall(NOON)
    slow, quick = Diary(clock, takes_s=JOB_S - 1), Diary(clock)

    async def scenario() -> None:
        async with at_work(clock, Job("slow", "*/5 * * * *", slow.work), Job("quick", QUARTER, quick.work)):
            await asyncio.sleep(3600)

    run(scenario)
    assert slow.most_at_work == 1
    assert [f"{due:%M}" for due in slow.due] == ["10", "20", "30", "40", "50", "00"], "every other time was skipped"
    assert len(quick.due) == 4


def test_a_clock_that_is_set_while_a_job_is_at_work_waits_for_it(wall: MakeWall) -> None:
    clock = wall(NOON)
    diary = Diary(clock, takes_s=300)

    async def scenario() -> None:
        async with at_work(clock, Job("aggregate", QUARTER, diary.work)):
            await asyncio.sleep(11 * 60)
            assert diary.at_work == 1
            clock.step(3600)
            await asyncio.sleep(3600)

    run(scenario)
    assert diary.most_at_work == 1
    assert [f"{due:%H:%M}" for due in diary.due] == ["12:15", "13:30", "13:45", "14:00", "14:15"]


def test_ending_ends_the_job_at_work_and_tells_no_error(wall: MakeWall, caplog: pytest.LogCaptureFixture) -> None:
    clock = wall(NOON)
    diary = Diary(clock, takes_s=300)

    async def scenario() -> None:
        async with at_work(clock, Job("aggregate", QUARTER, diary.work)):
            await asyncio.sleep(11 * 60)
            assert diary.at_work == 1
        assert (diary.at_work, diary.ended) == (0, 1)
        await asyncio.sleep(3600)

    run(scenario)
    assert len(diary.due) == 1, "nothing runs after the end"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@given(st.integers(1_735_000_000, 2_840_000_000))
def test_the_next_time_lies_ahead_and_is_the_first(second: int) -> None:
    after = datetime.fromtimestamp(second, UTC)
    due = next_time(QUARTER, after)
    assert due is not None
    assert after < due <= after + timedelta(minutes=15)
    assert (due.minute % 15, due.second, due.microsecond) == (0, 0, 0)


def test_a_time_that_never_comes_is_none() -> None:
    assert next_time("0 0 30 2 *", NOON) is None
