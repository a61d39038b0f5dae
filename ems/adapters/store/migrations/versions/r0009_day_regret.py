"""What is said of finished days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "day_regret",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("told", sa.Text, nullable=False),
    )
