"""Bring a database to the tables that this program knows."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection

log = logging.getLogger(__name__)
logging.getLogger("alembic").setLevel(logging.WARNING)  # it greets at every start; what happened is logged here

MIGRATIONS = Path(__file__).parent / "migrations"


class NewerSchemaError(Exception):
    """The database was written by a later version of this program."""


def migrate(connection: Connection, folder: Path = MIGRATIONS) -> None:
    """Run the revisions that are missing, all in one transaction: either all of them happen or none.

    Raises NewerSchemaError when the database is ahead of this program.
    """
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    with connection.begin():
        current = MigrationContext.configure(connection).get_current_revision()
        if current == script.get_current_head():
            return
        try:
            script.get_revision(current or "base")
        except (CommandError, ResolutionError):
            raise NewerSchemaError(f"revision {current!r} of the database is unknown to this program") from None
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        log.info("store.migrated from=%s to=%s", current, script.get_current_head())
