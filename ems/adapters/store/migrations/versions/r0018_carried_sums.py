"""What sessions were used for and cost stands with them, under an index that their lists need nothing besides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

OF_TAB = "(SELECT tab.{0} FROM tab WHERE tab.session = session.id)"
OF_RECEIPT = "(SELECT receipt.{0} FROM receipt WHERE receipt.session = session.id)"


def upgrade() -> None:
    """Add the columns, fill them, and widen the index."""
    op.add_column("session", sa.Column("idle_s", sa.Integer))
    op.add_column("session", sa.Column("groups", sa.Text))
    op.add_column("session", sa.Column("total_minor", sa.BigInteger))
    op.add_column("session", sa.Column("currency", sa.Text))
    told = {"idle_s": OF_TAB, "groups": OF_TAB, "total_minor": OF_RECEIPT, "currency": OF_RECEIPT}
    words = ", ".join(f"{column} = {source.format(column)}" for column, source in told.items())
    op.execute(f"UPDATE session SET {words}")  # noqa: S608 - words of ours
    op.drop_index("session_plugged", "session")
    columns = ["plugged", "is_void", "unplugged", "energy_wh", "idle_s", "currency", "total_minor", "groups", "id"]
    op.create_index("session_plugged", "session", columns)
