"""The real process that plans: one question after the other, about the site that it was told of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ems.assembly.plan_wire import Setup
from ems.assembly.planner_worker import READING_SHARE
from ems.assembly.planning import COMMAND, ChildPlanning
from ems.assembly.sources import Sources
from ems.domain.energy.price import EnergyPrice
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import Tariff
from ems.domain.session import Need
from ems.domain.site import Site
from ems.domain.strategy import Strategy
from ems.planning.outlook import Outlook, Stay
from ems.runtime.child_process import ChildError, ChildProcess
from ems.runtime.patience import Patience
from ems.runtime.replan import why_unfit
from tests.control.installations import circuit, evse, layout

SITE = layout([circuit("grid", 40), circuit("row", 20, "grid")], [evse("A", "row"), evse("B", "row")])
NOW = datetime(2026, 6, 3, 6, 0, tzinfo=UTC)
STAY = Stay(
    0, "A/1", "a", NOW, 0.0, Need(10_000.0, NOW + timedelta(hours=4)), (True, True, True), 6.0, 32.0, service_class=0
)
OUTLOOK = Outlook(NOW, Strategy.FAST, (STAY,), (), ((0.0, 0.0, 0.0),) * 2)


def setup(folder: Path, revision: str = "first", of: Site = SITE) -> Setup:
    """What the process is told; there is no database."""
    return Setup(revision, Sources(of, None, folder / "prices", folder / "none.sqlite3"))


@pytest.fixture(scope="module")
def planning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChildPlanning]:
    """A planner for all tests here: its process takes a while to start."""
    one = ChildPlanning(setup(tmp_path_factory.mktemp("site")), ChildProcess(COMMAND, "the planner"))
    yield one
    one.rest()
    assert one.pid is None


def test_it_plans_for_what_it_is_asked_and_says_what_it_does_not_know(planning: ChildPlanning) -> None:
    plan = planning.plan(OUTLOOK)
    assert why_unfit(plan, OUTLOOK, SITE) == ""
    assert plan.charges[0].amps[0] == pytest.approx(20.0)
    assert plan.assumptions[0].startswith("the past cannot be read: ")
    first = planning.pid
    assert planning.plan(OUTLOOK) == plan
    assert planning.pid == first, "it stays for the next question"


def test_a_site_that_was_read_again_gets_a_process_of_its_own(planning: ChildPlanning, tmp_path: Path) -> None:
    planning.plan(OUTLOOK)
    first = planning.pid
    wider = layout([circuit("grid", 40), circuit("row", 32, "grid")], [evse("A", "row"), evse("B", "row")])
    planning.take_over(setup(tmp_path, "second", wider))
    assert planning.plan(OUTLOOK).charges[0].amps[0] == pytest.approx(32.0)
    assert planning.pid != first
    planning.take_over(setup(tmp_path))


def test_what_it_cannot_plan_it_says_in_words_and_goes_on(planning: ChildPlanning) -> None:
    with pytest.raises(ChildError, match=r"IndexError: .*\(\w+\.py:\d+\)"):
        planning.plan(replace(OUTLOOK, stays=(STAY._replace(evse=7),)))
    first = planning.pid
    assert planning.plan(OUTLOOK).charges
    assert planning.pid == first


def test_a_plan_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    hurried = ChildPlanning(setup(tmp_path), ChildProcess(COMMAND, "the planner"), Patience(1e-6, 1e-6, 1e-6))
    try:
        with pytest.raises(ChildError, match="OutOfTimeError"):
            hurried.plan(OUTLOOK)
    finally:
        hurried.rest()


def test_a_machine_that_is_too_slow_for_the_time_there_is_gets_more_until_it_has_a_plan(tmp_path: Path) -> None:
    slow = ChildPlanning(setup(tmp_path), ChildProcess(COMMAND, "the planner"), Patience(0.02, 0.02, 60.0, 0.01))
    failures = 0
    try:
        with pytest.raises(ChildError, match="did not answer in time"):
            slow.plan(OUTLOOK)
        while failures < 12:
            try:
                plan = slow.plan(OUTLOOK)
                break
            except ChildError:
                failures += 1
        assert why_unfit(plan, OUTLOOK, SITE) == ""
        learned_s = slow.limit_s
        assert slow.plan(OUTLOOK).charges, "the next one needs no start"
        assert slow.limit_s == learned_s
        slow.rest()
        assert slow.plan(OUTLOOK).charges, "and the one after a rest has the time for it"
    finally:
        slow.rest()


@pytest.mark.parametrize(("start_s", "past_s"), [(1.0, 3.0), (10.0, 12.0), (20.0, 30.0)])
def test_a_past_that_takes_long_to_read_is_waited_for_from_a_few_plans_on(start_s: float, past_s: float) -> None:
    """Each process reads it anew, and most make one plan and rest."""
    patience, known = Patience(), []
    for _ in range(8):
        waits_s = min(past_s, READING_SHARE * patience.limit_s)
        known.append(waits_s == past_s)
        assert start_s + waits_s < patience.whole_s
        patience = patience.after_plan(start_s + waits_s, is_first=True)
    assert all(known[3:])


def test_it_plans_with_prices_that_are_pushed_as_soon_as_they_are(tmp_path: Path) -> None:
    pushed: dict[str, PriceSeries] = {}
    market = Tariff("market", "EUR", "Europe/Berlin", (EnergyPrice("procurement", (), series="day-ahead"),))
    of = setup(tmp_path)
    known = of._replace(sources=of.sources._replace(tariff=market))
    planning = ChildPlanning(known, ChildProcess(COMMAND, "the planner"), pushed=lambda: dict(pushed))
    try:
        for price in (0.21, -0.03):
            pushed["day-ahead"] = PriceSeries.of([(NOW, price)])
            assert planning.has_news()
            assert not planning.has_news()
            assert planning.plan(OUTLOOK).price_per_kwh[0] == pytest.approx(price)
    finally:
        planning.rest()


def test_whether_prices_changed_is_asked_without_a_process(tmp_path: Path) -> None:
    planning = ChildPlanning(setup(tmp_path), ChildProcess(COMMAND, "the planner"))
    (tmp_path / "prices").mkdir()
    assert not planning.has_news()
    (tmp_path / "prices" / "day-ahead.csv").write_text("begin;EUR/kWh\n", encoding="utf-8")
    assert planning.has_news()
    assert not planning.has_news()
    assert planning.pid is None
