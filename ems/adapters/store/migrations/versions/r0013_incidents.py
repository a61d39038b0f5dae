"""Alarms as people handle them, and what others are told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "incident",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("members", sa.Text, nullable=False),
        sa.Column("began", sa.BigInteger, nullable=False),
        sa.Column("raised", sa.BigInteger, nullable=False),
        sa.Column("cleared", sa.BigInteger),
        sa.Column("returns", sa.Integer, nullable=False),
        sa.Column("into", sa.Integer),
        sa.Column("acknowledged", sa.BigInteger),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("note", sa.Text),
    )
    op.create_index("incident_raised", "incident", ["raised"])
    still = sa.text("cleared IS NULL")
    op.create_index("incident_open", "incident", ["number"], sqlite_where=still, postgresql_where=still)
    op.create_table(
        "notice",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("notice_at", "notice", ["at"])
    op.create_table(
        "delivery",
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("notice", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("refused", sa.Integer, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("done", sa.BigInteger),
    )
    waits = sa.text("state = 'waiting'")
    op.create_index("delivery_waiting", "delivery", ["target", "notice"], sqlite_where=waits, postgresql_where=waits)
