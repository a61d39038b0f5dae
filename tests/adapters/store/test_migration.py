"""The tables come from the migrations, and an older database becomes a newer one without losing anything."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select

from ems.adapters.store import schema
from ems.adapters.store.database import Database
from ems.adapters.store.migration import MIGRATIONS, NewerSchemaError, revisions
from ems.adapters.store.store import Store
from ems.domain.session import Transaction
from tests.adapters.store.clocks import BEGIN, HandClock

NEXT = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "9999", "{newest}"

def upgrade():
    op.add_column("transaction_log", sa.Column("price_ct", sa.Integer, server_default="0"))
    op.create_table("invoice", sa.Column("id", sa.Integer, primary_key=True))
    {then}
"""


def later_program(tmp_path: Path, then: str = "") -> Path:
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    newest = max(path.name[1:5] for path in (folder / "versions").glob("r*.py"))
    (folder / "versions" / "r9999_invoices.py").write_text(NEXT.format(newest=newest, then=then))
    return folder


def program_of(tmp_path: Path, last: str = "9999") -> Path:
    """Revisions in a folder of their own, up to `last`; they are run one by one, also on an empty database."""
    folder = tmp_path / f"until-{last}"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "versions").glob("r*.py"):
        if path.name[1:5] > last:
            path.unlink()
    return folder


def described(connection: Connection) -> list[tuple[object, ...]]:
    """Tables, columns, keys, checks and indexes, in the words of the database."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return sorted((kind, name, " ".join(sql.split())) for kind, name, sql in rows)
    asked = (
        "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, is_identity"
        " FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
    )
    return sorted((tuple(row) for words in asked for row in connection.exec_driver_sql(words)), key=repr)


def test_what_is_made_at_once_is_what_all_revisions_come_to(nothing: str | Path, tmp_path: Path) -> None:
    with Database(nothing).connect() as connection:
        made = described(connection)
        connection.rollback()
        with connection.begin():
            schema.metadata.drop_all(connection)
            connection.exec_driver_sql("DROP TABLE alembic_version")
    with Database(nothing, migrations=program_of(tmp_path)).connect() as connection:
        assert described(connection) == made
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_an_older_database_is_migrated_with_its_rows(nothing: str | Path, tmp_path: Path, clock: HandClock) -> None:
    store = Store(nothing, clock)
    store.open()
    asyncio.run(store.ledger.transaction_started("CP-01/1", Transaction(7, BEGIN.utc, 1234.5)))
    store.close()
    with Database(nothing, migrations=later_program(tmp_path)).connect() as connection:
        assert {"invoice", "transaction_log"} <= set(inspect(connection).get_table_names())
        row = connection.exec_driver_sql("SELECT id, meter_start_wh, price_ct FROM transaction_log").one()
        assert tuple(row) == (7, 1234.5, 0)


def test_a_migration_that_fails_half_way_changes_nothing(nothing: str | Path, tmp_path: Path, clock: HandClock) -> None:
    Database(nothing).connect().close()
    broken = later_program(tmp_path, then='op.drop_table("there_is_no_such_table")')
    with pytest.raises(Exception, match="there_is_no_such_table"):
        Database(nothing, migrations=broken).connect()
    with Database(nothing).connect() as connection:
        assert "invoice" not in inspect(connection).get_table_names()
        assert connection.execute(select(schema.transaction_log)).all() == []


def test_a_newer_database_is_not_touched(nothing: str | Path, tmp_path: Path) -> None:
    Database(nothing, migrations=later_program(tmp_path)).connect().close()
    with pytest.raises(NewerSchemaError, match="9999"):
        Database(nothing).connect()


@pytest.mark.parametrize("where_to", ["mysql://host/x", "postgresql//host", "sqlite://", "://"])
def test_a_wrong_url_names_the_remedy(where_to: str) -> None:
    if "://" not in where_to:
        assert Database(where_to).path is not None, "without a scheme it is a path"
        return
    with pytest.raises(ValueError, match="postgresql://user@host/name"):
        Database(where_to)


def test_names_of_files_are_the_chain_of_revisions() -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    assert revisions() == tuple(reversed([one.revision for one in script.walk_revisions()]))


PROGRAM = """
import sys
from pathlib import Path
from ems.adapters.store.database import Database
with Database(Path(sys.argv[1]), apart=True).connect() as connection:
    print(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar(), "alembic" in sys.modules)
"""


@pytest.mark.parametrize("last", ["", "0001", "0020"])
def test_tools_of_revisions_are_not_kept(tmp_path: Path, last: str) -> None:
    """An empty database needs none, and where revisions are missing they run apart."""
    path = tmp_path / "ems.sqlite3"
    if last:
        Database(path, migrations=program_of(tmp_path, last)).connect().close()
    said = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True)
    assert said.stdout.split() == [revisions()[-1], "False"], said.stderr


def test_what_cannot_be_done_apart_is_told_to_whoever_opens_it(tmp_path: Path) -> None:
    Database(path := tmp_path / "ems.sqlite3").connect().close()
    broken = later_program(tmp_path, then='op.drop_table("there_is_no_such_table")')
    with pytest.raises(Exception, match="there_is_no_such_table"):
        Database(path, migrations=broken, apart=True).connect()
