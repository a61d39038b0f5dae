"""Vehicles, their departures, what people chose, limits for a while; and what a session knows of its vehicle."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of the daybook, and add to sessions."""
    _vehicles()
    _choices()
    for name, kind in (
        ("vehicle", sa.Text),
        ("soc_at_wh", sa.Double),
        ("guaranteed_wh", sa.Double),
        ("guaranteed_by", sa.BigInteger),
        ("minimum_always", sa.Boolean),
        ("need_class", sa.Integer),
    ):
        op.add_column("session", sa.Column(name, kind))


def _vehicles() -> None:
    op.create_table(
        "vehicle",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("id_tags", sa.Text, nullable=False),
        sa.Column("evse", sa.Text),
        sa.Column("battery_wh", sa.Double),
        sa.Column("max_a", sa.Double),
        sa.Column("legs", sa.SmallInteger),
        sa.Column("max_w", sa.Double),
        sa.Column("min_a", sa.Double),
        sa.Column("efficiency", sa.Double, nullable=False),
        sa.Column("service_class", sa.Integer),
        sa.Column("consumption_wh_per_km", sa.Double),
        sa.Column("guaranteed_wh", sa.Double),
        sa.Column("guaranteed_by", sa.Text),
        sa.Column("minimum_always", sa.Boolean),
        sa.Column("soc_percent", sa.Double),
        sa.Column("soc_at", sa.BigInteger),
    )
    op.create_table(
        "weekly_departure",
        sa.Column("vehicle", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("days", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("energy_wh", sa.Double),
        sa.Column("soc_percent", sa.Double),
    )
    op.create_table(
        "departure",
        sa.Column("vehicle", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("energy_wh", sa.Double),
        sa.Column("soc_percent", sa.Double),
        sa.Column("evse", sa.Text),
        sa.Column("service_class", sa.Integer),
    )


def _choices() -> None:
    op.create_table(
        "choice",
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "limit_told",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("max_a", sa.Double),
        sa.Column("max_w", sa.Double),
        sa.Column("starts", sa.BigInteger),
        sa.Column("ends", sa.BigInteger),
    )
