"""The tables of what EVSEs were offered, of energy prices that were pushed, and of what was said of finished days."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Table, Text

from ems.adapters.store.schema import Words, metadata

offer = Table(
    "offer",
    metadata,
    Column("evse", Words, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("amps", Double, nullable=False),
    Column("binding", Words, nullable=False),
    Column("text", Words(500), nullable=False),
    Index("offer_at", "at"),
    sqlite_with_rowid=False,
)
"""From `at` on an EVSE was offered so many ampere per leg; it holds until its next row."""

pushed_price = Table(
    "pushed_price",
    metadata,
    Column("series", Words, primary_key=True),
    Column("day", Words, primary_key=True),
    Column("prices", Text, nullable=False),
)
"""Energy prices that were pushed, those that begin on a day (UTC): a JSON list of their begins and ends, seconds since
1970, and prices per kWh.
"""

day_regret = Table(
    "day_regret",
    metadata,
    Column("day", Words, primary_key=True),
    Column("told", Text, nullable=False),
)
"""What is said of a local day (ISO date), as JSON."""
