"""Roaming partners, their tags, what they were told and what they still have to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "roaming_partner",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("ours", sa.Text, nullable=False),
        sa.Column("theirs", sa.Text, nullable=False),
        sa.Column("versions_url", sa.Text, nullable=False),
        sa.Column("endpoints", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("registered", sa.BigInteger),
        sa.Column("invitation", sa.Text, nullable=False),
        sa.Column("invited_until", sa.BigInteger),
        sa.Column("pulled", sa.BigInteger),
    )
    op.create_table(
        "roaming_tag",
        sa.Column("partner", sa.Text, primary_key=True),
        sa.Column("uid", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("country_code", sa.Text, nullable=False),
        sa.Column("party_id", sa.Text, nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("is_valid", sa.Boolean, nullable=False),
        sa.Column("whitelist", sa.Text, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
    )
    op.create_table(
        "roaming_object",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("partner", sa.Text, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
    )
    op.create_index("roaming_object_name", "roaming_object", ["kind", "partner", "id"], unique=True)
    op.create_table(
        "roaming_push",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("partner", sa.Text, nullable=False),
        sa.Column("module", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
