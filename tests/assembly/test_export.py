"""What is exported: whole, in order, harmless in a spreadsheet; from a real database, in a process of its own."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ems.adapters.export.parquet_file import NoParquetError
from ems.adapters.store.batch import Sample
from ems.adapters.store.moment import to_ms
from ems.adapters.store.reading import NotReadableError
from ems.adapters.store.store import Store
from ems.assembly.exporting import AT_ONCE, Errand, ExportProcesses, file_of
from ems.domain.decision import Alarm, Level
from ems.domain.energy.step import Step
from ems.domain.record.export_request import Exported, ExportRequest, Form
from ems.domain.record.session_entry import SessionFilter
from ems.domain.session import Need, NeedOrigin, Session, Transaction
from ems.ports.sessions import BusyError, NotReadError
from tests.adapters.store.clocks import BEGIN, HandClock

SINCE, UNTIL = BEGIN.utc - timedelta(days=1), BEGIN.utc + timedelta(days=3)
TEXT_FORMS = (Form.CSV, Form.JSON)


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


def asked(
    what: str, form: Form = Form.CSV, since: datetime = SINCE, until: datetime = UNTIL, **more: Any
) -> ExportRequest:
    return ExportRequest(Exported(what), form, SessionFilter(since, until), "Europe/Berlin", **more)


def whole(store: Store, request: ExportRequest) -> bytes:
    where = store.database.path
    assert where is not None
    return b"".join(file_of(Errand(request, where)))


def read_csv(
    store: Store, what: str, since: datetime = SINCE, until: datetime = UNTIL, **more: Any
) -> list[dict[str, str]]:
    text = whole(store, asked(what, Form.CSV, since, until, **more)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def read_json(store: Store, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(whole(store, asked(what, Form.JSON)))
    return found


def test_sessions_as_csv(store: Store) -> None:
    first, second = read_csv(store, "sessions")
    assert {name: text for name, text in first.items() if text not in {"", "false", "0"}} == {
        "id": "CP-01/1@20261122T090000Z", "evse": "CP-01/1", "plugged": "2026-11-22T09:00:00Z",
        "unplugged": "2026-11-22T09:11:40Z", "energy_wh": "5000.5", "need_wh": "20000.0",
        "departure": "2026-11-22T10:00:00Z", "transactions": "7", "tag": "'=cmd|'/c calc'!A1",
        "began": "2026-11-22T09:00:00Z", "ended": "2026-11-22T09:10:00Z", "ended_by": "Local",
    }  # fmt: skip
    assert second["unplugged"] == ""


def test_sessions_as_json(store: Store) -> None:
    first = read_json(store, "sessions")[0]
    assert (first["transactions"], first["tag"], first["soc_percent"]) == (["7"], "=cmd|'/c calc'!A1", None)


def test_energy_has_every_quarter_hour_of_every_subject(store: Store) -> None:
    found = read_csv(store, "energy")
    assert [row["starts"] for row in found] == [f"2026-11-22T09:{m:02d}:00Z" for m in (0, 15, 30, 45)]
    assert {row["name"] for row in found} == {"grid"}
    assert (found[0]["mean_l1_a"], found[0]["mean_l3_a"]) == ("10.0", "-3.0")
    assert sum(int(row["energy_wh"]) for row in found) == 3599


def test_the_span_begins_where_it_says_and_ends_before(store: Store) -> None:
    starts = BEGIN.utc + timedelta(minutes=15)
    assert len(read_csv(store, "energy", starts, starts + timedelta(minutes=30))) == 2
    assert read_csv(store, "sessions", SINCE, BEGIN.utc) == []
    with pytest.raises(ValueError, match="ends before it begins"):
        read_csv(store, "sessions", BEGIN.utc, BEGIN.utc)


@pytest.mark.parametrize("what", [one.value for one in Exported])
@pytest.mark.parametrize("form", TEXT_FORMS)
def test_every_export_has_the_same_fields_in_every_format(store: Store, what: str, form: Form) -> None:
    rows: list[dict[str, Any]] = list(read_csv(store, what)) if form is Form.CSV else read_json(store, what)
    assert rows
    assert list(rows[0]) == list(read_csv(store, what)[0])


@pytest.mark.parametrize("form", TEXT_FORMS)
def test_an_empty_export_is_well_formed(store: Store, form: Form) -> None:
    text = whole(store, asked("sessions", form, UNTIL, UNTIL + timedelta(days=1))).decode()
    assert text.startswith("id,") if form is Form.CSV else json.loads(text) == []


def test_a_parquet_file_has_the_types_of_its_columns(store: Store) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra ems[parquet] is not installed")
    read = parquet.read_table(io.BytesIO(whole(store, asked("sessions", Form.PARQUET))))
    first = read.to_pylist()[0]
    assert (first["plugged"], first["energy_wh"], first["transactions"]) == (BEGIN.utc, 5000.5, ["7"])
    assert str(read.schema.field("cost").type).startswith("decimal128")


def test_without_the_package_the_remedy_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NoParquetError, match=r"pip install 'ems\[parquet\]', or take csv or json"):
        whole(store, asked("sessions", Form.PARQUET))


def test_energy_by_the_day_is_that_of_its_quarter_hours(store: Store) -> None:
    (day,) = read_csv(store, "energy", step=Step.DAY)
    assert (day["starts"], day["energy_wh"], day["covered_s"]) == ("2026-11-21T23:00:00Z", "3599", "3600")


def test_columns_are_chosen_by_name(store: Store) -> None:
    assert list(read_csv(store, "sessions", columns=("energy_wh", "id"))[0]) == ["energy_wh", "id"]
    with pytest.raises(ValueError, match="there is no column 'colour': choose from id, evse"):
        whole(store, asked("sessions", columns=("colour",)))


def test_a_spreadsheet_gets_what_it_reads_in_its_language(store: Store) -> None:
    text = whole(store, asked("sessions", language="de", columns=("plugged", "energy_wh", "tag"))).decode()
    assert text.splitlines()[:2] == [
        "\ufeffplugged;energy_wh;tag;utc_offset", "2026-11-22 10:00:00;5000,5;'=cmd|'/c calc'!A1;UTC+01:00",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["xx", "DE"])
def test_a_language_that_is_not_known_names_those_that_are(language: str) -> None:
    with pytest.raises(ValueError, match="choose from en, de"):
        asked("sessions", language=language)


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotReadableError, match=r"nothing\.db: unable to open"):
        list(file_of(Errand(asked("sessions"), tmp_path / "nothing.db")))


async def _taken(exports: ExportProcesses, request: ExportRequest) -> bytes:
    return b"".join([piece async for piece in await exports.open(request)])


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_process_of_its_own_writes_the_same_file(store: Store, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    where = store.database.path
    assert where is not None
    for form in TEXT_FORMS:
        with asyncio.Runner(loop_factory=loop) as runner:
            told = runner.run(_taken(ExportProcesses(where), asked("sessions", form)))
        assert told == whole(store, asked("sessions", form))


def test_what_is_wrong_is_told_before_the_first_byte(tmp_path: Path, store: Store) -> None:
    where = store.database.path
    assert where is not None
    with pytest.raises(ValueError, match="no column 'colour'"):
        asyncio.run(_taken(ExportProcesses(where), asked("sessions", columns=("colour",))))
    with pytest.raises(NotReadError, match="unable to open"):
        asyncio.run(_taken(ExportProcesses(tmp_path / "nothing.db"), asked("sessions")))


def test_who_goes_away_ends_the_process_and_makes_room(store: Store) -> None:
    where = store.database.path
    assert where is not None

    async def many() -> None:
        exports = ExportProcesses(where)
        begun = [await exports.open(asked("sessions")) for _ in range(AT_ONCE)]
        with pytest.raises(BusyError, match="ask again"):
            await exports.open(asked("sessions"))
        for pieces in begun:
            await anext(pieces)
            await pieces.aclose()  # type: ignore[attr-defined]  # a generator, as the server closes it
        assert await _taken(exports, asked("sessions"))

    asyncio.run(many())
