"""When EVSEs were out of order, how well the site was controlled, and which exports went out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "outage",
        sa.Column("evse", sa.Text, primary_key=True),
        sa.Column("began", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
    )
    op.create_index("outage_began", "outage", ["began"])
    op.create_table(
        "excluded_time",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("began", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("withdrawn", sa.BigInteger),
    )
    op.create_table(
        "control_quarter",
        sa.Column("starts", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("watched_s", sa.Integer, nullable=False),
        sa.Column("over_s", sa.Integer, nullable=False),
        sa.Column("over_a", sa.Double, nullable=False),
        sa.Column("over_at", sa.Text, nullable=False),
        sa.Column("fallback_s", sa.Integer, nullable=False),
        sa.Column("plan_age_s", sa.Integer),
    )
    op.create_table(
        "export_run",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("period", sa.Text, primary_key=True),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("tried", sa.BigInteger),
        sa.Column("next", sa.BigInteger),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
    )
    op.create_index("export_run_due", "export_run", ["due"])
