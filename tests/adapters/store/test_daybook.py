"""What people change is on disk, with who did it, before anybody acts upon it; and it is all there after a restart."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from ems.adapters.store import schema
from ems.adapters.store.database import Database
from ems.adapters.store.energy_schema import pushed_price
from ems.adapters.store.migration import MIGRATIONS
from ems.adapters.store.moment import to_ms
from ems.adapters.store.store import Store
from ems.domain.daybook import Daybook
from ems.domain.departure import HOLIDAY, Departure, Goal, WeeklyDeparture
from ems.domain.energy.price_series import PriceSeries
from ems.domain.fleet import Fleet
from ems.domain.limit import Limit
from ems.domain.service_class import ServiceClass
from ems.domain.session import Need, NeedOrigin, Session
from ems.domain.strategy import Strategy
from ems.domain.vehicle import Guarantee, StateOfCharge, Vehicle
from ems.ports.controller import NotStoredError
from tests.adapters.store.clocks import BEGIN, HandClock

Opened = Callable[[], Store]

BUS = Vehicle(
    "Bus 17", "Citaro 🚌", ("04A1", "VID:0011"), "CP-01/1", 360e3, 32.0, 3, 150e3, 8.0, 0.92, 4, 1200.0,
    Guarantee(20e3, time(5, 10), minimum_always=True),
)  # fmt: skip
VAN = Vehicle("Van", guarantee=Guarantee(minimum_always=True))
LEAVES = BEGIN.later(7200).utc
WORKDAYS = WeeklyDeparture(frozenset({0, 4}), time(5, 10), Goal(55e3, 90))
STAYS = WeeklyDeparture(frozenset({5, HOLIDAY}), None)
TOMORROW = Departure("Van", LEAVES + timedelta(days=1))
FULL = Daybook(
    Fleet(
        {"Bus 17": BUS, "Van": VAN},
        {"Bus 17": (WORKDAYS, WeeklyDeparture(frozenset({6}), time(0)), STAYS)},
        {"Van": (Departure("Van", LEAVES, Goal(soc_percent=80), "CP-02/1", 2), TOMORROW)},
        {"Van": StateOfCharge(41.5, BEGIN.utc)},
        {2: ServiceClass(2, "buses", Guarantee(20e3, time(5, 10))), -1: ServiceClass(-1)},
    ),
    Strategy.CHEAPEST,
    (Limit("CP-01/1", "Works", max_w=5e3), Limit("grid", "Works", max_a=40.0, starts=BEGIN.utc, ends=LEAVES)),
    series={"day-ahead": PriceSeries.of((BEGIN.utc + timedelta(hours=k), 0.1 - 0.01 * k) for k in range(30))},
)  # fmt: skip


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(limited())


def keep(store: Store, before: Daybook, after: Daybook, what: str = "something") -> None:
    run(store.daybook.keep(before, after, BEGIN.utc, "Anna", what))


def again(store: Store, clock: HandClock) -> Daybook:
    """What the next run finds, without a goodbye of this one."""
    second = Store(store.database.path or store.database.url.render_as_string(False), clock)
    try:
        return second.open().daybook
    finally:
        second.close()


def test_everything_is_found_again(opened: Opened, clock: HandClock) -> None:
    store = opened()
    keep(store, Daybook(), FULL)
    assert again(store, clock) == FULL


@pytest.mark.parametrize(
    "after",
    [
        Daybook(),
        replace(FULL, strategy=None),
        replace(FULL, limits=FULL.limits[1:]),
        replace(FULL, series={"day-ahead": PriceSeries(FULL.series["day-ahead"].points[:3])}),
        replace(FULL, fleet=replace(FULL.fleet, departures={})),
        replace(FULL, fleet=replace(FULL.fleet, classes={-1: ServiceClass(-1)})),
        replace(FULL, fleet=replace(FULL.fleet, weekly={"Bus 17": FULL.fleet.weekly["Bus 17"][1:]})),
        replace(FULL, fleet=replace(FULL.fleet, vehicles={"Bus 17": replace(BUS, battery_wh=None), "Van": VAN})),
    ],
    ids=[
        "everything",
        "the choice",
        "a limit",
        "most prices",
        "departures",
        "a class",
        "one of two weekly ones",
        "a value",
    ],
)
def test_what_was_taken_back_is_gone(opened: Opened, clock: HandClock, after: Daybook) -> None:
    store = opened()
    keep(store, Daybook(), FULL)
    keep(store, FULL, after)
    assert again(store, clock) == after


def test_every_change_has_a_row_that_says_who_did_what_with_before_and_after(opened: Opened) -> None:
    store = opened()
    keep(store, Daybook(), FULL, "first")
    dearer = replace(FULL, strategy=Strategy.FAST, limits=())
    keep(store, FULL, dearer, "second")
    second, first = run(store.audits(None, 10))
    assert (first.who, first.what, first.at) == ("Anna", "first", BEGIN.utc)
    assert json.loads(first.detail)["before"] == []
    assert len(json.loads(first.detail)["after"]) == 14
    told = json.loads(second.detail)
    assert told["after"] == [{"table": "choice", "what": "strategy", "value": "fast"}]
    assert [row["table"] for row in told["before"]] == ["choice", "limit_told", "limit_told"]
    assert told["before"][0]["value"] == "cheapest"
    assert run(store.audits(None, 1)) == (second,)
    assert run(store.audits(second.id, 10)) == (first,)


def test_a_change_that_cannot_be_stored_is_refused_and_leaves_no_trace(reopened: Opened, clock: HandClock) -> None:
    """Neither half of it, nor an audit row of something that did not happen."""
    store = reopened()
    keep(store, Daybook(), FULL)
    path = store.database.path
    assert path is not None
    with sqlite3.connect(path) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with pytest.raises(NotStoredError, match="no room"):
        keep(store, FULL, Daybook())
    assert len(run(store.audits(None, 10))) == 1
    assert again(store, clock) == FULL


def test_a_disk_that_does_not_answer_is_not_waited_for(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path / "ems.db", clock, patience_s=0.2)
    store.open()
    with sqlite3.connect(tmp_path / "ems.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotStoredError, match=r"not on disk after 0\.2 s"):
            keep(store, Daybook(), FULL)
    store.close()
    other.close()


def test_a_database_that_replaces_a_lost_one_gets_it_all(reopened: Opened, clock: HandClock) -> None:
    store = reopened()
    keep(store, Daybook(), FULL)
    keep(store, FULL, less := replace(FULL, limits=()))
    path = store.database.path
    assert path is not None
    for file in path.parent.glob("ems.db*"):
        file.unlink()
    run(store.flush())
    run(store.flush())
    assert again(store, clock) == less


@pytest.mark.parametrize(
    ("table", "values", "left"),
    [
        (schema.vehicle, {"id_tags": "none"}, {"Van"}),
        (schema.vehicle, {"efficiency": 7.0}, {"Van"}),
        (schema.vehicle, {"guaranteed_by": "half past"}, {"Van"}),
        (schema.vehicle, {"evse": "CP-01/1"}, {"Bus 17", "Van"}),
    ],
)
def test_a_row_that_somebody_spoilt_costs_nothing_but_itself(
    reopened: Opened, clock: HandClock, table: Any, values: dict[str, Any], left: set[str]
) -> None:
    store = reopened()
    keep(store, Daybook(), FULL)
    with store.database.connect() as connection, connection.begin():
        connection.execute(update(table).where(table.c.id == "Bus 17").values(values))
    found = again(store, clock)
    assert set(found.fleet.vehicles) == left
    assert found.limits == FULL.limits
    assert found.strategy is Strategy.CHEAPEST


@pytest.mark.parametrize("spoilt", ["none", "[[1, 2]]", "[[2, 1, 0.1]]", "7"])
def test_a_day_of_prices_that_somebody_spoilt_costs_nothing_but_itself(
    reopened: Opened, clock: HandClock, spoilt: str
) -> None:
    store = reopened()
    keep(store, Daybook(), FULL)
    day = BEGIN.utc.date().isoformat()
    with store.database.connect() as connection, connection.begin():
        connection.execute(update(pushed_price).where(pushed_price.c.day == day).values(prices=spoilt))
    left = tuple(point for point in FULL.series["day-ahead"].points if point.begin_s >= to_ms(BEGIN.utc) // 1000)
    found = again(store, clock)
    assert replace(found, series={}) == replace(FULL, series={})
    assert 0 < len(found.series["day-ahead"].points) < len(left)


def test_a_need_survives_a_restart_with_its_promises(opened: Opened, clock: HandClock) -> None:
    store = opened()
    need = Need(20e3, LEAVES, NeedOrigin.STATED, 9e3, LEAVES - timedelta(hours=1), True, 5)
    known = Session("CP-01/1", BEGIN.utc, BEGIN.monotonic_s, None, 0.0, need, 41.0, 5, BUS, soc_at_wh=-3.0)
    run(store.ledger.need_told(known))
    second = Store(store.database.path or store.database.url.render_as_string(False), clock)
    found = second.open().sessions["CP-01/1"]
    with second.database.reading().connect() as connection:
        assert connection.execute(select(schema.session.c.vehicle)).scalar() == "Bus 17"
    second.close()
    assert found == replace(known, vehicle=None), "who it is will be seen again"


def test_a_database_of_the_first_revision_keeps_its_sessions(nothing: str | Path, tmp_path: Path) -> None:
    folder = tmp_path / "first"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__", "r000[!1]*", "r00[!0]*"))
    old = {"id": "A/1@x", "evse": "A/1", "plugged": 1, "energy_wh": 7.0, "need_origin": "stated", "service_class": 3}
    with Database(nothing, migrations=folder).connect() as connection, connection.begin():
        connection.execute(insert(schema.session).values({**old, "need_wh": 20e3, "transactions": "[]"}))
    clock = HandClock()
    store = Store(nothing, clock)
    found = store.open()
    session = found.sessions["A/1"]
    assert (session.energy_wh, session.need, session.service_class) == (7.0, Need(20e3), 3)
    assert found.daybook == Daybook()
    keep(store, Daybook(), FULL)
    store.close()
    assert again(store, clock) == FULL
