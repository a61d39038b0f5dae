"""The tables. The migrations create them; a test holds that both say the same."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    text,
)


class Words(TypeDecorator[str]):
    """Text that somebody else wrote: without NUL and lone surrogates, which databases refuse, and cut to `most`
    characters, so that it fits into an index.
    """

    impl = Text
    cache_ok = True

    def __init__(self, most: int = 255) -> None:
        super().__init__()
        self.most = most

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make `value` fit for any database."""
        if value is None:
            return None
        return value[: self.most].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _where(condition: str) -> dict[str, Any]:
    """An index of some of the rows, on both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


metadata = MetaData()

transaction_log = Table(
    "transaction_log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("evse", Words),
    Column("started", BigInteger),
    Column("meter_start_wh", Double),
    Column("id_tag", Words),
    Column("start_key", Words(1000)),
    Column("ended", BigInteger),
    Column("meter_stop_wh", Double),
    Column("energy_wh", Double),
    Column("reason", Words(2000)),
    Column("inferred", Boolean),
    Index("transaction_log_started", "started"),
    Index("transaction_log_open", "id", **_where("ended IS NULL")),
)
"""What stations account for. A stop of a transaction that nobody knows has no `started`. `start_key` is how the
station announced the start, so that a repeated announcement gets the same id.
"""

_OF_LISTS = (
    "is_void", "unplugged", "energy_wh", "idle_s", "currency", "total_minor", "groups", "ended_by", "ended_inferred",
    "has_payment", "id",
)  # fmt: skip
"""What lists of sessions are filtered by, sorted by and add up."""

session = Table(
    "session",
    metadata,
    Column("id", Words, primary_key=True),
    Column("evse", Words, nullable=False),
    Column("plugged", BigInteger, nullable=False),
    Column("unplugged", BigInteger),
    Column("energy_wh", Double, nullable=False),
    Column("need_wh", Double),
    Column("departure", BigInteger),
    Column("need_origin", Words, nullable=False),
    Column("service_class", Integer, nullable=False),
    Column("soc_percent", Double),
    Column("transactions", Text, nullable=False),
    Column("vehicle", Words),
    Column("soc_at_wh", Double),
    Column("guaranteed_wh", Double),
    Column("guaranteed_by", BigInteger),
    Column("minimum_always", Boolean),
    Column("need_class", Integer),
    Column("tag", Words),
    Column("person", Words),
    Column("cost_centre", Words),
    Column("last_transaction", BigInteger),
    Column("tag_key", Words),
    Column("is_void", Boolean),
    Column("idle_s", Integer),
    Column("groups", Text),
    Column("total_minor", BigInteger),
    Column("currency", Words),
    Column("hurries", Boolean),
    Column("ended_by", Words),
    Column("ended_inferred", Boolean),
    Column("has_payment", Boolean),
    Index("session_plugged", "plugged", *_OF_LISTS),
    Index("session_evse", "evse", "plugged", *_OF_LISTS),
    Index("session_cost_centre", "cost_centre", "plugged", *_OF_LISTS, **_where("cost_centre IS NOT NULL")),
    *(
        Index(f"session_{name}", name, "plugged", **_where(f"{name} IS NOT NULL"))
        for name in ("vehicle", "tag_key", "person")
    ),
    Index("session_last_transaction", "last_transaction", **_where("last_transaction IS NOT NULL")),
    Index("session_open", "id", **_where("unplugged IS NULL")),
)
"""Vehicles, from plug-in to plug-out; `transactions` is a JSON list of ids, `energy_wh` their sum, `tag_key` what was
held up last. `is_void`: it is none that counts, because somebody said so, or it proved to have begun before, by another
name. From `idle_s` on: as its tab, its receipt, its last transaction (once it has ended) and its payments say
(`carrying`). Sums and filters of a list need nothing besides an index, also of the many of an EVSE or a cost centre.
"""

grant = Table(
    "grant",
    metadata,
    Column("evse", Words, primary_key=True),
    Column("layer", SmallInteger, primary_key=True, autoincrement=False),
    Column("amps", Double),
    Column("accepted", BigInteger),
    Column("ends", BigInteger),
    Column("claimed_a", Double),
    Column("claimed_until", BigInteger),
    Column("phases", SmallInteger),
)
"""What each EVSE was last told per layer. `amps` null: the layer is empty. `ends` null: for ever. `claimed_a`: what
may flow besides, because an answer is outstanding or a cut is not proven, until `claimed_until` (null: open).
"""

station_model = Table(
    "station_model",
    metadata,
    Column("station", Words, primary_key=True),
    Column("vendor", Words, nullable=False),
    Column("product", Words, nullable=False),
    Column("firmware", Words, nullable=False),
    Column("model", Text, nullable=False),
    Column("learned", BigInteger, nullable=False),
)
"""What stations were found to be able to do, with what they said they were at that time."""

subject = Table(
    "subject",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kind", Words, nullable=False),
    Column("name", Words, nullable=False),
    Index("subject_name", "kind", "name", unique=True),
)
"""What a measurement is of. `circuit`: everything that flows there; `drawn`: our EVSEs' part of it; `evse`; `meter`."""

sample = Table(
    "sample",
    metadata,
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", Integer, primary_key=True, autoincrement=False),
    Column("l1_ca", Integer),
    Column("l2_ca", Integer),
    Column("l3_ca", Integer),
    Column("power_w", Integer),
    Column("register_wh", BigInteger),
    sqlite_with_rowid=False,
)
"""Raw measurements: hundredths of an ampere per phase (of an EVSE: per leg), watt, and the energy register."""

interval = Table(
    "interval",
    metadata,
    Column("starts", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", Integer, primary_key=True, autoincrement=False),
    Column("covered_s", Integer, nullable=False),
    *(Column(f"{what}_l{phase}_ca", Integer) for what in ("mean", "max") for phase in (1, 2, 3)),
    Column("mean_w", Integer),
    Column("max_w", Integer),
    Column("energy_wh", Integer),
    Column("register_wh", BigInteger),
    sqlite_with_rowid=False,
)
"""The quarter hour from `starts`: means over the `covered_s` seconds of it that are known, and maxima."""

alarm = Table(
    "alarm",
    metadata,
    Column("key", Words, primary_key=True),
    Column("began", BigInteger, primary_key=True, autoincrement=False),
    Column("ended", BigInteger),
    Column("scope", Words, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("text", Words(2000), nullable=False),
    Index("alarm_began", "began"),
)
"""Alarms from beginning to end; `level` is the highest they reached."""

start = Table(
    "start",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("started", BigInteger, nullable=False),
    Column("alive", BigInteger, nullable=False),
    Column("ended", BigInteger),
)
"""Runs of the controller. Without `ended` the run ended without a goodbye, at about `alive`."""

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("who", Words, nullable=False),
    Column("what", Words, nullable=False),
    Column("detail", Text, nullable=False),
    Index("audit_at", "at"),
)
"""Who did what when; rows are only ever added. `detail` is JSON."""

knock = Table(
    "knock",
    metadata,
    Column("station", Words, primary_key=True),
    Column("address", Words, primary_key=True),
    Column("reason", Words(2000), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""Stations that tried to connect and were refused."""

vehicle = Table(
    "vehicle",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("id_tags", Text, nullable=False),
    Column("evse", Words),
    Column("battery_wh", Double),
    Column("max_a", Double),
    Column("legs", SmallInteger),
    Column("max_w", Double),
    Column("min_a", Double),
    Column("efficiency", Double, nullable=False),
    Column("service_class", Integer),
    Column("consumption_wh_per_km", Double),
    Column("guaranteed_wh", Double),
    Column("guaranteed_by", Words),
    Column("minimum_always", Boolean),
    Column("soc_percent", Double),
    Column("soc_at", BigInteger),
)
"""Vehicles as people describe them; `id_tags` is a JSON list, `guaranteed_by` a local time of day. Without
`guaranteed_wh` nothing is guaranteed.
"""

weekly_departure = Table(
    "weekly_departure",
    metadata,
    Column("vehicle", Words, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("days", Words, nullable=False),
    Column("at", Words, nullable=False),
    Column("energy_wh", Double),
    Column("soc_percent", Double),
)
"""When vehicles leave every week: `days` as digits (0: Monday, 7: holidays), `at` a local time of day, empty for who
stays.
"""

service_class = Table(
    "service_class",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Words, nullable=False),
    Column("guaranteed_wh", Double),
    Column("guaranteed_by", Words),
    Column("minimum_always", Boolean),
)
"""Classes of service as people describe them over the site file; the promise as in `vehicle`."""

departure = Table(
    "departure",
    metadata,
    Column("vehicle", Words, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("energy_wh", Double),
    Column("soc_percent", Double),
    Column("evse", Words),
    Column("service_class", Integer),
)
"""When vehicles leave once."""

choice = Table(
    "choice",
    metadata,
    Column("what", Words, primary_key=True),
    Column("value", Words, nullable=False),
)
"""What people chose over what the site file says."""

limit_told = Table(
    "limit_told",
    metadata,
    Column("scope", Words, primary_key=True),
    Column("source", Words, primary_key=True),
    Column("max_a", Double),
    Column("max_w", Double),
    Column("starts", BigInteger),
    Column("ends", BigInteger),
)
"""Limits that people set for a while."""
