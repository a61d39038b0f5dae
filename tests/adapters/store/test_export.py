"""What is read and exported: whole, in order, and harmless in a spreadsheet."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.store.batch import Sample
from ems.adapters.store.database import Database
from ems.adapters.store.export import EXPORTS, FORMATS, cell, export
from ems.adapters.store.moment import to_ms
from ems.adapters.store.reading import NotReadableError, Reader
from ems.adapters.store.store import Store
from ems.domain.decision import Alarm, Level
from ems.domain.session import Need, NeedOrigin, Session, Transaction
from tests.adapters.store.clocks import BEGIN, HandClock

SINCE, UNTIL = BEGIN.utc - timedelta(days=1), BEGIN.utc + timedelta(days=3)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two vehicles, an hour of samples, an alarm."""
    one = Store(tmp_path_factory.mktemp("export") / "ems.db", HandClock())
    one.open()
    asyncio.run(_live(one))
    yield one
    one.close()


async def _live(store: Store) -> None:
    for number, evse in ((7, "CP-01/1"), (8, "CP-02/1")):
        plugged = BEGIN.later(86_400 * (number - 7))
        begun = Transaction(number, plugged.utc, 1000.0, "=cmd|'/c calc'!A1")
        need = Need(20_000.0, plugged.later(3600).utc, NeedOrigin.STATED)
        session = Session(evse, plugged.utc, plugged.monotonic_s, begun, need=need)
        await store.ledger.transaction_started(evse, begun)
        store.ledger.session_changed(session)
        await store.ledger.transaction_ended(evse, number, plugged.later(600).utc, 5000.5, "Local")
        if number == 7:
            store.ledger.session_ended(replace(session, transaction=None, energy_wh=5000.5), plugged.later(700).utc)
    begin = to_ms(BEGIN.utc)
    store._writer.sample(Sample(begin + 1000 * s, "circuit", "grid", 1000, 2000, -300, 6000, s) for s in range(3600))
    store.ledger.alarmed(Alarm("meter:main", Level.HOLD, "main", "meter main silent"), BEGIN.utc, BEGIN.later(9).utc)
    await store.flush()
    await store.aggregate(BEGIN.later(3600).utc)


def read_csv(store: Store, what: str, since: datetime = SINCE, until: datetime = UNTIL) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(export(store.reader, what, since, until, "csv")), newline="")))


def read_json(store: Store, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads("".join(export(store.reader, what, SINCE, UNTIL, "json")))
    return found


def test_sessions_as_csv(store: Store) -> None:
    first, second = read_csv(store, "sessions")
    assert first == {
        "id": "CP-01/1@20261122T090000Z", "evse": "CP-01/1", "plugged": "2026-11-22T09:00:00Z",
        "unplugged": "2026-11-22T09:11:40Z", "energy_wh": "5000.5", "need_wh": "20000.0",
        "departure": "2026-11-22T10:00:00Z", "soc_percent": "", "service_class": "0", "transactions": "7",
        "id_tags": "'=cmd|'/c calc'!A1", "vehicle": "",
    }  # fmt: skip
    assert second["unplugged"] == ""


def test_sessions_as_json(store: Store) -> None:
    first = read_json(store, "sessions")[0]
    assert (first["transactions"], first["id_tags"], first["soc_percent"]) == ([7], ["=cmd|'/c calc'!A1"], None)


def test_energy_has_every_quarter_hour_of_every_subject(store: Store) -> None:
    found = read_csv(store, "energy")
    assert [row["starts"] for row in found] == [f"2026-11-22T09:{m:02d}:00Z" for m in (0, 15, 30, 45)]
    assert {row["name"] for row in found} == {"grid"}
    assert (found[0]["mean_l1_a"], found[0]["mean_l3_a"]) == ("10.0", "-3.0")
    assert sum(int(row["energy_wh"]) for row in found) == 3599


def test_the_span_begins_where_it_says_and_ends_before(store: Store) -> None:
    starts = BEGIN.utc + timedelta(minutes=15)
    assert len(read_csv(store, "energy", starts, starts + timedelta(minutes=30))) == 2
    assert read_csv(store, "sessions", BEGIN.utc, BEGIN.utc) == []


@pytest.mark.parametrize("what", EXPORTS)
@pytest.mark.parametrize("form", FORMATS)
def test_every_export_has_the_same_fields_in_every_format(store: Store, what: str, form: str) -> None:
    rows: list[dict[str, Any]] = list(read_csv(store, what)) if form == "csv" else read_json(store, what)
    assert rows
    assert list(rows[0]) == list(read_csv(store, what)[0])


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_export_is_well_formed(store: Store, form: str) -> None:
    text = "".join(export(store.reader, "sessions", UNTIL, UNTIL, form))
    assert text.startswith("id,") if form == "csv" else json.loads(text) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("harmless =1", "harmless =1"), ("", ""), (-1.5, -1.5), (-3, -3), (None, None), (True, True),
        (("=a", "b"), "'=a b"), ((7, 8), "7 8"), (Level.HOLD, "HOLD"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_a_cell(value: object, shown: object) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize(("what", "form", "names"), [("wishes", "csv", "sessions"), ("sessions", "xml", "csv, json")])
def test_a_wrong_word_names_the_right_ones(store: Store, what: str, form: str, names: str) -> None:
    with pytest.raises(ValueError, match=names):
        export(store.reader, what, SINCE, UNTIL, form)


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotReadableError, match=r"nothing\.db: unable to open"):
        list(Reader(Database(tmp_path / "nothing.db")).sessions(SINCE, UNTIL))


def test_both_databases_read_the_same(store: Store, opened: Callable[[], Store]) -> None:
    other = opened()
    asyncio.run(_live(other))
    for what in EXPORTS:
        lines = ["".join(export(one.reader, what, SINCE, UNTIL, "csv")) for one in (store, other)]
        assert lines[0] == lines[1]


def test_readers_cannot_write_and_do_not_hinder_the_writer(opened: Callable[[], Store]) -> None:
    store = opened()
    with store.database.reading().connect() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM transaction_log").scalar()
        asyncio.run(store.ledger.transaction_started("CP-03/1", Transaction(9, BEGIN.utc, 0.0)))
        assert (
            connection.exec_driver_sql("SELECT count(*) FROM transaction_log").scalar() == before
            or not store.database.path
        )
        with pytest.raises(Exception, match=r"read-?only"):
            connection.exec_driver_sql("DELETE FROM transaction_log")


def test_transactions_tell_an_unknown_beginning(opened: Callable[[], Store]) -> None:
    store = opened()
    asyncio.run(store.ledger.transaction_ended("CP-09/1", 4711, BEGIN.utc, 1.0, "Local"))
    found = [row for row in store.reader.transactions(SINCE, UNTIL) if row.id == 4711]
    assert [(row.evse, row.started, row.energy_wh) for row in found] == [("CP-09/1", None, 1.0)]


def test_alarms_are_read(store: Store) -> None:
    assert [(row.key, row.level, row.text) for row in store.reader.alarms(SINCE, UNTIL)] == [
        ("meter:main", Level.HOLD, "meter main silent")
    ]
