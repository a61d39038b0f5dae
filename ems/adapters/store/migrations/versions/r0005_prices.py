"""What drivers pay: price lists, what sessions use by quarter hours, receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "price_list",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("fees", sa.Text, nullable=False),
        sa.Column("vat_bp", sa.Integer, nullable=False),
        sa.Column("idle_grace_min", sa.Integer, nullable=False),
        sa.Column("first", sa.Text),
        sa.Column("last", sa.Text),
        sa.Column("evses", sa.Text, nullable=False),
        sa.Column("groups", sa.Text, nullable=False),
        sa.Column("hold_minor", sa.BigInteger),
    )
    _tabs()
    _receipts()


def _tabs() -> None:
    op.create_table(
        "tab",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("evse", sa.Text, nullable=False),
        sa.Column("plugged", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("metered", sa.BigInteger, nullable=False),
        sa.Column("heard", sa.BigInteger, nullable=False),
        sa.Column("transaction_id", sa.Integer),
        sa.Column("transaction_wh", sa.Double, nullable=False),
        sa.Column("earlier_wh", sa.Double, nullable=False),
        sa.Column("is_idle", sa.Boolean, nullable=False),
        sa.Column("quote", sa.Text, nullable=False),
        sa.Column("groups", sa.Text, nullable=False),
        sa.Column("closed", sa.BigInteger),
    )
    still_open = sa.text("closed IS NULL")
    op.create_index("tab_open", "tab", ["session"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_table(
        "usage",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("starts", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("energy_wh", sa.Integer, nullable=False),
        sa.Column("idle_s", sa.Integer, nullable=False),
    )
    op.create_index("usage_starts", "usage", ["starts"])


def _receipts() -> None:
    op.create_table(
        "receipt",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("evse", sa.Text, nullable=False),
        sa.Column("plugged", sa.BigInteger, nullable=False),
        sa.Column("unplugged", sa.BigInteger, nullable=False),
        sa.Column("energy_wh", sa.Integer, nullable=False),
        sa.Column("price_list", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("vat_bp", sa.Integer, nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("vat_minor", sa.BigInteger, nullable=False),
    )
    op.create_index("receipt_plugged", "receipt", ["plugged"])
    op.create_table(
        "receipt_line",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("price_micro", sa.BigInteger, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("vat_minor", sa.BigInteger, nullable=False),
    )
