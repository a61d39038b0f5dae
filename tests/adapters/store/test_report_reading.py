"""What is in the database comes out as the records that reports are made of, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from ems.adapters.store.carrying import carry
from ems.adapters.store.database import Database
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.money_schema import correction, refund
from ems.adapters.store.payment_schema import payment
from ems.adapters.store.price_schema import receipt, usage
from ems.adapters.store.report_reading import read_past
from ems.adapters.store.schema import interval, session, subject
from ems.adapters.store.store import Store
from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.meter import Meter, MeterRole
from ems.domain.record.correction import Wanted
from ems.domain.unknown import UnknownError
from ems.ports.reports import ExportRun, RunState
from ems.statistics.period import Every
from ems.statistics.record import Cause, Charged, ControlQuarter, Excluded, Exclusion, Flow
from ems.statistics.report import Report, report_of
from tests.adapters.store.clocks import HandClock
from tests.adapters.store.seeded import Seeded, seed
from tests.statistics.month import (
    CONTROL,
    CORRECTED,
    EXCLUDED,
    FACTS,
    GIVEN_BACK,
    NOW_S,
    OCTOBER,
    OUTAGES,
    PAST,
    SITE,
    s,
)


def fill(database: Database) -> None:
    """The month of `tests.statistics.month` in rows, and sessions that must not count."""
    sessions = [
        {
            "id": one.id, "evse": one.evse, "plugged": 1000 * one.plugged_s, "unplugged": 1000 * (one.unplugged_s or 0),
            "energy_wh": one.energy_wh, "need_wh": one.need_wh, "vehicle": one.vehicle, "tag": one.tag,
            "departure": None if one.departure_s is None else 1000 * one.departure_s, "need_origin": "stated",
            "service_class": 0, "transactions": "[]", "person": one.person, "cost_centre": one.cost_centre,
        }
        for one in PAST.sessions
    ]  # fmt: skip
    void = {**sessions[1], "id": "void", "is_void": True, "total_minor": 120}
    withdrawn = {**sessions[1], "id": "withdrawn", "is_void": True}
    before = {**sessions[0], "id": "before", "unplugged": 1000 * s("2026-09-30T21:59")}
    after = {**sessions[2], "id": "after", "plugged": 1000 * s("2026-10-31T23:00")}
    with database.connect() as connection, database.transaction(connection, durable=False):
        for row in (*sessions, void, withdrawn, before, after):
            connection.execute(session.insert(), [{"is_void": None, **row}])
        for name, starts_s, energy_wh, idle_s in PAST.used:
            used = {"session": name, "starts": 1000 * starts_s, "energy_wh": energy_wh, "idle_s": idle_s}
            connection.execute(usage.insert(), [used])
        for one in PAST.sessions:
            if one.cost_minor is not None:
                row = {
                    "session": one.id, "evse": one.evse, "plugged": 1000 * one.plugged_s, "unplugged": 0,
                    "energy_wh": 0, "price_list": "p", "title": "P", "currency": "EUR", "vat_bp": 0,
                    "total_minor": one.cost_minor, "vat_minor": 0,
                }  # fmt: skip
                connection.execute(receipt.insert(), [row])
        carry(connection, [one.id for one in PAST.sessions])
        gives_back(connection)


FIRST_MS, AFTER_MS = 1000 * OCTOBER.begin_s, 1000 * OCTOBER.end_s
REFUNDS = (
    # session, account, state, created, amount
    ("S2", "", "done", FIRST_MS, 25),
    ("withdrawn", "", "done", FIRST_MS, 5),
    ("september", "", "requested", AFTER_MS - 1, 20),
    ("S3", "", "failed", FIRST_MS, 1),
    ("S2", "", "done", FIRST_MS - 1, 2),
    ("S3", "", "done", AFTER_MS, 4),
    ("", "anna", "done", FIRST_MS, 8),
    ("void", "", "done", FIRST_MS, 16),
)
"""The first three count: the others were refused, of another month, of a top-up, of a receipt that somebody voided.
What was paid for a session that proved to have begun before is on the receipt of the one that counts.
"""

CORRECTIONS = ((FIRST_MS - 1, 1), (FIRST_MS, -50), (AFTER_MS - 1, 30), (AFTER_MS, 2))


def gives_back(connection: Connection) -> None:
    """What went back, and what was wrong on bills of months."""
    for number, (name, account, state, created, amount) in enumerate(REFUNDS):
        paid = {
            "id": f"p{number}", "tag": f"P{number}", "evse": "A/1", "provider": "sandbox", "prices": "{}", "why": "",
            "hold_minor": 5000, "least_minor": 50, "created": 0, "expires": 0, "since": 0, "back_url": "", "url": "",
            "state": "captured", "checkout": "", "hold_id": "", "session": name, "amount_minor": 100,
            "account": account,
        }  # fmt: skip
        back = {
            "id": f"r{number}", "payment": f"p{number}", "number": 1, "amount_minor": amount, "vat_minor": 0,
            "reason": "slow", "who": "eve", "state": state, "created": created, "since": created, "why": "",
        }  # fmt: skip
        connection.execute(payment.insert(), [paid])
        connection.execute(refund.insert(), [back])
    for number, (at, amount) in enumerate(CORRECTIONS):
        told = {
            "id": f"c{number}", "billing_group": "fleet", "at": at, "of_month": "2026-09", "amount_minor": amount,
            "vat_bp": 0, "vat_minor": 0, "note": "wrong", "who": "eve",
        }  # fmt: skip
        connection.execute(correction.insert(), [told])


def test_a_report_of_what_is_stored_is_that_of_the_records(where: str | Path) -> None:
    database = Database(where)
    fill(database)
    past = read_past(database, SITE, OCTOBER, NOW_S)
    assert past.sessions == PAST.sessions
    within = tuple(one for one in PAST.used if one.starts_s >= OCTOBER.begin_s)
    assert past.used == tuple(sorted(within, key=lambda one: one.starts_s))
    assert (past.given_back_minor, past.corrected_minor) == (GIVEN_BACK, CORRECTED)
    known = replace(past, outages=OUTAGES, excluded=EXCLUDED, control=CONTROL)
    assert report_of(known, FACTS) == report_of(PAST, FACTS)


def test_powers_of_the_grid_connection_of_pv_and_of_evses(tmp_path: Path) -> None:
    meters = (Meter("main"), Meter("roof", role=MeterRole.PV, circuit="grid"))
    grid = Circuit("grid", None, (63.0, 63.0, 63.0), meter="main")
    site = replace(SITE, circuits=CircuitTree((grid,)), meters=meters)
    database, at = Database(tmp_path / "ems.db"), 1000 * OCTOBER.begin_s
    rows = [
        (0, 1, {"mean_w": 5000}), (0, 2, {"mean_w": -2000}), (0, 3, {"mean_w": 3000, "max_w": 3700, "max_l1_ca": 1600}),
        (1, 1, {"mean_l1_ca": 1000, "mean_l2_ca": 500, "mean_l3_ca": 500}), (1, 3, {"mean_w": 10}),
        (2, 1, {"mean_w": 7000, "covered_s": 100}), (2, 2, {"mean_w": 50}),
    ]  # fmt: skip
    with database.connect() as connection, database.transaction(connection, durable=False):
        names = [("circuit", "grid"), ("meter", "roof"), ("evse", "A/1")]
        kinds = [{"id": k, "kind": kind, "name": name} for k, (kind, name) in enumerate(names, start=1)]
        connection.execute(subject.insert(), kinds)
        for quarter, number, told in rows:
            row = {"starts": at + quarter * 900_000, "subject": number, "covered_s": 900, **told}
            connection.execute(interval.insert(), [row])
    past = read_past(database, site, OCTOBER, NOW_S)
    begin_s = OCTOBER.begin_s
    assert past.flows == (
        Flow(begin_s, 5000.0, 2000.0),
        Flow(begin_s + 900, 4600.0, None),
        Flow(begin_s + 1800, None, 0.0),
    )
    assert past.charged == (Charged("A/1", begin_s, 1, 3700),)


def test_what_the_watch_keeps_comes_back(reopened: Callable[[], Store]) -> None:
    store = reopened()
    began, seen = from_ms(1000 * s("2026-10-10T00:00")), from_ms(1000 * s("2026-10-10T01:00"))
    store.reports.outage("A/1", began, began, None, Cause.OFFLINE)
    store.reports.outage("A/1", began, seen, None, Cause.OFFLINE)
    store.reports.outage("B/1", began, seen, seen - timedelta(minutes=30), Cause.FAULTED)
    told = ControlQuarter(OCTOBER.begin_s, 900, 3, 1.5, "grid", 60, 120)
    store.reports.quarter(told._replace(watched_s=10))
    store.reports.quarter(told)
    asyncio.run(store.flush())
    past = read_past(store.database, SITE, OCTOBER, NOW_S)
    assert [(one.evse, one.ended_s - one.began_s, one.cause) for one in past.outages] == [
        ("A/1", 3600, Cause.OFFLINE),
        ("B/1", 1800, Cause.FAULTED),
    ]
    assert past.control == (told,)
    assert store.reports.last_quarter() == told
    assert reopened().reports.last_quarter() == told, "as the next run of the controller finds it"


def test_excluded_times_are_kept_with_who_said_so_and_can_be_taken_back(
    reopened: Callable[[], Store], clock: HandClock
) -> None:
    store, now = reopened(), clock.now().utc
    told = Excluded(0, "A", s("2026-10-10T00:00"), s("2026-10-10T03:00"), Exclusion.UTILITY, "grid down", "anna")

    async def work() -> None:
        kept = await store.reports.exclude(told, now)
        assert kept == told._replace(id=1)
        assert await store.reports.excluded(OCTOBER) == (kept,)
        assert await store.reports.excluded(OCTOBER.before(Every.MONTH)) == ()
        await store.reports.withdraw(1, "ben", now)
        assert await store.reports.excluded(OCTOBER) == ()
        with pytest.raises(UnknownError, match="no excluded time 1"):
            await store.reports.withdraw(1, "ben", now)
        assert (await store.reports.exclude(told, now)).id == 2
        audits = await store.audits(None, 10)
        assert [(one.who, one.what) for one in audits] == [
            ("anna", "exclude time"),
            ("ben", "withdraw excluded time"),
            ("anna", "exclude time"),
        ]

    asyncio.run(work())


def test_runs_of_exports_are_kept_by_name_and_period(reopened: Callable[[], Store], clock: HandClock) -> None:
    store, due = reopened(), clock.now().utc

    async def work() -> None:
        first = ExportRun("erp", "2026-09", due - timedelta(days=30), RunState.DELIVERED, 1, due, None, "250 kept")
        second = ExportRun("erp", "2026-10", due, next=due)
        for run in (first, second, second._replace(attempts=1, answer="no route", tried=due)):
            await store.reports.keep_run(run)
        assert await store.reports.runs() == (second._replace(attempts=1, answer="no route", tried=due), first)

    asyncio.run(work())


def test_sheets_agree_of_what_was_voided_or_corrected_and_of_who_came_long_before(opened: Callable[[], Store]) -> None:
    """One void session, two whose energy was corrected (of one nothing was measured), one there for a hundred days."""
    noon = datetime(2026, 10, 10, 12, tzinfo=UTC)
    void = Seeded("A/1", noon - timedelta(days=1), energy_wh=7_000, void=True)
    wrong = Seeded("A/1", noon, energy_wh=900_001, cost_centre="north")
    unseen = Seeded("A/1", noon + timedelta(days=1), hours=1.0, energy_wh=0, cost_centre="north")
    winter = Seeded("B/1", noon - timedelta(days=100), hours=24.0 * 110, energy_wh=4_000)
    store = opened()
    database = store.database
    seed(database, [void, wrong, unseen, winter])
    for one, energy_wh in ((wrong, 12_003.0), (unseen, 5_000.0)):
        wanted = Wanted("the meter was changed", {"energy_wh": energy_wh})
        asyncio.run(store.corrections.correct(one.id, wanted, "eva", noon))
    with database.connect() as connection, database.transaction(connection, durable=False):
        late = {"session": winter.id, "starts": to_ms(noon), "energy_wh": 500, "idle_s": 0}
        connection.execute(usage.insert(), [late])
    past = read_past(database, SITE, OCTOBER, NOW_S)
    told = {one.id: sum(used.energy_wh for used in past.used if used.session == one.id) for one in past.sessions}
    assert told == {winter.id: 500, wrong.id: 12_003, unseen.id: 5_000}
    report = report_of(past, FACTS)
    kwh = {name: energy_kwh(report, name) for name in ("days", "evses", "cost-centres")}
    assert kwh == dict.fromkeys(kwh, pytest.approx(17.503))


def energy_kwh(report: Report, name: str) -> float:
    """What a sheet adds up to."""
    sheet = report.sheet(name)
    assert sheet is not None
    at = [column.name for column in sheet.columns].index("energy_kwh")
    return sum(float(str(row[at])) for row in sheet.rows)
