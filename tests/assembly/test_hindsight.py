"""Of each finished day something is said once, by a process of its own, and it is there after a restart."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ems.adapters.store.database import Database
from ems.adapters.store.store import Store
from ems.assembly.hindsight import SiteHindsight, finished_days
from ems.assembly.plan_wire import Setup
from ems.assembly.planning import COMMAND
from ems.assembly.sources import Sources
from ems.planning.day_verdict import DayVerdict
from ems.runtime.child_process import ChildProcess
from ems.runtime.clock import SystemClock
from tests.assembly.test_past_day import DAY, MARKET, MIDNIGHT, PRICES, SITE, Visit, record

MORNING = MIDNIGHT + timedelta(hours=32)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    path = tmp_path / "ems.sqlite3"
    Database(path).connect().close()
    record(path, Visit(8, 16, (8, 9, 10.0)))
    opened = Store(path, SystemClock())
    opened.open()
    yield opened
    opened.close()


def hindsight(store: Store, *command: str) -> SiteHindsight:
    assert store.database.path is not None
    sources = Sources(SITE, MARKET, store.database.path.parent / "prices", store.database.path)
    process = ChildProcess(command or COMMAND, "the planner")
    return SiteHindsight(lambda: Setup("first", sources), lambda: PRICES, store.regrets, SystemClock(), process)


def test_the_last_days_are_looked_at_once_and_remembered(store: Store) -> None:
    looking = hindsight(store)
    for back in (1, 2):
        asyncio.run(store.regrets.keep(DayVerdict(DAY - timedelta(days=back), trouble="nobody charged on that day")))
    asyncio.run(looking.catch_up(MORNING))
    assert [verdict.day for verdict in looking.days] == [DAY - timedelta(days=back) for back in range(3)]
    yesterday, before, _ = looking.days
    assert yesterday.regret is not None
    assert yesterday.regret.regret == pytest.approx(2.0, abs=0.01)
    assert before.trouble == "nobody charged on that day"
    again = hindsight(store, sys.executable, "-c", "nobody is to be asked again")
    asyncio.run(again.catch_up(MORNING))
    assert [verdict.as_json() for verdict in again.days] == [verdict.as_json() for verdict in looking.days]


@pytest.mark.parametrize(
    "answer",
    [
        "import sys; sys.exit('out of ideas')",
        "import os; os.write(1, b'\\4\\0\\0\\0null')",
        "import os; os.write(1, b'x' * 99)",
    ],
)
def test_a_process_that_fails_is_asked_once_more_and_then_the_day_is_given_up(store: Store, answer: str) -> None:
    broken = hindsight(store, sys.executable, "-S", "-c", f"import sys; sys.stdin.buffer.read(4); {answer}")
    asyncio.run(broken.catch_up(MORNING))
    assert list(broken.days) == []
    asyncio.run(broken.catch_up(MORNING))
    assert [verdict.day for verdict in broken.days] == [DAY - timedelta(days=back) for back in range(3)]
    assert all(verdict.trouble.startswith("it could not be found out: ") for verdict in broken.days)


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (datetime(2026, 6, 17, 22, 20, tzinfo=UTC), date(2026, 6, 16)),  # twenty past midnight in Berlin: too soon
        (datetime(2026, 6, 17, 22, 40, tzinfo=UTC), date(2026, 6, 17)),
        (datetime(2026, 10, 25, 22, 40, tzinfo=UTC), date(2026, 10, 24)),  # the clock was set back on that day
        (datetime(2026, 10, 25, 23, 40, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_a_day_is_over_when_the_last_of_it_is_aggregated(now: datetime, newest: date) -> None:
    sources = Sources(SITE, None, Path("prices"), "none")
    assert finished_days(now, Setup("first", sources)) == tuple(newest - timedelta(days=back) for back in range(3))
