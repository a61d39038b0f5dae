"""The tables of users, tokens and logins. Secrets are there as hashes and digests only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, SmallInteger, Table, Text

from ems.adapters.store.schema import Words, metadata

user_account = Table(
    "user_account",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("role", SmallInteger, nullable=False),
    Column("password", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("enabled", Boolean, nullable=False),
)
"""People; `id` is the name as it is compared. Logins that began before `since` are over. Nobody is ever removed, so
that the audit names people of whom something is known.
"""

api_token = Table(
    "api_token",
    metadata,
    Column("id", Words, primary_key=True),
    Column("user", Words, nullable=False),
    Column("label", Words, nullable=False),
    Column("role", SmallInteger, nullable=False),
    Column("areas", Text, nullable=False),
    Column("digest", Words, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
)
"""What programs show in place of a login, until it is revoked; `areas` are words with blanks between."""

web_login = Table(
    "web_login",
    metadata,
    Column("digest", Words, primary_key=True),
    Column("user", Words, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("address", Words, nullable=False),
)
"""Browsers in which people logged in."""
