"""Classes of service, as far as people said otherwise than the site file does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "service_class",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("guaranteed_wh", sa.Double),
        sa.Column("guaranteed_by", sa.Text),
        sa.Column("minimum_always", sa.Boolean),
    )
