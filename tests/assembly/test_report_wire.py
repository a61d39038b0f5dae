"""A report comes out of the process that makes reports as it went in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ems.adapters.store.database import Database
from ems.assembly.report_process import ReportProcess
from ems.assembly.report_wire import Wanted, decoded, encoded
from ems.domain.energy.carbon import Carbon
from ems.ports.reports import NoReportError
from ems.statistics.report import report_of
from tests.adapters.store.test_report_reading import fill
from tests.assembly.patience import eventually
from tests.statistics.month import FACTS, NOW_S, OCTOBER, PAST


@asynccontextmanager
async def process() -> AsyncIterator[ReportProcess]:
    one = ReportProcess()
    try:
        yield one
    finally:
        one.close()


def test_nothing_is_lost_on_the_way() -> None:
    made = report_of(PAST, FACTS)
    assert decoded(encoded(made), OCTOBER) == made


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"[1,2,3,4,5]", b'{"x":"1"}', b'["a",{"n":"x"},"",[],[]]'])
def test_what_is_no_report_is_an_error(payload: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of any words
        decoded(payload, OCTOBER)


def test_the_process_makes_the_report_and_its_pdf(tmp_path: Path) -> None:
    database = Database(tmp_path / "ems.db")
    fill(database)

    async def scenario() -> None:
        async with process() as maker:
            wanted = Wanted(tmp_path / "ems.db", OCTOBER, NOW_S, FACTS)
            made, printed = await maker.report(wanted), await maker.printed(wanted)
            there = maker.pid
            assert made.sheet("days") == report_of(PAST, FACTS).sheet("days")
            assert printed.startswith(b"%PDF")
            later = await maker.report(wanted._replace(now_s=NOW_S + 60, facts=replace(FACTS, carbon=Carbon())))
            figures = later.sheet("figures")
            assert figures is not None
            assert "co2_kg" not in {row[0] for row in figures.rows}
            assert maker.pid == there

    asyncio.run(scenario())


def test_a_database_that_cannot_be_read_is_said_and_the_next_report_is_made(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"no database" * 1000)
    fill(Database(tmp_path / "ems.db"))

    async def scenario() -> None:
        async with process() as maker:
            with pytest.raises(NoReportError, match="cannot be read"):
                await maker.report(Wanted(tmp_path / "bad.db", OCTOBER, NOW_S, FACTS))
            assert (await maker.report(Wanted(tmp_path / "ems.db", OCTOBER, NOW_S, FACTS))).sheets

    asyncio.run(scenario())


def test_a_process_that_was_killed_is_said_and_started_again(tmp_path: Path) -> None:
    fill(Database(tmp_path / "ems.db"))

    async def scenario() -> None:
        async with process() as maker:
            wanted = Wanted(tmp_path / "ems.db", OCTOBER, NOW_S, FACTS)
            await maker.report(wanted)
            maker.kill()
            with suppress(NoReportError):
                await maker.report(wanted)
            assert (await maker.report(wanted)).sheets

    asyncio.run(scenario())


def test_nobody_asks_for_a_while_and_the_process_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ems.assembly.report_process.IDLE_S", 0.0)
    fill(Database(tmp_path / "ems.db"))

    async def scenario() -> None:
        async with process() as maker:
            await maker.report(Wanted(tmp_path / "ems.db", OCTOBER, NOW_S, FACTS))
            await eventually(lambda: maker.pid is None, what="an end of the process")

    asyncio.run(scenario())
