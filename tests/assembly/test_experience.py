"""What the planner's process reads of the past, from a real database and real files."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from ems.adapters.store.database import Database
from ems.adapters.store.moment import to_ms
from ems.adapters.store.schema import interval, session, subject, transaction_log
from ems.assembly.experience import Archive, past_of
from ems.assembly.sources import PriceFolder, Sources
from ems.domain.energy.demand_charge import BillingPeriod, DemandCharge
from ems.domain.energy.price import EnergyPrice, TimedPrice
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import Tariff
from ems.domain.meter import Meter, MeterRole
from ems.domain.site import Site
from tests.builders import circuit, evse, layout

NOW = datetime(2026, 6, 17, 12, 7, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
MIDNIGHT = datetime(2026, 6, 1, tzinfo=UTC)
TARIFF = Tariff(
    "business", "EUR", "UTC",
    energy=(EnergyPrice("procurement", (TimedPrice(0.02),), "day-ahead"),),
    demand=(DemandCharge("peak", 120.0),),
)  # fmt: skip


def site(*meters: Meter) -> Site:
    """One outlet behind a metered grid connection, with further meters."""
    return layout([circuit("grid", 63, meter="main")], [evse("A1", "grid")], meters=meters)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with its tables, and nothing in them."""
    path = tmp_path / "ems.sqlite3"
    Database(path).connect().close()
    return path


def sources(database: Path, of: Site | None = None, tariff: Tariff | None = None) -> Sources:
    return Sources(of or site(), tariff, database.parent / "prices", database)


def write(database: Path, rows: Iterable[tuple[Any, Mapping[str, Any]]]) -> None:
    """Rows of tables."""
    known = Database(database)
    with known.connect() as connection, known.transaction(connection, durable=False):
        for table, row in rows:
            connection.execute(insert(table), row)


def measured(database: Path, kind: str, name: str, watts: Mapping[datetime, float | None], **columns: Any) -> None:
    """Quarter hours of a subject."""
    number = abs(hash((kind, name))) % 1_000_000
    write(database, [(subject, {"id": number, "kind": kind, "name": name})])
    common = {"subject": number, "covered_s": 900, **columns}
    write(database, [(interval, {"starts": to_ms(at), "mean_w": w, **common}) for at, w in watts.items()])


def begins(first: datetime, count: int) -> list[datetime]:
    return [first + k * QUARTER for k in range(count)]


def test_sessions_that_ended_are_known_with_who_charged_and_what_was_said(database: Path) -> None:
    common = {"evse": "A1/1", "need_origin": "stated", "service_class": 0}
    plugged = NOW - timedelta(days=3)
    at = {"plugged": to_ms(plugged), "unplugged": to_ms(plugged + timedelta(hours=8))}
    said = {"need_wh": 20_000.0, "departure": to_ms(plugged + timedelta(hours=9)), "transactions": "[7]"}
    running = {"plugged": to_ms(NOW - timedelta(hours=1)), "unplugged": None, "transactions": "[]"}
    old = {"plugged": to_ms(NOW - timedelta(days=200)), "unplugged": to_ms(NOW - timedelta(days=199))}
    write(
        database,
        [
            (transaction_log, {"id": 7, "evse": "A1/1", "started": to_ms(plugged), "id_tag": "CARD-1"}),
            (session, {"id": "a", "energy_wh": 12_000.0, "vehicle": "Bus 17", **common, **at, **said}),
            (session, {"id": "b", "energy_wh": 500.0, **common, **running}),
            (session, {"id": "c", "energy_wh": 9.0, "transactions": "[]", **common, **old}),
            (session, {"id": "d", "energy_wh": math.inf, **common, **at, **said}),
            (session, {"id": "e", "energy_wh": -1.0, **common, **at, **said}),
            (session, {"id": "f", "energy_wh": 1.0, **common, **said, "plugged": at["plugged"], "unplugged": 0}),
        ],
    )
    history = past_of(sources(database), NOW).sessions
    assert history is not None
    (known,) = history.sessions
    assert (known.evse, known.arrival, known.departure) == ("A1/1", plugged, plugged + timedelta(hours=8))
    assert (known.energy_wh, known.requested_wh, known.user) == (12_000.0, 20_000.0, "CARD-1")
    assert known.vehicle == "Bus 17"
    assert known.stated_departure == plugged + timedelta(hours=9)


def test_other_load_is_what_flows_less_vehicles_plant_and_battery(database: Path) -> None:
    here = site(Meter("roof", role=MeterRole.PV, circuit="grid"), Meter("cell", role=MeterRole.BATTERY, circuit="grid"))
    times = begins(MIDNIGHT, 4)
    measured(database, "circuit", "grid", dict.fromkeys(times, 6000.0))
    measured(database, "meter", "roof", dict.fromkeys(times[:3], -2000.0))
    measured(database, "meter", "cell", dict.fromkeys(times, 500.0))
    amps = {f"mean_l{phase}_ca": 435 for phase in (1, 2, 3)}
    measured(database, "drawn", "grid", dict.fromkeys(times), **amps)
    past = past_of(sources(database, here), NOW)
    assert past.building_w is not None
    assert past.generation_w is not None
    assert past.building_w.begins == past.generation_w.begins == MIDNIGHT
    drawn_w = 3 * 4.35 * 230.0
    assert past.building_w.mean_w[:3].tolist() == pytest.approx([6000.0 - drawn_w + 2000.0 - 500.0] * 3)
    assert past.generation_w.mean_w[:3].tolist() == [2000.0] * 3
    assert math.isnan(past.building_w.mean_w[3]), "nobody knows what the sun gave"


def test_what_was_hardly_measured_was_not(database: Path) -> None:
    measured(database, "circuit", "grid", {MIDNIGHT: 1000.0}, covered_s=200)
    measured(database, "drawn", "grid", dict.fromkeys(begins(MIDNIGHT, 2), 0.0))
    assert past_of(sources(database), NOW).building_w is None


def test_without_a_meter_at_the_grid_connection_nothing_is_known_of_other_load(database: Path) -> None:
    blind = layout([circuit("grid", 63)], [evse("A1", "grid")])
    measured(database, "drawn", "grid", dict.fromkeys(begins(MIDNIGHT, 2), 0.0))
    past = past_of(sources(database, blind, TARIFF), NOW)
    assert (past.building_w, past.generation_w, dict(past.paid)) == (None, None, {})


def test_the_peak_of_this_billing_period_is_paid_that_of_the_last_one_is_not(database: Path) -> None:
    may = datetime(2026, 5, 20, tzinfo=UTC)
    measured(database, "circuit", "grid", {may: 40_000.0, MIDNIGHT: 9000.0, MIDNIGHT + QUARTER: 21_000.0})
    june = BillingPeriod(MIDNIGHT.date(), datetime(2026, 6, 30, tzinfo=UTC).date())
    assert past_of(sources(database, tariff=TARIFF), NOW).paid == {("peak", june): 21.0}


@pytest.mark.parametrize(
    ("what", "spoil", "said"),
    [
        ("no file", lambda path: path.unlink(), "unable to open"),
        ("no database", lambda path: path.write_bytes(b"poison" * 1000), "not a database"),
        ("a table is missing", lambda path: drop(path, "interval"), "no such table"),
        ("another table is missing", lambda path: drop(path, "session"), "no such table"),
    ],
)
def test_a_database_that_tells_nothing_costs_its_knowledge_and_no_more(
    what: str, spoil: Any, said: str, database: Path
) -> None:
    for suffix in ("-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    spoil(database)
    known, doubts = Archive(sources(database, tariff=TARIFF)).experience(NOW, 5.0)
    assert (known.sessions, known.building_w) == (None, None), what
    assert known.tariff is TARIFF
    (doubt,) = doubts
    assert doubt.startswith("the past cannot be read: ")
    assert said in doubt


def drop(path: Path, table: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"DROP TABLE {table}")
    connection.close()


def test_a_disk_that_is_slow_is_not_waited_for_but_used_as_soon_as_it_answers(database: Path) -> None:
    measured(database, "circuit", "grid", dict.fromkeys(begins(MIDNIGHT, 4), 6000.0))
    measured(database, "drawn", "grid", dict.fromkeys(begins(MIDNIGHT, 4), 0.0))
    archive = Archive(sources(database))
    _, doubts = archive.experience(NOW, 0.0)
    assert doubts == ("the past has not been read yet: planned without it",)
    known, doubts = archive.experience(NOW, 10.0)
    assert doubts == ()
    assert known.building_w is not None


def prices(folder: Path, **files: str) -> PriceFolder:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name.replace('_', '-')}.csv").write_text(text, encoding="utf-8")
    return PriceFolder(folder)


HEAD = "begin;EUR/kWh\n"


def test_prices_come_from_the_files_of_their_series_and_later_files_win(tmp_path: Path) -> None:
    folder = prices(
        tmp_path,
        day_ahead=HEAD + "2026-06-17T00:00Z;0.10\n2026-06-17T01:00Z;0.20\n",
        day_ahead_2=HEAD + "2026-06-17T01:00Z;0.30\n2026-06-17T02:00Z;0.40\n",
        day_aheads=HEAD + "2026-06-17T03:00Z;0.50\n2026-06-17T04:00Z;0.60\n",
    )
    tariff, doubts = folder.completed(TARIFF)
    assert tariff is not None
    assert doubts == ()
    assert [round(point.per_kwh, 9) for point in tariff.series["day-ahead"].points] == [0.10, 0.30, 0.40]
    assert folder.completed(None) == (None, ())


def test_what_was_pushed_counts_over_the_files_where_it_tells_a_price(tmp_path: Path) -> None:
    folder = prices(tmp_path, day_ahead=HEAD + "2026-06-17T00:00Z;0.10\n2026-06-17T01:00Z;0.20\n")
    begins = datetime(2026, 6, 17, 1, tzinfo=UTC)
    pushed = PriceSeries.of([(begins, -0.02), (begins + timedelta(hours=1), 0.03)])
    for told in ({"day-ahead": pushed}, {"day-ahead": pushed, "intraday": pushed}):
        tariff, doubts = folder.completed(TARIFF, told)
        assert tariff is not None
        assert [round(point.per_kwh, 9) for point in tariff.series["day-ahead"].points] == [0.10, -0.02, 0.03]
        assert doubts == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "day-ahead.csv has no prices"),
        ("begin;EUR/kWh\n2026-06-17T00:00Z;cheap\n", "day-ahead.csv has no prices: the price 'cheap' is not a number"),
        ("begin;GBP/kWh\n2026-06-17T00:00Z;0.1\n2026-06-17T01:00Z;0.1\n",
         "day-ahead.csv is in GBP, the tariff in EUR: not used"),
    ],
)  # fmt: skip
def test_a_price_file_that_cannot_be_used_is_named(tmp_path: Path, text: str, said: str) -> None:
    tariff, (doubt,) = prices(tmp_path, day_ahead=text).completed(TARIFF)
    assert tariff == TARIFF
    assert doubt.startswith(said)


def test_whether_a_price_file_changed_is_seen_without_reading_it(tmp_path: Path) -> None:
    folder = prices(tmp_path)
    states = [folder.state()]
    for text in ("a", "ab"):
        (tmp_path / "day-ahead.csv").write_text(text, encoding="utf-8")
        states.append(folder.state())
    (tmp_path / "day-ahead.csv").unlink()
    assert len(set(states)) == 3
    assert folder.state() == states[0] == PriceFolder(tmp_path / "nowhere").state() == ()


def test_what_was_read_is_read_again_when_it_is_no_longer_fresh(database: Path) -> None:
    archive = Archive(sources(database))
    assert archive.experience(NOW, 10.0)[0].building_w is None
    measured(database, "circuit", "grid", dict.fromkeys(begins(MIDNIGHT, 4), 6000.0))
    measured(database, "drawn", "grid", dict.fromkeys(begins(MIDNIGHT, 4), 0.0))
    assert archive.experience(NOW + timedelta(minutes=1), 10.0)[0].building_w is None
    assert archive.experience(NOW + timedelta(minutes=11), 10.0)[0].building_w is not None
