"""The tables of payments. Amounts are whole minor units of the currency."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from ems.adapters.store.schema import Words, metadata

payment = Table(
    "payment",
    metadata,
    Column("id", Words, primary_key=True),
    Column("tag", Words, nullable=False),
    Column("evse", Words, nullable=False),
    Column("provider", Words, nullable=False),
    Column("prices", Text, nullable=False),
    Column("hold_minor", BigInteger, nullable=False),
    Column("least_minor", BigInteger, nullable=False),
    Column("cap_wh", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("back_url", Text, nullable=False),
    Column("state", Words, nullable=False),
    Column("checkout", Words, nullable=False),
    Column("url", Text, nullable=False),
    Column("hold_id", Words, nullable=False),
    Column("capture_before", BigInteger),
    Column("session", Words, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("why", Words(1000), nullable=False),
    Column("account", Words, nullable=False, server_default=""),
    Index("payment_created", "created"),
    Index("payment_state", "state"),
    Index("payment_tag", "tag"),
    Index("payment_session", "session"),
)
"""Payments as they stand; `prices` is the price list (JSON) that the driver was shown. `account`: the person whose
prepaid account it tops up, empty where it pays for a session.
"""

payment_step = Table(
    "payment_step",
    metadata,
    Column("payment", Words, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("cause", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("detail", Text, nullable=False),
)
"""What happened to payments, step by step; rows are only ever added."""
