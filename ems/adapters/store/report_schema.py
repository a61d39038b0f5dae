"""The tables of reports: what else than sessions and energy they tell, and which exports went out."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table

from ems.adapters.store.schema import Words, metadata

outage = Table(
    "outage",
    metadata,
    Column("evse", Words, primary_key=True),
    Column("began", BigInteger, primary_key=True, autoincrement=False),
    Column("ended", BigInteger),
    Column("seen", BigInteger, nullable=False),
    Column("cause", Words, nullable=False),
    Index("outage_began", "began"),
)
"""EVSEs that nobody could have charged at; `seen`: until when that is known, if nobody saw its end."""

excluded_time = Table(
    "excluded_time",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", Words, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("cause", Words, nullable=False),
    Column("note", Words(500), nullable=False),
    Column("who", Words, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("withdrawn", BigInteger),
)
"""Times that somebody said do not count against the uptime of a station or an EVSE (empty scope: of all)."""

control_quarter = Table(
    "control_quarter",
    metadata,
    Column("starts", BigInteger, primary_key=True, autoincrement=False),
    Column("watched_s", Integer, nullable=False),
    Column("over_s", Integer, nullable=False),
    Column("over_a", Double, nullable=False),
    Column("over_at", Words, nullable=False),
    Column("fallback_s", Integer, nullable=False),
    Column("plan_age_s", Integer),
)
"""The quarter hour from `starts`: seconds in which the controller ticked, in which a circuit carried more than its
limit (by up to `over_a` at `over_at`), in which any EVSE was at its fallback; and the oldest plan that was followed.
"""

export_run = Table(
    "export_run",
    metadata,
    Column("name", Words, primary_key=True),
    Column("period", Words, primary_key=True),
    Column("due", BigInteger, nullable=False),
    Column("state", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tried", BigInteger),
    Column("next", BigInteger),
    Column("answer", Words(500), nullable=False),
    Column("who", Words, nullable=False),
    Index("export_run_due", "due"),
)
"""What became of each export of each period."""
