"""What sessions were used for and cost stands with them, whatever was written first."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from ems.adapters.store.batch import Key, Subjects, write, write_singly
from ems.adapters.store.database import Database
from ems.adapters.store.price_schema import receipt, tab
from ems.adapters.store.schema import session
from tests.adapters.store.seeded import Seeded, rows_of

ONE = Seeded("CP-01/1", datetime(2026, 5, 1, 8, tzinfo=UTC), idle_s=900, groups=("staff",), cost_minor=450)
ROWS = {table: dict(row) for table, row in rows_of(ONE, 1) if table in {session, tab, receipt}}


def carried(database: Database) -> Any:
    columns = session.c.idle_s, session.c.groups, session.c.total_minor, session.c.currency
    with database.reading().connect() as connection:
        return tuple(connection.execute(select(*columns)).one())


@pytest.mark.parametrize("order", list(permutations(ROWS)))
def test_in_whatever_order_they_come(tmp_path: Path, order: tuple[Table, ...]) -> None:
    database = Database(tmp_path / "ems.db")
    with database.connect() as connection:
        for table in order:
            with database.transaction(connection, durable=False):
                write(connection, {Key.of(table, ROWS[table]): ROWS[table]}, (), Subjects())
    assert carried(database) == (900, '["staff"]', 450, "EUR")


def test_all_at_once_or_one_by_one(where: str | Path) -> None:
    database = Database(where)
    rows = {Key.of(table, row): row for table, row in ROWS.items()}
    with database.connect() as connection, database.transaction(connection, durable=False):
        assert list(write_singly(connection, rows)) == []
    assert carried(database) == (900, '["staff"]', 450, "EUR")
    grown = {**ROWS[tab], "idle_s": 1800}
    with database.connect() as connection, database.transaction(connection, durable=False):
        write(connection, {Key.of(tab, grown): grown}, (), Subjects())
    assert carried(database) == (1800, '["staff"]', 450, "EUR")


def test_without_a_tab_or_a_receipt_it_says_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "ems.db")
    with database.connect() as connection, database.transaction(connection, durable=False):
        write(connection, {Key.of(session, ROWS[session]): ROWS[session]}, (), Subjects())
    assert carried(database) == (None, None, None, None)
