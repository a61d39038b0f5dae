"""The tables of people, tags, groups, reservations and the waitlist; and what is remembered about cards and lists."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, Table, Text

from ems.adapters.store.schema import Words, metadata

person = Table(
    "person",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("cost_centre", Words, nullable=False),
    Column("is_blocked", Boolean, nullable=False),
)
"""Whoever has tags."""

tag_group = Table(
    "tag_group",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("parent", Words),
    Column("places", Text, nullable=False),
    Column("hours", Text, nullable=False),
    Column("is_blocked", Boolean, nullable=False),
    Column("stop_tag", Words, nullable=False),
)
"""Groups of tags; `places` and `hours` are JSON lists, hours as people write them."""

tag = Table(
    "tag",
    metadata,
    Column("key", Words, primary_key=True),
    Column("id", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("person", Words),
    Column("groups", Text, nullable=False),
    Column("valid_from", BigInteger),
    Column("valid_to", BigInteger),
    Column("places", Text, nullable=False),
    Column("hours", Text, nullable=False),
    Column("budget_wh", Double),
    Column("budget_period", Words),
    Column("budget_minor", BigInteger),
    Column("service_class", Integer),
    Column("at_once", Integer, nullable=False),
    Column("is_blocked", Boolean, nullable=False),
)
"""Tags by what makes them the same (`ems.domain.access.tag.tag_key`)."""

reservation = Table(
    "reservation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("evse", Words, nullable=False),
    Column("tag", Words, nullable=False),
    Column("starts", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Column("name", Words, nullable=False),
)
"""EVSEs that are held for somebody."""

waiting = Table(
    "waiting",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("tag", Words, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("name", Words, nullable=False),
    Column("wishes", Text, nullable=False),
    Column("evse", Words),
    Column("until", BigInteger),
)
"""Who waits for an EVSE; with `evse`, whose turn it is."""

last_number = Table(
    "last_number",
    metadata,
    Column("what", Words, primary_key=True),
    Column("number", Integer, nullable=False),
)
"""The number that was given last, of reservations (`reservation`) and of those who wait (`waiting`)."""

card = Table(
    "card",
    metadata,
    Column("key", Words, primary_key=True),
    Column("tag", Words, nullable=False),
    Column("evse", Words, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
)
"""Tags that nobody knows, and where they were presented last."""

local_list = Table(
    "local_list",
    metadata,
    Column("station", Words, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("digest", Words, nullable=False),
)
"""The version of the local authorisation list that a station confirmed, and what stood in it."""
