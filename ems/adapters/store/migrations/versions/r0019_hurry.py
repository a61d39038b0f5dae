"""Drivers say whether they would rather have their energy at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the column."""
    op.add_column("session", sa.Column("hurries", sa.Boolean))
