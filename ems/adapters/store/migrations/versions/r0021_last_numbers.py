"""The numbers that were given last to reservations and to those who wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Create the table; until a number is given, the highest that somebody has is the last."""
    op.create_table(
        "last_number",
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )
