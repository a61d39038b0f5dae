"""The tables of roaming. What was told to partners, or by them, is kept word for word as JSON."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

from ems.adapters.store.schema import Words, metadata

roaming_partner = Table(
    "roaming_partner",
    metadata,
    Column("id", Words, primary_key=True),
    Column("ours", Words, nullable=False),
    Column("theirs", Words(1000), nullable=False),
    Column("versions_url", Words, nullable=False),
    Column("endpoints", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("registered", BigInteger),
    Column("invitation", Words, nullable=False),
    Column("invited_until", BigInteger),
    Column("pulled", BigInteger),
)
"""What was agreed with partners; `endpoints` and `roles` are JSON lists. `ours` and `invitation` are digests."""

roaming_tag = Table(
    "roaming_tag",
    metadata,
    Column("partner", Words, primary_key=True),
    Column("uid", Words, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("tag", Words, nullable=False),
    Column("country_code", Words, nullable=False),
    Column("party_id", Words, nullable=False),
    Column("contract_id", Words, nullable=False),
    Column("is_valid", Boolean, nullable=False),
    Column("whitelist", Words, nullable=False),
    Column("told", Text, nullable=False),
)
"""Tags of partners; `uid` in lower case, `tag` what stations call it, `told` what the partner said."""

roaming_object = Table(
    "roaming_object",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("id", Words, nullable=False),
    Column("partner", Words, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("told", Text, nullable=False),
    Index("roaming_object_name", "kind", "partner", "id", unique=True),
)
"""Sessions, charge detail records and what else is kept of a partner, as it was told; `number` in the order in which
they were made.
"""

roaming_push = Table(
    "roaming_push",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("partner", Words, nullable=False),
    Column("module", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("method", Words, nullable=False),
    Column("path", Words, nullable=False),
    Column("told", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""What partners are still to be told, in order."""
