"""Transactions, sessions, grants, measurements, alarms and what else a controller must not forget."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    _bookkeeping()
    _measurements()
    _events()


def _bookkeeping() -> None:
    op.create_table(
        "transaction_log",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("evse", sa.Text),
        sa.Column("started", sa.BigInteger),
        sa.Column("meter_start_wh", sa.Double),
        sa.Column("id_tag", sa.Text),
        sa.Column("start_key", sa.Text),
        sa.Column("ended", sa.BigInteger),
        sa.Column("meter_stop_wh", sa.Double),
        sa.Column("energy_wh", sa.Double),
        sa.Column("reason", sa.Text),
        sa.Column("inferred", sa.Boolean),
    )
    op.create_index("transaction_log_started", "transaction_log", ["started"])
    still = sa.text("ended IS NULL")
    op.create_index("transaction_log_open", "transaction_log", ["id"], sqlite_where=still, postgresql_where=still)
    op.create_table(
        "session",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("evse", sa.Text, nullable=False),
        sa.Column("plugged", sa.BigInteger, nullable=False),
        sa.Column("unplugged", sa.BigInteger),
        sa.Column("energy_wh", sa.Double, nullable=False),
        sa.Column("need_wh", sa.Double),
        sa.Column("departure", sa.BigInteger),
        sa.Column("need_origin", sa.Text, nullable=False),
        sa.Column("service_class", sa.Integer, nullable=False),
        sa.Column("soc_percent", sa.Double),
        sa.Column("transactions", sa.Text, nullable=False),
    )
    op.create_index("session_plugged", "session", ["plugged"])
    there = sa.text("unplugged IS NULL")
    op.create_index("session_open", "session", ["id"], sqlite_where=there, postgresql_where=there)
    op.create_table(
        "grant",
        sa.Column("evse", sa.Text, primary_key=True),
        sa.Column("layer", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("amps", sa.Double),
        sa.Column("accepted", sa.BigInteger),
        sa.Column("ends", sa.BigInteger),
        sa.Column("claimed_a", sa.Double),
        sa.Column("claimed_until", sa.BigInteger),
    )
    op.create_table(
        "station_model",
        sa.Column("station", sa.Text, primary_key=True),
        sa.Column("vendor", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("firmware", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("learned", sa.BigInteger, nullable=False),
    )


def _measurements() -> None:
    op.create_table(
        "subject",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
    )
    op.create_index("subject_name", "subject", ["kind", "name"], unique=True)
    op.create_table(
        "sample",
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("l1_ca", sa.Integer),
        sa.Column("l2_ca", sa.Integer),
        sa.Column("l3_ca", sa.Integer),
        sa.Column("power_w", sa.Integer),
        sa.Column("register_wh", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "interval",
        sa.Column("starts", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("covered_s", sa.Integer, nullable=False),
        *(sa.Column(f"{what}_l{phase}_ca", sa.Integer) for what in ("mean", "max") for phase in (1, 2, 3)),
        sa.Column("mean_w", sa.Integer),
        sa.Column("max_w", sa.Integer),
        sa.Column("energy_wh", sa.Integer),
        sa.Column("register_wh", sa.BigInteger),
        sqlite_with_rowid=False,
    )


def _events() -> None:
    op.create_table(
        "alarm",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("began", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("alarm_began", "alarm", ["began"])
    op.create_table(
        "start",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("alive", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("audit_at", "audit", ["at"])
    op.create_table(
        "knock",
        sa.Column("station", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
