"""Sessions are looked for by more than their time; they are corrected; meter values are signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

LAST = {
    "sqlite": """UPDATE session SET last_transaction = json_extract(transactions, '$[#-1]')
        WHERE json_valid(transactions) AND json_type(transactions, '$[#-1]') = 'integer'""",
    "postgresql": r"""UPDATE session SET last_transaction = (transactions::json ->> -1)::bigint
        WHERE transactions ~ '^\[\d{1,18}(, \d{1,18})*\]$'""",
}

TAG_KEY = """UPDATE session SET tag_key = (SELECT lower(substr(trim(id_tag), 1, 20)) FROM transaction_log
    WHERE transaction_log.id = session.last_transaction) WHERE last_transaction IS NOT NULL"""


def upgrade() -> None:
    """Add columns and indexes to sessions, and the tables of corrections and signed values."""
    op.add_column("session", sa.Column("last_transaction", sa.BigInteger))
    op.add_column("session", sa.Column("tag_key", sa.Text))
    op.add_column("session", sa.Column("is_void", sa.Boolean))
    op.execute(LAST[op.get_bind().dialect.name])
    op.execute(TAG_KEY)
    op.add_column("tab", sa.Column("idle_s", sa.Integer))
    op.execute("UPDATE tab SET idle_s = (SELECT sum(usage.idle_s) FROM usage WHERE usage.session = tab.session)")
    op.create_index("session_evse", "session", ["evse", "plugged"])
    for column in ("vehicle", "tag_key", "person", "cost_centre"):
        known = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"session_{column}", "session", [column, "plugged"], sqlite_where=known, postgresql_where=known)
    op.create_table(
        "session_correction",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
    )
    op.create_table(
        "signed_value",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("evse", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.BigInteger),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("signed_value_transaction", "signed_value", ["transaction_id"])
    op.create_table(
        "meter_key",
        sa.Column("evse", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("confirmed", sa.BigInteger, nullable=False),
        sa.Column("confirmed_by", sa.Text, nullable=False),
    )
