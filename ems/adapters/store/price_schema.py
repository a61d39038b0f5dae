"""The tables of what drivers pay. Amounts are whole minor units of the currency, prices of one unit millionths."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, Table, Text, text

from ems.adapters.store.schema import Words, metadata

price_list = Table(
    "price_list",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("currency", Words, nullable=False),
    Column("fees", Text, nullable=False),
    Column("vat_bp", Integer, nullable=False),
    Column("idle_grace_min", Integer, nullable=False),
    Column("first", Words),
    Column("last", Words),
    Column("evses", Text, nullable=False),
    Column("groups", Text, nullable=False),
    Column("hold_minor", BigInteger),
    Column("idle_most_minor", BigInteger),
)
"""What drivers pay: `fees` is a JSON list, `vat_bp` hundredths of a percent, `first` and `last` are local dates."""

tab = Table(
    "tab",
    metadata,
    Column("session", Words, primary_key=True),
    Column("evse", Words, nullable=False),
    Column("plugged", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("metered", BigInteger, nullable=False),
    Column("heard", BigInteger, nullable=False),
    Column("transaction_id", Integer),
    Column("transaction_wh", Double, nullable=False),
    Column("earlier_wh", Double, nullable=False),
    Column("is_idle", Boolean, nullable=False),
    Column("quote", Text, nullable=False),
    Column("groups", Text, nullable=False),
    Column("closed", BigInteger),
    Column("idle_s", Integer),
    Index("tab_open", "session", sqlite_where=text("closed IS NULL"), postgresql_where=text("closed IS NULL")),
)
"""What sessions use, and the price lists as they were at plug-in (JSON). Without `closed` it goes on. `idle_s` is the
sum over its quarter hours.
"""

usage = Table(
    "usage",
    metadata,
    Column("session", Words, primary_key=True),
    Column("starts", BigInteger, primary_key=True, autoincrement=False),
    Column("energy_wh", Integer, nullable=False),
    Column("idle_s", Integer, nullable=False),
    Index("usage_starts", "starts"),
)
"""What a session used in the quarter hour from `starts`."""

receipt = Table(
    "receipt",
    metadata,
    Column("session", Words, primary_key=True),
    Column("evse", Words, nullable=False),
    Column("plugged", BigInteger, nullable=False),
    Column("unplugged", BigInteger, nullable=False),
    Column("energy_wh", Integer, nullable=False),
    Column("price_list", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("currency", Words, nullable=False),
    Column("vat_bp", Integer, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("vat_minor", BigInteger, nullable=False),
    Index("receipt_plugged", "plugged"),
)
"""What sessions cost; written at their end and never again."""

receipt_line = Table(
    "receipt_line",
    metadata,
    Column("session", Words, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("unit", Words, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("price_micro", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("vat_minor", BigInteger, nullable=False),
)
"""`quantity` in Wh, whole minutes or sessions, times the price of a kWh, a minute or a session."""
