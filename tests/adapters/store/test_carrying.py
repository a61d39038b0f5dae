"""What sessions were used for, cost, ended by and were paid with stands with them, whatever was written first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select

from ems.adapters.store.batch import Key, Subjects, write, write_singly
from ems.adapters.store.database import Database
from ems.adapters.store.payment_schema import payment
from ems.adapters.store.price_schema import receipt, tab
from ems.adapters.store.schema import session, transaction_log
from tests.adapters.store.seeded import Seeded, rows_of

BEGIN = datetime(2026, 5, 1, 8, tzinfo=UTC)
ONE = Seeded("CP-01/1", BEGIN, idle_s=900, groups=("staff",), cost_minor=450, ended_by="Remote", paid="captured")
ALL = 900, '["staff"]', 450, "EUR", True, "Remote", False
PARTS = (session, tab, receipt, payment, transaction_log)


def rows(one: Seeded, number: int) -> dict[Table, dict[str, Any]]:
    return {table: dict(row) for table, row in rows_of(one, number) if table in PARTS}


ROWS = rows(ONE, 1)


def carried(database: Database, one: Seeded = ONE) -> Any:
    known = session.c
    columns = (
        known.idle_s, known.groups, known.total_minor, known.currency, known.has_payment, known.ended_by,
        known.ended_inferred,
    )  # fmt: skip
    with database.reading().connect() as connection:
        return tuple(connection.execute(select(*columns).where(known.id == one.id)).one())


def put(database: Database, connection: Connection, table: Table, row: dict[str, Any]) -> None:
    with database.transaction(connection, durable=False):
        write(connection, {Key.of(table, row): row}, (), Subjects())


def test_in_whatever_order_they_come(tmp_path: Path) -> None:
    database = Database(tmp_path / "ems.db")
    with database.connect() as connection:
        for number, order in enumerate(permutations(PARTS), start=1):
            one = replace(ONE, plugged=BEGIN + timedelta(hours=number))
            for table in order:
                put(database, connection, table, rows(one, number)[table])
            assert carried(database, one) == ALL, order


def test_why_it_ended_is_said_once_it_has(where: str | Path) -> None:
    database = Database(where)
    begun = {**ROWS[transaction_log], "ended": None, "reason": None, "inferred": None}
    with database.connect() as connection:
        put(database, connection, session, ROWS[session])
        put(database, connection, transaction_log, begun)
        assert carried(database)[5:] == (None, None)
        put(database, connection, transaction_log, {**ROWS[transaction_log], "reason": None})
        assert carried(database)[5:] == ("", False)
        put(database, connection, transaction_log, {**ROWS[transaction_log], "reason": "x" * 2_000, "inferred": True})
        assert carried(database)[5:] == ("x" * 255, True)
        another = {**ROWS[transaction_log], "id": 2, "reason": "Local", "inferred": False}
        put(database, connection, transaction_log, another)
        assert carried(database)[5:] == ("x" * 255, True)
        put(database, connection, session, {**ROWS[session], "transactions": "[1, 2]", "last_transaction": 2})
        assert carried(database)[5:] == ("Local", False)


def test_all_at_once_or_one_by_one(where: str | Path) -> None:
    database = Database(where)
    all_rows = {Key.of(table, row): row for table, row in ROWS.items()}
    with database.connect() as connection, database.transaction(connection, durable=False):
        assert list(write_singly(connection, all_rows)) == []
    assert carried(database) == ALL
    grown = {**ROWS[tab], "idle_s": 1800}
    with database.connect() as connection, database.transaction(connection, durable=False):
        write(connection, {Key.of(tab, grown): grown}, (), Subjects())
    assert carried(database) == (1800, *ALL[1:])


def test_alone_it_says_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "ems.db")
    with database.connect() as connection, database.transaction(connection, durable=False):
        write(connection, {Key.of(session, ROWS[session]): ROWS[session]}, (), Subjects())
    assert carried(database) == (None, None, None, None, False, None, None)
