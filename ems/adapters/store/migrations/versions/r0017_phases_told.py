"""On how many phases a station was told to charge."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the column."""
    op.add_column("grant", sa.Column("phases", sa.SmallInteger))
