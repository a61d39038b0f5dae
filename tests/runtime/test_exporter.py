"""Exports by the calendar in virtual time: once each period, in spite of power cuts, bad servers and clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from ems.domain.instant import Instant
from ems.domain.unknown import UnknownError
from ems.ports.controller import NotStoredError
from ems.ports.delivery import NotDeliveredError
from ems.ports.reports import ExportRun, NoReportError, RunState
from ems.runtime.exporter import MOST_BEHIND, Exporter
from ems.statistics.export_plan import Content, ExportPlan, ToMail
from ems.statistics.period import Every, Period

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = ExportPlan("erp", Content.ENERGY, Every.DAY, ToMail(("a@x.example",)), time(2, 30))
MONTHLY = ExportPlan("office", Content.REPORT, Every.MONTH, ToMail(("b@x.example",)), time(6), 2)
BEGIN = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)

Trouble = NotDeliveredError | NoReportError | None


@dataclass
class World:
    """A clock, a courier that says what it is told, and a book that outlives the program."""

    now_utc: datetime = BEGIN
    trouble: Trouble = None
    brought: list[tuple[str, str]] = field(default_factory=list)
    kept: dict[tuple[str, str], ExportRun] = field(default_factory=dict)
    audits: list[tuple[str, str]] = field(default_factory=list)
    is_full: bool = False
    dies: bool = False

    def now(self) -> Instant:
        return Instant((self.now_utc - BEGIN).total_seconds(), self.now_utc)

    async def bring(self, plan: ExportPlan, period: Period) -> str:
        if self.dies:
            raise KeyboardInterrupt
        if self.trouble is not None:
            raise self.trouble
        self.brought.append((plan.name, str(period)))
        return "250 kept"

    async def runs(self) -> Sequence[ExportRun]:
        return tuple(self.kept.values())

    async def keep_run(self, run: ExportRun) -> None:
        if self.is_full:
            raise NotStoredError("the disk is full")
        self.kept[run.name, run.period] = run

    def add_audit(self, at: datetime, who: str, what: str, detail: dict[str, str]) -> None:
        self.audits.append((who, what))

    def exporter(self, *plans: ExportPlan) -> Exporter:
        return Exporter(plans, lambda: BERLIN, self, self, self)

    def run(self, exporter: Exporter, until: str) -> None:
        """Every minute until then."""
        end = datetime.fromisoformat(until).replace(tzinfo=UTC)

        async def work() -> None:
            while self.now_utc < end:
                await exporter.look(self.now_utc)
                self.now_utc += timedelta(minutes=1)

        asyncio.run(work())


def test_each_day_goes_out_once_also_where_the_clock_is_set() -> None:
    world = World()
    world.run(world.exporter(DAILY), "2026-10-27T12:00")
    days = [period for _, period in world.brought]
    assert days == [f"2026-10-{day}" for day in (20, 21, 22, 23, 24, 25, 26)]
    assert {run.state for run in world.kept.values()} == {RunState.DELIVERED, RunState.SKIPPED}


def test_what_is_new_begins_with_what_is_due_next() -> None:
    world = World()
    exporter = world.exporter(MONTHLY)
    world.run(exporter, "2026-10-20T13:00")
    (view,) = exporter.views()
    assert world.brought == []
    assert view.next_due == datetime(2026, 11, 2, 5, 0, tzinfo=UTC)
    assert [(run.period, run.state) for run in view.runs] == [("2026-09", RunState.SKIPPED)]


def test_all_that_was_due_while_nothing_ran_goes_out_later_the_oldest_first() -> None:
    """The clock was set meanwhile; of the days before the export was described none goes out."""
    world = World()
    world.run(world.exporter(DAILY), "2026-10-24T12:00")
    world.brought.clear()
    world.now_utc = datetime(2026, 10, 27, 20, 0, tzinfo=UTC)
    world.run(world.exporter(DAILY), "2026-10-27T20:05")
    assert [period for _, period in world.brought] == ["2026-10-24", "2026-10-25", "2026-10-26"]


def test_of_a_long_time_in_which_nothing_ran_the_last_goes_out() -> None:
    world = World()
    world.run(world.exporter(DAILY), "2026-10-21T12:00")
    world.brought.clear()
    world.now_utc = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
    world.run(world.exporter(DAILY), "2027-03-01T12:05")
    assert len(world.brought) == MOST_BEHIND
    assert world.brought[-1] == ("erp", "2027-02-28")


def test_what_somebody_sent_by_hand_hides_nothing_that_was_due_before() -> None:
    world = World()
    world.run(world.exporter(DAILY), "2026-10-21T12:00")
    world.brought.clear()
    world.now_utc = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
    exporter = world.exporter(DAILY)
    asyncio.run(exporter.send_now("erp", "anna"))
    world.run(exporter, "2026-10-24T20:05")
    assert [period for _, period in world.brought] == ["2026-10-23", "2026-10-21", "2026-10-22"]


def test_what_waits_goes_out_for_its_own_time_though_the_site_file_says_otherwise_by_now() -> None:
    world = World(trouble=NotDeliveredError("no route"))
    world.kept["erp", "2026-10-18"] = ExportRun("erp", "2026-10-18", BEGIN - timedelta(days=1), RunState.DELIVERED)
    world.run(world.exporter(DAILY), "2026-10-20T12:02")
    world.trouble = None
    world.run(world.exporter(replace(DAILY, at=time(23))), "2026-10-20T12:10")
    assert world.brought == [("erp", "2026-10-19")]


def test_what_was_due_long_ago_is_tried_more_than_once() -> None:
    """The network of a machine that starts may come up after it."""
    world = World(trouble=NotDeliveredError("no route"))
    world.kept["erp", "2026-10-12"] = ExportRun("erp", "2026-10-12", BEGIN - timedelta(days=7), RunState.DELIVERED)
    exporter = world.exporter(DAILY)
    world.run(exporter, "2026-10-20T12:02")
    world.trouble = None
    world.run(exporter, "2026-10-20T12:10")
    assert [period for _, period in world.brought] == [f"2026-10-{day}" for day in range(13, 20)]


def test_a_power_cut_in_the_middle_sends_it_again() -> None:
    world = World(dies=True)
    world.kept["erp", "2026-10-19"] = ExportRun("erp", "2026-10-19", BEGIN, RunState.DELIVERED)
    with pytest.raises(KeyboardInterrupt):
        world.run(world.exporter(DAILY), "2026-10-21T12:00")
    assert world.kept["erp", "2026-10-20"].state is RunState.WAITING
    world.dies = False
    world.run(world.exporter(DAILY), "2026-10-21T00:40")
    assert world.brought == [("erp", "2026-10-20")]


def test_a_server_that_is_away_is_tried_ever_more_rarely_and_given_up_after_days() -> None:
    world = World(trouble=NotDeliveredError("no route"))
    world.kept["erp", "2026-10-18"] = ExportRun("erp", "2026-10-18", BEGIN, RunState.DELIVERED)
    exporter = world.exporter(DAILY)
    world.run(exporter, "2026-10-20T13:21")
    run = world.kept["erp", "2026-10-19"]
    assert (run.state, run.attempts, run.answer) == (RunState.WAITING, 4, "no route")
    assert run.next == datetime(2026, 10, 20, 13, 21, tzinfo=UTC)
    world.trouble = None
    world.run(exporter, "2026-10-20T13:30")
    assert world.kept["erp", "2026-10-19"].state is RunState.DELIVERED


def test_what_nobody_takes_for_three_days_is_given_up() -> None:
    world = World(trouble=NotDeliveredError("no route"))
    world.kept["office", "2026-08"] = ExportRun("office", "2026-08", BEGIN, RunState.DELIVERED)
    world.now_utc = datetime(2026, 10, 2, 3, 0, tzinfo=UTC)
    world.run(world.exporter(MONTHLY), "2026-10-05T12:00")
    run = world.kept["office", "2026-09"]
    assert run.state is RunState.GIVEN_UP
    assert run.attempts < 30


def test_a_refusal_is_tried_a_few_times_because_somebody_may_put_it_right() -> None:
    world = World(trouble=NotDeliveredError("535 wrong password", is_final=True))
    world.kept["erp", "2026-10-18"] = ExportRun("erp", "2026-10-18", BEGIN, RunState.DELIVERED)
    world.run(world.exporter(DAILY), "2026-10-20T23:00")
    run = world.kept["erp", "2026-10-19"]
    assert (run.state, run.attempts, run.answer) == (RunState.GIVEN_UP, 4, "535 wrong password")


def test_a_past_that_cannot_be_read_is_worth_another_try() -> None:
    world = World(trouble=NoReportError("the database does not answer"))
    world.kept["erp", "2026-10-18"] = ExportRun("erp", "2026-10-18", BEGIN, RunState.DELIVERED)
    exporter = world.exporter(DAILY)
    world.run(exporter, "2026-10-20T12:01")
    world.trouble = None
    world.run(exporter, "2026-10-20T12:05")
    assert world.brought == [("erp", "2026-10-19")]


def test_one_is_sent_now_again_and_it_is_known_who_asked() -> None:
    world = World()
    exporter = world.exporter(DAILY)
    run = asyncio.run(exporter.send_now("erp", "anna"))
    assert (run.state, run.period, run.answer, run.who) == (RunState.DELIVERED, "2026-10-19", "250 kept", "anna")
    assert world.audits == [("anna", "send export")]
    world.run(exporter, "2026-10-20T12:05")
    assert world.brought == [("erp", "2026-10-19")]
    with pytest.raises(UnknownError, match="describes: erp"):
        asyncio.run(exporter.send_now("office", "anna"))


def test_a_full_disk_does_not_keep_it_back_and_sends_it_once() -> None:
    world = World(is_full=True)
    world.kept["erp", "2026-10-18"] = ExportRun("erp", "2026-10-18", BEGIN, RunState.DELIVERED)
    world.run(world.exporter(DAILY), "2026-10-20T14:00")
    assert world.brought == [("erp", "2026-10-19")]
