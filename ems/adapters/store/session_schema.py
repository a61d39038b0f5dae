"""The tables of corrections of sessions, of signed meter values and the keys that verify them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from ems.adapters.store.schema import Words, metadata

session_correction = Table(
    "session_correction",
    metadata,
    Column("session", Words, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("who", Words, nullable=False),
    Column("reason", Words(1000), nullable=False),
    Column("changes", Text, nullable=False),
)
"""Who corrected a session and why; rows are only ever added. `changes` is a JSON object: a column of the session to a
list of what stood there and what stands there now.
"""

signed_value = Table(
    "signed_value",
    metadata,
    Column("digest", Words, primary_key=True),
    Column("evse", Words, nullable=False),
    Column("transaction_id", BigInteger),
    Column("at", BigInteger, nullable=False),
    Column("context", Words, nullable=False),
    Column("value", Text, nullable=False),
    Index("signed_value_transaction", "transaction_id"),
)
"""Signed meter values, `value` as the station sent it; `digest` of it and its EVSE, so that what is told twice is there
once. Whether a signature is good is never stored: it is computed whenever somebody looks.
"""

meter_key = Table(
    "meter_key",
    metadata,
    Column("evse", Words, primary_key=True),
    Column("key", Words(1000), primary_key=True),
    Column("confirmed", BigInteger, nullable=False),
    Column("confirmed_by", Words, nullable=False),
)
"""Public keys of the meters of EVSEs, hexadecimal, for which somebody vouches."""
