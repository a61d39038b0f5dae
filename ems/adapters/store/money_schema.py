"""The tables of refunds, prepaid accounts and monthly statements. Amounts are whole minor units of the currency."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

from ems.adapters.store.schema import Words, metadata

refund = Table(
    "refund",
    metadata,
    Column("id", Words, primary_key=True),
    Column("payment", Words, nullable=False),
    Column("number", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("vat_minor", BigInteger, nullable=False),
    Column("reason", Words(1000), nullable=False),
    Column("who", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("why", Words(1000), nullable=False),
    Index("refund_payment", "payment", "number", unique=True),
    Index("refund_state", "state"),
)
"""What goes back to a card of what a payment took; `number` counts those of one payment."""

prepaid_account = Table(
    "prepaid_account",
    metadata,
    Column("person", Words, primary_key=True),
    Column("currency", Words, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("link", Words, nullable=False),
    Index("prepaid_account_link", "link", unique=True),
)
"""Who pays in advance; `link` is the secret part of the address at which they look at their account."""

booking = Table(
    "booking",
    metadata,
    Column("person", Words, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", Words, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("key", Words, nullable=False),
    Column("session", Words, nullable=False),
    Column("payment", Words, nullable=False),
    Column("note", Words(1000), nullable=False),
    Column("who", Words, nullable=False),
    Index("booking_key", "key", unique=True),
)
"""What went into prepaid accounts and out of them; rows are only ever added, and their sum is the balance. Whatever is
booked has a `key`, under which it happens once.
"""

billing_group = Table(
    "billing_group",
    metadata,
    Column("id", Words, primary_key=True),
    Column("title", Words, nullable=False),
    Column("address", Text, nullable=False),
    Column("reference", Words, nullable=False),
)
"""Groups of tags whose sessions are paid by one bill a month."""

statement = Table(
    "statement",
    metadata,
    Column("billing_group", Words, primary_key=True),
    Column("month", Words, primary_key=True),
    Column("closed", BigInteger, nullable=False),
    Column("who", Words, nullable=False),
    Column("currency", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("address", Text, nullable=False),
    Column("reference", Words, nullable=False),
)
"""Months (`2026-11`) of a group that are closed; written once."""

statement_line = Table(
    "statement_line",
    metadata,
    Column("billing_group", Words, primary_key=True),
    Column("month", Words, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("session", Words),
    Column("correction", Words),
    Column("at", BigInteger, nullable=False),
    Column("words", Words(1000), nullable=False),
    Column("evse", Words, nullable=False),
    Column("energy_wh", BigInteger, nullable=False),
    Column("vat_bp", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("vat_minor", BigInteger, nullable=False),
    Index("statement_line_session", "session", unique=True),
    Index("statement_line_correction", "correction", unique=True),
)
"""What a closed month consists of: sessions, each of which is on one statement only, and corrections."""

correction = Table(
    "correction",
    metadata,
    Column("id", Words, primary_key=True),
    Column("billing_group", Words, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("of_month", Words, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("vat_bp", Integer, nullable=False),
    Column("vat_minor", BigInteger, nullable=False),
    Column("note", Words(1000), nullable=False),
    Column("who", Words, nullable=False),
    Index("correction_group", "billing_group"),
)
"""What was wrong in a closed month and is put right in the next one that is not; rows are only ever added."""
