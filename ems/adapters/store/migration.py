"""Bring a database to the tables that this program knows."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, inspect

from ems.adapters.store.tables import create_tables, has_tables

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
BASE = "base"
UPGRADE_S = 300.0
_OURS = str(Path(__file__).resolve().parents[3])


class NewerSchemaError(Exception):
    """The database was written by a later version of this program."""


def migrate(connection: Connection, folder: Path = MIGRATIONS) -> None:
    """Run the revisions that are missing, all in one transaction: either all of them happen or none. Of an empty
    database the tables are made as the newest of ours leaves them.

    Raises NewerSchemaError when the database is ahead of this program.
    """
    known = revisions(folder)
    with connection.begin():
        current = _current(connection)
        if current == known[-1]:
            return
        if folder == MIGRATIONS and not has_tables(connection):
            create_tables(connection, known[-1])
            log.info("store.created revision=%s", known[-1])
            return
        if current not in {BASE, *known}:
            raise NewerSchemaError(f"revision {current!r} of the database is unknown to this program")
        # Alembic takes ten megabytes, which a database that is up to date has no use for.
        from ems.adapters.store.upgrade import upgrade  # noqa: PLC0415

        upgrade(connection, folder)
        log.info("store.migrated from=%s to=%s", current, known[-1])


def is_behind(connection: Connection, folder: Path = MIGRATIONS) -> bool:
    """Whether revisions are missing in a database that is not empty."""
    return has_tables(connection) and _current(connection) in {BASE, *revisions(folder)[:-1]}


def migrate_apart(where: str) -> None:
    """The same in a process of its own, which takes the tools for it along when it ends. What it cannot do, whoever
    opens the database next finds out.
    """
    path = [_OURS, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            [sys.executable, "-m", "ems.adapters.store.upgrade_apart"],
            input=where.encode(),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            timeout=UPGRADE_S,
            check=False,
            capture_output=True,
        )


def revisions(folder: Path = MIGRATIONS) -> tuple[str, ...]:
    """The revisions of this program, oldest first: they are in the names of their files."""
    return tuple(sorted(path.name[1:5] for path in (folder / "versions").glob("r[0-9]*.py")))


def _current(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return BASE
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or BASE
