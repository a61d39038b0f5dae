"""What idle minutes of a session cost at most."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the column; until somebody says so, there is no most."""
    op.add_column("price_list", sa.Column("idle_most_minor", sa.BigInteger))
