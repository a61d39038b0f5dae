"""The recorder writes down what is new, once, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import func, select

from ems.adapters.store import schema
from ems.adapters.store.moment import to_ms
from ems.adapters.store.store import Store
from ems.domain import events as e
from ems.domain.decision import Alarm, Decision, Level
from ems.domain.grant import Layer
from ems.domain.session import Transaction
from ems.domain.station import EvseStatus
from ems.domain.station_model import StationModel
from tests.adapters.store.clocks import HandClock
from tests.builders import BEGIN, Scenario
from tests.control.installations import SITES


class Recorded(Scenario):
    """A scenario whose every second is recorded."""

    def __init__(self, store: Store, clock: HandClock) -> None:
        super().__init__(SITES["two_feeders"])
        self.store, self.clock = store, clock
        self.reconnect(*(station.id for station in self.site.stations))

    def after(self, seconds: float) -> Self:
        for _ in range(round(seconds)):
            super().after(1)
            self.clock._now = self.now
            self.store.recorder.tick(self.now, self.state, self.last)
        return self

    def rows(self, table: Any) -> list[Any]:
        asyncio.run(self.store.flush())
        with self.store.database.reading().connect() as connection:
            return list(connection.execute(select(table)).all())

    def counted(self) -> Counter[tuple[str, str]]:
        """Samples by subject."""
        asyncio.run(self.store.flush())
        query = (
            select(schema.subject.c.kind, schema.subject.c.name, func.count())
            .join(schema.sample, schema.sample.c.subject == schema.subject.c.id)
            .group_by(schema.subject.c.kind, schema.subject.c.name)
        )
        with self.store.database.reading().connect() as connection:
            return Counter({(kind, name): count for kind, name, count in connection.execute(query)})


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Recorded]:
    clock = HandClock(BEGIN)
    store = Store(tmp_path / "ems.db", clock)
    store.open()
    yield Recorded(store, clock)
    store.close()


def test_a_minute_of_samples(live: Recorded) -> None:
    """Metered circuits each second, EVSEs when they report, our part of each circuit each ten seconds."""
    counted = live.car("A1").after(60).counted()
    assert counted["circuit", "grid"] == counted["circuit", "feeder-b"] == 60
    assert counted["evse", "A1/1"] == 7, "one as it begins"
    assert {counted["drawn", name] for name in ("grid", "feeder-a", "feeder-b")} == {6}
    assert ("evse", "A2/1") not in counted


def test_what_an_outlet_drew_is_in_the_samples(live: Recorded) -> None:
    live.car("A1").after(60)
    sample = live.known("A1").samples[0]
    asyncio.run(live.store.flush())
    newest = list(live.store.reader.samples("evse", "A1/1", BEGIN.utc, live.now.later(1).utc))[-1]
    assert newest.amps == pytest.approx(sample.high_a, abs=0.005)
    assert newest.amps[0] is not None
    assert newest.amps[0] > 6


def test_what_flows_before_the_first_meter_values_is_in_the_quarter_hour(live: Recorded) -> None:
    live.car("A1").after(60)
    session = live.known("A1").session
    assert session is not None
    asyncio.run(live.store.flush())
    asyncio.run(live.store.aggregate(live.now.later(1800.0).utc))
    found = [one for one in live.store.reader.intervals(BEGIN.utc, live.now.utc) if one.name == "A1/1"]
    assert session.energy_wh > 0
    assert sum(one.energy_wh or 0 for one in found) == pytest.approx(session.energy_wh, abs=1.0)


@pytest.mark.parametrize("order", ["status first", "end first", "at once"])
def test_what_flows_after_the_last_meter_values_is_in_the_quarter_hour(live: Recorded, order: str) -> None:
    live.car("A1").after(60)
    session = live.known("A1").session
    assert session is not None
    assert session.transaction is not None
    energy = session.energy_wh + 250.0
    stop = e.TransactionEnded("A1/1", live.now, session.transaction.id, energy)
    left = e.StatusChanged("A1/1", live.now, EvseStatus.FINISHING)
    for event in (left, stop) if order == "status first" else (stop, left):
        live.tell(event)
        if order != "at once":
            live.after(1)
    live.after(1)
    asyncio.run(live.store.flush())
    asyncio.run(live.store.aggregate(live.now.later(1800.0).utc))
    found = [one for one in live.store.reader.intervals(BEGIN.utc, live.now.utc) if one.name == "A1/1"]
    assert sum(one.energy_wh or 0 for one in found) == pytest.approx(energy, abs=1.0)


def test_a_start_that_is_told_late_puts_no_register_where_it_does_not_belong(live: Recorded) -> None:
    back = live.now
    begun = Transaction(7, back.later(-3600.0).utc, 1000.0)
    live.reconnect("A1").tell(e.TransactionStarted("A1/1", back, begun, 3600.0)).after(1)
    assert ("evse", "A1/1") not in live.counted()


def test_an_outlet_that_is_left_is_at_zero(live: Recorded) -> None:
    live.car("A1").after(30)
    live.unplug("A1").after(2)
    asyncio.run(live.store.flush())
    newest = list(live.store.reader.samples("evse", "A1/1", BEGIN.utc, live.now.utc))[-1]
    assert (newest.amps, newest.power_w) == ((0.0, 0.0, 0.0), 0)


def test_a_session_is_written_while_it_lasts_and_when_it_ends(live: Recorded) -> None:
    live.car("A1", need=20.0, leaves="20:00").after(5)
    (row,) = live.rows(schema.session)
    assert (row.evse, row.need_wh, row.unplugged, json.loads(row.transactions)) == ("A1/1", 20_000.0, None, [1])
    live.after(120).unplug("A1").after(1)
    (row,) = live.rows(schema.session)
    assert row.unplugged - row.plugged == 126_000
    assert row.energy_wh > 100


@pytest.mark.parametrize("seconds", [-3600, 3600, 5 * 86_400])
def test_a_session_lasts_as_long_as_it_did_whatever_the_wall_clock_is_set_to(live: Recorded, seconds: int) -> None:
    """As its receipt counts it: from plug-in on by the clock that runs true."""
    live.car("A1").after(60).clock_set(seconds).after(60).unplug("A1").after(1)
    (row,) = live.rows(schema.session)
    assert row.unplugged - row.plugged == 121_000


def test_the_energy_of_a_session_is_written_once_a_minute(live: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    monkeypatch.setattr(live.store.ledger, "session_changed", lambda known: told.append(known.energy_wh))
    live.car("A1").after(300)
    assert 4 <= len(told) <= 8


def test_grants_are_written_when_they_change(live: Recorded) -> None:
    live.car("A1").after(30)
    found = {(row.evse, row.layer): row for row in live.rows(schema.grant)}
    grant = live.known("A1").grant
    assert grant.session is not None
    assert found["A1/1", Layer.SESSION].amps == grant.session.amps
    assert found["A1/1", Layer.FLOOR].amps == 6.0
    assert found["A1/1", Layer.FLOOR].ends is None


def test_a_restart_in_mid_session_knows_what_flows(live: Recorded) -> None:
    live.car("A1").after(60)
    session = live.known("A1").session
    assert session is not None
    assert session.transaction is not None
    asyncio.run(live.store.ledger.transaction_started("A1/1", session.transaction))
    asyncio.run(live.store.flush())
    again = Store(live.store.database.path or "", live.clock)
    found = again.open()
    again.close()
    before = live.known("A1").grant
    assert found.grants["A1/1"].amps_in_force(Layer.SESSION, live.now.monotonic_s) == before.amps_in_force(
        Layer.SESSION, live.now.monotonic_s
    )
    assert found.sessions["A1/1"].transaction == session.transaction
    assert found.sessions["A1/1"].plugged_s == session.plugged_s


def test_a_clock_that_is_set_stores_every_lease_again(live: Recorded) -> None:
    """The floor is not sent again, but it was accepted two hours later by the new time."""
    live.car("A1").after(30)
    before = {row.evse: row.accepted for row in live.rows(schema.grant) if row.layer == Layer.FLOOR}
    live.clock_set(7200).after(1)
    after = {row.evse: row.accepted for row in live.rows(schema.grant) if row.layer == Layer.FLOOR}
    assert {evse: after[evse] - at for evse, at in before.items()} == dict.fromkeys(before, 7_200_000)


def test_after_a_mass_event_every_grant_is_written_within_seconds(
    live: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ems.adapters.store.recorder.MOST_NEWS", 2)
    live.after(1)
    assert len({row.evse for row in live.rows(schema.grant)}) == 2
    live.after(2)
    assert len({row.evse for row in live.rows(schema.grant)}) == 6


def test_a_learned_model_is_written(live: Recorded) -> None:
    live.after(2).tell(e.StationBooted("A1", live.now, "Maker", "X", "1.2"))
    live.tell(e.ModelLearned("A1", StationModel("maker-x", step_a=0.1))).after(1)
    (row,) = live.rows(schema.station_model)
    assert (row.station, row.vendor, row.firmware, json.loads(row.model)["step_a"]) == ("A1", "Maker", "1.2", 0.1)


def alarmed(live: Recorded, *levels: Level | None) -> list[tuple[int, int | None, int]]:
    """One tick per second; the alarm is present with that level or absent. Returns (began, ended, level)."""
    live.after(1)
    quiet = replace(live.last, alarms=())
    for level in levels:
        alarms = () if level is None else (Alarm("x", level, "grid", f"after {live.now.monotonic_s} s", since=None),)
        live.now = live.now.later(1)
        live.store.recorder.tick(live.now, live.state, replace(quiet, at=live.now, alarms=alarms))
    begin = BEGIN.utc.timestamp() + 1
    return [
        (round(row.began / 1000 - begin), None if row.ended is None else round(row.ended / 1000 - begin), row.level)
        for row in live.rows(schema.alarm)
        if row.key == "x"
    ]


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        ([Level.HOLD] * 3, [(1, None, 1)]),
        ([Level.HOLD, Level.HOLD, None], [(1, 3, 1)]),
        ([Level.HOLD, Level.FALLBACK, Level.HOLD], [(1, None, 3)]),
        ([Level.HOLD, None, None, None, Level.HOLD, None, Level.HOLD], [(1, None, 1)]),
        ([Level.HOLD, *[None] * 70, Level.HOLD], [(1, 2, 1), (72, None, 1)]),
    ],
    ids=["lasts", "ends", "keeps its highest level", "flaps", "comes again"],
)
def test_alarms(live: Recorded, levels: list[Level | None], found: list[tuple[int, int | None, int]]) -> None:
    assert alarmed(live, *levels) == found


def test_an_alarm_whose_text_counts_seconds_is_written_once(live: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(live.store.ledger, "alarmed", lambda alarm, began, ended: told.append(alarm.key))
    live.car("A1").after(5).silent("main").after(60)
    assert 1 <= Counter(told)["meter:main"] <= 4, "begin, and one more for each higher level"


def test_a_flapping_station_does_not_fill_the_disk(live: Recorded) -> None:
    for _ in range(50):
        live.drop("A1").after(1)
        live.reconnect("A1").after(1)
    assert len([row for row in live.rows(schema.alarm) if row.key == "offline:A1"]) == 1


def test_signs_of_life(live: Recorded) -> None:
    live.after(35)
    asyncio.run(live.store.flush())
    (row,) = live.rows(schema.start)
    assert row.alive - row.started == 31_000


def test_an_outlet_that_a_reload_removes_ends_its_session(live: Recorded) -> None:
    live.car("A3").after(10)
    smaller = SITES["one_feeder"]
    gone = replace(smaller, stations=smaller.stations[:2])
    empty = Recorded(live.store, live.clock)
    empty.site, empty.state = gone, type(live.state).initial(gone)
    decision = Decision(live.now, (), ())
    live.store.recorder.tick(live.now.later(1), empty.state, decision)
    (row,) = live.rows(schema.session)
    assert row.unplugged is not None


def test_values_that_no_column_holds_are_cut_or_left_out(live: Recorded) -> None:
    live.tell(e.StatusChanged("A1/1", live.now, EvseStatus.CHARGING))
    live.tell(e.MeterValues("A1/1", live.now.monotonic_s, (10.0, 0.0, 0.0), power_w=1e300, register_wh=1e300)).after(1)
    assert any(row.power_w == 2**31 - 1 for row in live.rows(schema.sample))
    assert live.store.health.rows_refused == 0


def test_who_was_seen_before_its_transaction_was_told_has_one_session_that_counts(live: Recorded) -> None:
    """A station is back after a day: a vehicle is there, it says; one charged before it; this one began so long ago."""
    live.after(1).drop("A1")
    live.now = back = live.now.later(86_400.0)
    live.reconnect("A1").tell(e.StatusChanged("A1/1", back, EvseStatus.CHARGING)).after(1)
    for number, began_s, ended_s in ((1, 8 * 3600.0, 6 * 3600.0), (2, 4 * 3600.0, None)):
        begun = Transaction(number, back.later(-began_s).utc, 0.0)
        live.tell(e.TransactionStarted("A1/1", back, begun, began_s)).after(1)
        if ended_s is not None:
            live.tell(e.TransactionEnded("A1/1", back, number, 900.0, age_s=ended_s)).after(1)
    rows = sorted(live.rows(schema.session), key=lambda row: int(row.plugged))
    hours = [
        tuple(None if at is None else round((at - to_ms(back.utc)) / 3.6e6, 3) for at in (row.plugged, row.unplugged))
        for row in rows
    ]
    assert hours == [(-8.0, -6.0), (-4.0, None), (0.0, 0.0)]
    assert [row.is_void for row in rows] == [None, None, True]
