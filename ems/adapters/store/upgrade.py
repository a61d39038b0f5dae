"""Alembic, which runs revisions. Nothing else needs it, so nobody else imports it."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

logging.getLogger("alembic").setLevel(logging.WARNING)  # it greets at every start; what happened is logged elsewhere


def upgrade(connection: Connection, folder: Path) -> None:
    """Run what is missing, in the transaction that has begun. Raises the database's error."""
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
