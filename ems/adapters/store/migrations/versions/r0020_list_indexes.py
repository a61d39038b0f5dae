"""Why sessions ended and whether they were paid stands with them; sums of a list need nothing besides an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

ENDED = """UPDATE session SET
    ended_by = (SELECT substr(coalesce(reason, ''), 1, 255) FROM transaction_log
        WHERE transaction_log.id = session.last_transaction AND ended IS NOT NULL),
    ended_inferred = (SELECT inferred FROM transaction_log
        WHERE transaction_log.id = session.last_transaction AND ended IS NOT NULL)
    WHERE last_transaction IS NOT NULL"""

OF_LISTS = [
    *("is_void", "unplugged", "energy_wh", "idle_s", "currency", "total_minor", "groups", "ended_by", "ended_inferred"),
    *("has_payment", "id"),
]


def upgrade() -> None:
    """Add the columns, fill them, and widen the indexes."""
    op.add_column("session", sa.Column("ended_by", sa.Text))
    op.add_column("session", sa.Column("ended_inferred", sa.Boolean))
    op.add_column("session", sa.Column("has_payment", sa.Boolean))
    op.execute(ENDED)
    op.execute("UPDATE session SET has_payment = EXISTS (SELECT 1 FROM payment WHERE payment.session = session.id)")
    for name in ("plugged", "evse", "cost_centre"):
        op.drop_index(f"session_{name}", "session")
    op.create_index("session_plugged", "session", ["plugged", *OF_LISTS])
    op.create_index("session_evse", "session", ["evse", "plugged", *OF_LISTS])
    _create_where("session_cost_centre", ["cost_centre", "plugged", *OF_LISTS], "cost_centre IS NOT NULL")
    _create_where("session_last_transaction", ["last_transaction"], "last_transaction IS NOT NULL")


def _create_where(name: str, columns: list[str], condition: str) -> None:
    words = sa.text(condition)
    op.create_index(name, "session", columns, sqlite_where=words, postgresql_where=words)
