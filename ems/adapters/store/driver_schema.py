"""The tables behind the page of drivers: the stickers of EVSEs, and what drivers reported."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from ems.adapters.store.schema import Words, metadata

sticker = Table(
    "sticker",
    metadata,
    Column("slug", Words, primary_key=True),
    Column("evse", Words, nullable=False),
    Column("secret", Words, nullable=False),
    Column("created", BigInteger, nullable=False),
)
"""Which EVSE a sticker leads to; several may lead to one."""

driver_report = Table(
    "driver_report",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("evse", Words, nullable=False),
    Column("trouble", Words, nullable=False),
    Column("text", Text, nullable=False),
    Column("closed", BigInteger),
    Column("closed_by", Words, nullable=False),
    Index("driver_report_closed", "closed"),
)
"""What drivers found wrong."""
