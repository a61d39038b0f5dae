"""People, tags, groups, reservations, the waitlist, unknown cards, local lists; and whose tag began a session."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables, and add to sessions."""
    _book()
    _held()
    _remembered()
    for name in ("tag", "person", "cost_centre"):
        op.add_column("session", sa.Column(name, sa.Text))


def _book() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("cost_centre", sa.Text, nullable=False),
        sa.Column("is_blocked", sa.Boolean, nullable=False),
    )
    op.create_table(
        "tag_group",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("parent", sa.Text),
        sa.Column("places", sa.Text, nullable=False),
        sa.Column("hours", sa.Text, nullable=False),
        sa.Column("is_blocked", sa.Boolean, nullable=False),
        sa.Column("stop_tag", sa.Text, nullable=False),
    )
    op.create_table(
        "tag",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("groups", sa.Text, nullable=False),
        sa.Column("valid_from", sa.BigInteger),
        sa.Column("valid_to", sa.BigInteger),
        sa.Column("places", sa.Text, nullable=False),
        sa.Column("hours", sa.Text, nullable=False),
        sa.Column("budget_wh", sa.Double),
        sa.Column("budget_period", sa.Text),
        sa.Column("budget_minor", sa.BigInteger),
        sa.Column("service_class", sa.Integer),
        sa.Column("at_once", sa.Integer, nullable=False),
        sa.Column("is_blocked", sa.Boolean, nullable=False),
    )


def _held() -> None:
    op.create_table(
        "reservation",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("evse", sa.Text, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("starts", sa.BigInteger, nullable=False),
        sa.Column("ends", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
    )
    op.create_table(
        "waiting",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("wishes", sa.Text, nullable=False),
        sa.Column("evse", sa.Text),
        sa.Column("until", sa.BigInteger),
    )


def _remembered() -> None:
    op.create_table(
        "card",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("evse", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "local_list",
        sa.Column("station", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
