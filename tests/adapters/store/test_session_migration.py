"""Sessions that were written before they could be looked for by tag are found by it afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ems.adapters.store.database import Database
from tests.adapters.store.test_migration import program_of

BEFORE = "0014"


def execute(database: Database, words: str) -> Any:
    with database.connect() as connection, database.transaction(connection, durable=False):
        found = connection.exec_driver_sql(words)
        return found.all() if found.returns_rows else None


@pytest.mark.parametrize(
    ("transactions", "last", "key"),
    [
        ("[7]", 7, "card"), ("[5, 7]", 7, "card"), ("[]", None, None), ("[6]", 6, None), ("spoilt", None, None),
        ('["x"]', None, None), ("{}", None, None), ("", None, None), ("[9]", 9, None),
    ],
)  # fmt: skip
def test_an_old_session_gets_its_last_transaction_and_its_tag(
    nothing: str | Path, tmp_path: Path, transactions: str, last: int | None, key: str | None
) -> None:
    old = Database(nothing, migrations=program_of(tmp_path, BEFORE))
    execute(old, "INSERT INTO transaction_log (id, id_tag) VALUES (5, 'Other'), (6, NULL), (7, ' CARD ')")
    execute(
        old,
        "INSERT INTO session (id, evse, plugged, energy_wh, need_origin, service_class, transactions)"
        f" VALUES ('s', 'A/1', 0, 1.0, 'stated', 0, '{transactions}')",
    )
    execute(old, "INSERT INTO usage (session, starts, energy_wh, idle_s) VALUES ('s', 0, 5, 30), ('s', 900000, 5, 60)")
    execute(
        old,
        "INSERT INTO tab (session, evse, plugged, until, metered, heard, transaction_wh, earlier_wh, is_idle, quote,"
        " groups) VALUES ('s', 'A/1', 0, 0, 0, 0, 0, 0, false, '[]', '[]')",
    )
    new = Database(nothing)
    assert execute(new, "SELECT last_transaction, tag_key, is_void FROM session") == [(last, key, None)]
    assert execute(new, "SELECT idle_s FROM tab") == [(90,)]


@pytest.mark.parametrize(
    ("last", "ended_by", "inferred"),
    [
        ("5", None, None), ("6", "Local", False), ("7", "", True), ("8", "y" * 255, False), ("9", None, None),
        ("NULL", None, None),
    ],
)  # fmt: skip
def test_an_old_session_says_why_it_ended(
    nothing: str | Path, tmp_path: Path, last: str, ended_by: str | None, inferred: bool | None
) -> None:
    old = Database(nothing, migrations=program_of(tmp_path, "0019"))
    execute(
        old,
        "INSERT INTO transaction_log (id, ended, reason, inferred)"
        f" VALUES (5, NULL, NULL, NULL), (6, 1, 'Local', false),"
        f" (7, 1, NULL, true), (8, 1, '{'y' * 300}', false)",
    )
    execute(
        old,
        "INSERT INTO session (id, evse, plugged, energy_wh, need_origin, service_class, transactions, last_transaction)"
        f" VALUES ('s', 'A/1', 0, 1.0, 'stated', 0, '[]', {last})",
    )
    assert execute(Database(nothing), "SELECT ended_by, ended_inferred FROM session") == [(ended_by, inferred)]
