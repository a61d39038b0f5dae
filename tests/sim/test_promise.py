"""What a class of service is promised, in a run: told as in the daemon, kept or not, and counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from ems.domain.service_class import ServiceClass
from ems.domain.site import Site
from ems.domain.vehicle import Guarantee
from ems.sim.backtest import backtest
from ems.sim.backtest_report import as_json
from ems.sim.backtest_report import as_table as as_backtest_table
from ems.sim.backtest_task import Knowledge, backtest_task
from ems.sim.sessions import SessionFile
from ems.sim.simulate import recorded_task, simulate
from ems.sim.simulation_result import SimulationResult, as_table
from tests.sim.sites import BEGIN, feeder, record

HOUR = 3600.0
BUSES = ServiceClass(2, "buses", Guarantee(energy_wh=15_000, by=time(10, 0)))
"""Two hours at 11 of the 16 A of the feeder: the clock of the site shows eight when a run begins."""
HASTY = replace(BUSES, guarantee=Guarantee(energy_wh=15_000, by=time(9, 0)))


def depot(rating_a: float, *classes: ServiceClass, evses: int = 3, first: int = 2) -> Site:
    """A feeder whose first outlet is for class `first`."""
    site = feeder(rating_a, evses)
    bus, *others = site.stations
    bus = replace(bus, evses=tuple(replace(evse, priority=first) for evse in bus.evses))
    return replace(site, stations=(bus, *others), classes=classes)


def played(site: Site, strategy: str, *, wh: float = 18_000, stays_h: float = 8.0) -> SimulationResult:
    records = tuple(record(evse.station, 0.0, stays_h * HOUR, wh) for evse in site.evses)
    return simulate(recorded_task(site, SessionFile("x.csv", "test", records, ()), since=BEGIN, days=1), strategy)


@pytest.mark.parametrize(("strategy", "kept"), [("cheapest", 1), ("fast", 1), ("equal", 0)])
def test_a_planned_strategy_keeps_what_a_class_is_promised_before_others_get_more(strategy: str, kept: int) -> None:
    result = played(depot(16, BUSES), strategy)
    assert result.promises == (("class 2, buses", 1, kept, 1),)
    assert result.overload_own_a == 0.0


def test_what_comes_too_late_is_no_promise_kept() -> None:
    """It is full at its departure, but not at the time that was promised."""
    result = played(depot(16, HASTY), "fast")
    bus = next(one for one in result.departures if one.evse == "A1/1")
    assert bus.is_met
    assert bus.promised is not None
    assert 0.0 < bus.promised.had_wh < 15_000
    assert not bus.is_kept
    assert [(kept.promised, kept.kept) for kept in result.promises] == [(1, 0)]


def test_more_than_a_vehicle_wants_is_promised_to_nobody() -> None:
    result = played(depot(63, BUSES), "fast", wh=4_000)
    assert result.promises == (("class 2, buses", 1, 1, 1),)


def test_a_stay_too_short_for_what_is_promised_is_told_apart() -> None:
    result = played(depot(63, BUSES), "fast", wh=12_000, stays_h=0.2)
    assert result.promises == (("class 2, buses", 1, 0, 0),)


def test_who_is_promised_never_to_pause_does_not() -> None:
    """Six ampere are there for one of two at a time: with the promise the same one has them all the time."""
    visitors, always = ServiceClass(0), ServiceClass(2, "buses", Guarantee(minimum_always=True))
    site = depot(8, visitors, always, evses=2)
    kept = played(site, "fast")
    assert [(one.promised, one.kept) for one in kept.promises] == [(1, 1)]
    shared = played(depot(8, replace(always, number=0), evses=2, first=0), "equal")
    assert [(one.label, one.promised) for one in shared.promises] == [("class 0, buses", 2)]
    assert shared.promises[0].kept < 2


def test_both_tables_say_how_many_promises_were_kept() -> None:
    site = depot(16, BUSES)
    file = SessionFile("x.csv", "test", tuple(record(f"A{k}", 0.0, 8 * HOUR, 18_000) for k in (1, 2, 3)), ())
    task = recorded_task(site, file, since=BEGIN, days=1)
    lines = as_table([simulate(task, strategy) for strategy in ("equal", "cheapest")]).splitlines()
    assert next(line for line in lines if line.startswith("promises kept, class 2, buses")).split()[-6:] == [
        "0", "of", "1", "1", "of", "1",
    ]  # fmt: skip
    found = backtest(backtest_task(task, file), [("cheapest", Knowledge.PERFECT)], workers=1)
    head, *rows = as_backtest_table(found).splitlines()[2:]
    at = head.index("promises")
    assert [row[at : at + 8].strip() for row in rows[1:4]] == ["-", "-", "1/1"]
    assert as_json(found)["runs"][0]["promises"] == [
        {"label": "class 2, buses", "promised": 1, "kept": 1, "possible": 1}
    ]


def test_where_nothing_is_promised_no_table_speaks_of_it() -> None:
    file = SessionFile("x.csv", "test", (record("A1", 0.0, HOUR, 2_000),), ())
    task = recorded_task(feeder(), file, since=BEGIN, days=1)
    result = simulate(task, "equal")
    assert (result.promises, result.departures[0].promised) == ((), None)
    assert "promises" not in as_table([result])
    assert "promises" not in as_backtest_table(
        backtest(backtest_task(task, file), [("equal", Knowledge.STATED)], workers=1)
    )
