"""The list of sessions: what belongs to a period, what a filter finds, what it adds up to, and by which way."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update
from sqlalchemy.dialects import sqlite

from ems.adapters.store.database import Database
from ems.adapters.store.moment import to_ms
from ems.adapters.store.reading import NotReadableError
from ems.adapters.store.schema import session, transaction_log
from ems.adapters.store.session_query import conditions_of, page_query, sums_query
from ems.adapters.store.session_reading import SessionReader
from ems.adapters.store.session_schema import signed_value
from ems.domain.billing.payment import PaymentState
from ems.domain.local_clock import day_begin_s, local
from ems.domain.record.session_entry import INFERRED, SessionFilter, SessionSort, SessionSums
from tests.adapters.store.seeded import Seeded, seed

BERLIN = ZoneInfo("Europe/Berlin")


def at(day: int, hour: int = 0, minute: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def month(first: date, after: date) -> SessionFilter:
    """A local month, whatever the clocks do in it."""
    since, until = (local(day_begin_s(day, BERLIN), BERLIN).astimezone(UTC) for day in (first, after))
    return SessionFilter(since, until)


OCTOBER = month(date(2026, 10, 1), date(2026, 11, 1))
"""31 days and an hour: on the 25th the clock is set back."""

SESSIONS = (
    Seeded("CP-02/1", at(30, 23, 30, month=9), hours=2, energy_wh=5_000, tag="04AA"),
    Seeded("CP-01/1", at(1), hours=1, energy_wh=8_000, tag="04AA", person="anna", cost_centre="4711", groups=("f",),
           cost_minor=400, idle_s=600),
    Seeded("CP-01/2", at(12, 9), hours=3, energy_wh=12_000, tag="04bb", vehicle="Bus 17", groups=("fleet", "ff"),
           cost_minor=600, paid="captured", ended_by="Remote"),
    # Twice the same time of day, an hour apart.
    Seeded("CP-01/1", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), hours=0.5, energy_wh=1_000, inferred=True,
           ended_by="the station forgot"),
    Seeded("CP-01/1", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), hours=0.5, energy_wh=2_000, cost_minor=100,
           currency="CHF", paid="released"),
    Seeded("CP-10/1", at(28, 8), hours=4, energy_wh=99_000, tag="04AA", void=True),
    # Across the end of the month: all of it belongs to October.
    Seeded("CP-10/1", at(31, 23, 45), hours=5, energy_wh=20_000, tag="04AA", vehicle="Bus 17", cost_minor=1_000,
           idle_s=7_200, ended_by="EVDisconnected"),
    Seeded("CP-02/1", at(1, 0, month=11), hours=None, energy_wh=3_000),
)  # fmt: skip
IDS = [one.id for one in SESSIONS]
COUNTED = [1, 2, 3, 4, 6]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> SessionReader:
    database = Database(tmp_path_factory.mktemp("sessions") / "ems.db")
    seed(database, SESSIONS)
    return SessionReader(database)


def found(reader: SessionReader, wanted: SessionFilter) -> list[int]:
    return [IDS.index(entry.id) for entry in reader.entries(wanted)]


def test_a_session_belongs_to_the_month_in_which_it_began(reader: SessionReader) -> None:
    assert found(reader, OCTOBER) == COUNTED
    assert OCTOBER.until - OCTOBER.since == timedelta(days=31, hours=1)


def test_the_sums_of_a_month_are_those_of_its_sessions(reader: SessionReader) -> None:
    assert reader.sums(OCTOBER) == SessionSums(
        sessions=5, open=0, energy_wh=8_000 + 12_000 + 1_000 + 2_000 + 20_000, occupied_s=10 * 3600.0, idle_s=7_800,
        cost_minor={"EUR": 2_000, "CHF": 100},
    )  # fmt: skip


def test_the_hour_that_comes_twice_holds_two_sessions(reader: SessionReader) -> None:
    twenty_fifth = month(date(2026, 10, 25), date(2026, 10, 26))
    assert twenty_fifth.until - twenty_fifth.since == timedelta(hours=25)
    assert found(reader, twenty_fifth) == [3, 4]


def test_what_lasts_is_counted_but_has_no_time_yet(reader: SessionReader) -> None:
    november = month(date(2026, 11, 1), date(2026, 12, 1))
    assert reader.sums(november) == SessionSums(1, 1, 3_000, 0.0, 0, {})


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ({"evses": frozenset({"CP-01/1"})}, [1, 3, 4]), ({"evses": frozenset()}, []),
        ({"station": "CP-01"}, [1, 2, 3, 4]), ({"station": "CP-1"}, []), ({"station": "CP-10"}, [6]),
        ({"tag": "04aa"}, [1, 6]), ({"tag": " 04BB "}, [2]), ({"vehicle": "Bus 17"}, [2, 6]), ({"person": "anna"}, [1]),
        ({"cost_centre": "4711"}, [1]), ({"group": "f"}, [1]), ({"group": "fleet"}, [2]), ({"group": "%"}, []),
        ({"payments": frozenset({PaymentState.CAPTURED})}, [2]),
        ({"payments": frozenset({None, PaymentState.RELEASED})}, [1, 3, 4, 6]), ({"payments": frozenset()}, []),
        ({"ended_by": frozenset({"Remote"})}, [2]), ({"ended_by": frozenset({INFERRED})}, [3]),
        ({"ended_by": frozenset({"Local", INFERRED})}, [1, 3, 4]),
        ({"ended_by": frozenset({"the station forgot"})}, []),
        ({"is_open": True}, []), ({"is_open": False}, COUNTED), ({"with_void": True}, [1, 2, 3, 4, 5, 6]),
        ({"tag": "04AA", "vehicle": "Bus 17"}, [6]), ({"tag": "' OR 1=1 --"}, []),
    ],
)  # fmt: skip
def test_a_filter(reader: SessionReader, of: dict[str, object], expected: list[int]) -> None:
    wanted = replace(OCTOBER, **of)  # type: ignore[arg-type]  # each row names fields with values of their kind
    assert found(reader, wanted) == expected
    counted = [one for one in expected if not SESSIONS[one].void]
    sums = reader.sums(wanted)
    assert (sums.sessions, sums.energy_wh) == (len(counted), sum(SESSIONS[one].energy_wh for one in counted))


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (SessionSort.PLUGGED, [1, 2, 3, 4, 6]), (SessionSort.ENERGY, [3, 4, 1, 2, 6]),
        (SessionSort.COST, [3, 4, 1, 2, 6]), (SessionSort.DURATION, [3, 4, 1, 2, 6]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("most", [1, 2, 3, 5, 50])
def test_pages_follow_each_other_without_gap_or_repetition(
    reader: SessionReader, sort: SessionSort, order: list[int], falling: bool, most: int
) -> None:
    seen, mark = [], None
    while True:
        page = reader.page(OCTOBER, sort, falling=falling, after=mark, most=most)
        seen += [IDS.index(entry.id) for entry in page.entries]
        if (mark := page.next) is None:
            break
        assert len(page.entries) == most
    assert seen == (order[::-1] if falling else order)


def test_an_entry_tells_everything_of_a_session(reader: SessionReader) -> None:
    entry = reader.entry(IDS[2])
    assert entry is not None
    one = SESSIONS[2]
    assert (entry.tag, entry.vehicle, entry.groups, entry.payment) == (
        "04bb", "Bus 17", ("ff", "fleet"), PaymentState.CAPTURED,
    )  # fmt: skip
    assert (entry.cost_minor, entry.currency, entry.ended_by, entry.is_inferred) == (600, "EUR", "Remote", False)
    assert (entry.began, entry.ended) == (one.plugged + timedelta(seconds=30), one.plugged + timedelta(hours=3))
    assert reader.entry("nobody") is None


def test_the_energy_of_a_session_lies_in_the_quarters_in_which_it_flowed(reader: SessionReader) -> None:
    quarters = reader.quarters(IDS[6])
    assert [one.starts for one in quarters] == [at(31, 23, 45) + timedelta(minutes=15 * k) for k in range(4)]
    assert sum(one.energy_wh for one in quarters if one.starts < OCTOBER.until) == 5_000


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotReadableError, match=r"nothing\.db: unable to open"):
        SessionReader(Database(tmp_path / "nothing.db")).sums(OCTOBER)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Enough rows that statistics are about something; how a query is planned does not depend on their number."""
    database = Database(tmp_path_factory.mktemp("many") / "ems.db")
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    some = (
        Seeded(f"CP-{k % 20:02d}/1", begin + timedelta(minutes=7 * k), tag=f"T{k % 50}", person=f"p{k % 50}",
               vehicle=f"v{k % 50}", cost_centre=f"c{k % 9}", quarters=1)
        for k in range(2_000)
    )  # fmt: skip
    seed(database, some)
    return database


@pytest.mark.parametrize(
    ("of", "index"),
    [
        ({}, "session_plugged"), ({"station": "CP-01"}, "session_"),
        ({"evses": frozenset({"CP-01/1"})}, "session_evse"),
        ({"tag": "T1"}, "session_tag_key"), ({"person": "p1"}, "session_person"),
        ({"vehicle": "v1"}, "session_vehicle"), ({"cost_centre": "c1"}, "session_cost_centre"),
        ({"payments": frozenset({PaymentState.CAPTURED})}, "session_plugged"),
        ({"ended_by": frozenset({"Local"})}, "session_plugged"), ({"group": "fleet"}, "session_plugged"),
    ],
)  # fmt: skip
def test_no_filter_reads_the_whole_table(many: Database, of: dict[str, object], index: str) -> None:
    """A million sessions hurt nobody: the rows of a page come from an index, and no table is scanned."""
    since = datetime(2026, 1, 2, tzinfo=UTC)
    wanted = SessionFilter(since, since + timedelta(days=5), **of)  # type: ignore[arg-type]  # as above
    query = page_query(wanted, SessionSort.PLUGGED, falling=True, after=None).limit(51)
    words = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with many.reading().connect() as connection:
        steps = [
            row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {words.replace(':', chr(92) + ':')}"))
        ]
    assert any(re.search(f"SEARCH session USING (COVERING )?INDEX {index}", step) for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN")], steps


@pytest.mark.parametrize("sort", list(SessionSort))
def test_both_databases_read_the_same(where: str | Path, sort: SessionSort) -> None:
    database = Database(where)
    seed(database, SESSIONS)
    reader, seen, mark = SessionReader(database), [], None
    while True:
        page = reader.page(OCTOBER, sort, falling=True, after=mark, most=2)
        seen += [IDS.index(entry.id) for entry in page.entries]
        if (mark := page.next) is None:
            break
    assert sorted(seen) == COUNTED
    assert seen[0] == 6
    assert reader.sums(OCTOBER).cost_minor == {"EUR": 2_000, "CHF": 100}
    assert found(reader, replace(OCTOBER, group="f")) == [1]
    assert found(reader, replace(OCTOBER, payments=frozenset({None}))) == [1, 3, 6]
    assert found(reader, replace(OCTOBER, ended_by=frozenset({INFERRED}))) == [3]
    assert found(reader, replace(OCTOBER, tag="04aa", station="CP-10")) == [6]


@pytest.mark.parametrize(
    ("of", "index"),
    [
        ({}, "session_plugged"), ({"group": "fleet"}, "session_plugged"),
        ({"ended_by": frozenset({"Local", INFERRED})}, "session_plugged"), ({"is_open": False}, "session_plugged"),
        ({"payments": frozenset({None})}, "session_plugged"),
        ({"evses": frozenset({"CP-01/1", "CP-02/1"}), "group": "fleet"}, "session_evse"),
        ({"cost_centre": "c1", "ended_by": frozenset({"Local"})}, "session_cost_centre"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by_currency", [False, True])
def test_sums_need_nothing_but_their_index(
    many: Database, of: dict[str, object], index: str, by_currency: bool
) -> None:
    since = datetime(2026, 1, 2, tzinfo=UTC)
    wanted = SessionFilter(since, since + timedelta(days=5), **of)  # type: ignore[arg-type]  # as above
    conditions = (*conditions_of(wanted, 0, 1), session.c.is_void.is_not(True))
    query = sums_query(conditions, by_currency)
    words = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with many.reading().connect() as connection:
        steps = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {words}"))]
    assert any(f"SEARCH session USING COVERING INDEX {index}" in step for step in steps), steps


def test_a_session_of_several_transactions_is_told_by_all_of_them(where: str | Path) -> None:
    database = Database(where)
    some = [Seeded("CP-01/1", at(day), tag="04AA", ended_by="Local") for day in range(2, 6)]
    seed(database, some)
    with database.connect() as connection, database.transaction(connection, durable=False):
        later = {"evse": "CP-01/1", "id_tag": "04BB", "inferred": True, "reason": "the station forgot"}
        began = to_ms(at(2)) + 60_000
        connection.execute(transaction_log.insert(), {**later, "id": 9, "started": began, "ended": began + 1_000})
        values = [("[1, 9]", 9), ("[7]", 7), ("spoilt", 3), ("[4, 7]", 7)]
        for one, (transactions, last) in zip(some, values, strict=True):
            told = {"transactions": transactions, "last_transaction": last, "tag": None}
            connection.execute(update(session).where(session.c.id == one.id).values(told))
        common = {"evse": "CP-01/1", "at": 0, "context": "", "value": "x"}
        of = {"a": 1, "b": 9, "c": 9, "d": 7, "e": 3}
        signed = [{**common, "digest": digest, "transaction_id": number} for digest, number in of.items()]
        connection.execute(signed_value.insert(), signed)
    first, lost, spoilt, half = SessionReader(database).entries(OCTOBER)
    assert (first.transactions, first.tag, first.ended_by, first.is_inferred) == (
        (1, 9), "04BB", "the station forgot", True,
    )  # fmt: skip
    assert (first.began, first.ended) == (at(2) + timedelta(seconds=30), at(2) + timedelta(seconds=61))
    assert [one.signed for one in (first, lost, spoilt, half)] == [3, 1, 0, 1]
    assert (lost.transactions, lost.tag, lost.began, lost.ended_by) == ((7,), None, None, "")
    assert (spoilt.transactions, spoilt.began) == ((), None)
    assert (half.transactions, half.tag, half.ended_by, half.is_inferred) == ((4, 7), "04AA", "Local", False)
