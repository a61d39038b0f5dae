"""All tables, in a database that has none yet."""

from __future__ import annotations

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect

from ems.adapters.store import (
    access_schema,
    account_schema,
    driver_schema,
    energy_schema,
    incident_schema,
    money_schema,
    payment_schema,
    price_schema,
    report_schema,
    roaming_schema,
    schema,
    session_schema,
)

SCHEMAS = (
    schema, access_schema, account_schema, driver_schema, energy_schema, incident_schema, money_schema, payment_schema,
    price_schema, report_schema, roaming_schema, session_schema,
)  # fmt: skip
"""Whoever imports these has all tables in the metadata."""

_revision = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic makes it."""


def has_tables(connection: Connection) -> bool:
    """Whether there is anything in the database."""
    return bool(inspect(connection).get_table_names())


def create_tables(connection: Connection, revision: str) -> None:
    """Every table as it is today, marked as that revision, in the transaction that has begun: what running all
    revisions comes to, in a sixth of the time and without their tools (alembic.sqlalchemy.org, "Building an Up to Date
    Database from Scratch").
    """
    for metadata in (schema.metadata, _revision.metadata):
        metadata.create_all(connection, checkfirst=False)
    connection.execute(_revision.insert().values(version_num=revision))
