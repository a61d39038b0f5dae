"""The tables of alarms as people handle them, and of what others are told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table, Text, text

from ems.adapters.store.schema import Words, metadata

incident = Table(
    "incident",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("scope", Words, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("text", Words(2000), nullable=False),
    Column("remedy", Words(2000), nullable=False),
    Column("hint", Words(2000), nullable=False),
    Column("members", Text, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("raised", BigInteger, nullable=False),
    Column("cleared", BigInteger),
    Column("returns", Integer, nullable=False),
    Column("into", Integer),
    Column("acknowledged", BigInteger),
    Column("acknowledged_by", Words),
    Column("note", Words(1000)),
    Index("incident_raised", "raised"),
    Index("incident_open", "number", sqlite_where=text("cleared IS NULL"), postgresql_where=text("cleared IS NULL")),
)
"""Incidents from beginning to end; `members` is a JSON list of stations or EVSEs, `into` the incident it became part
of.
"""

notice = Table(
    "notice",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Words, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("topic", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("data", Text, nullable=False),
    Index("notice_at", "at"),
)
"""What has happened, for other systems; `data` is JSON."""

delivery = Table(
    "delivery",
    metadata,
    Column("target", Words, primary_key=True),
    Column("notice", BigInteger, primary_key=True, autoincrement=False),
    Column("state", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("answer", Words(500), nullable=False),
    Column("done", BigInteger),
    Index(
        "delivery_waiting",
        "target",
        "notice",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)
"""Which notice has reached whom."""
