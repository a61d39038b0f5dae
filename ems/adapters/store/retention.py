"""What is deleted when. Age is counted in days that have data, not by the clock: a clock that says 2099 for a minute
must not delete a site's history.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Connection, Table, delete, desc, func, select

from ems.adapters.store.aggregation import QUARTER_MS
from ems.adapters.store.energy_schema import offer
from ems.adapters.store.incident_schema import incident
from ems.adapters.store.schema import alarm, interval, knock, sample

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Retention:
    """Days with data that are kept of raw samples and offers (`tight_days` when the disk is nearly full) and of
    intervals; and how many alarms and refused stations. Transactions, sessions and the audit are kept.
    """

    sample_days: int = 14
    tight_days: int = 2
    interval_days: int = 3653
    alarms: int = 100_000
    knocks: int = 1_000


RETENTION = Retention()


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of `table` whose `column` is below `ends`; few enough for one transaction."""

    table: Table
    column: Column[int]
    ends: int


def next_slice(connection: Connection, keep: Retention, tight: bool) -> Slice | None:
    """The next piece to delete, None when there is nothing."""
    sample_days = keep.tight_days if tight else keep.sample_days
    for table, column, days, width in (
        (sample, sample.c.at, sample_days, QUARTER_MS),
        (offer, offer.c.at, sample_days, DAY_MS),
        (interval, interval.c.starts, keep.interval_days, DAY_MS),
    ):
        oldest = connection.execute(select(func.min(column))).scalar()
        kept_from = _kept_from(connection, column, days)
        if oldest is not None and oldest < kept_from:
            return Slice(table, column, min(kept_from, (oldest // width + 1) * width))
    for table, column, rows in (
        (alarm, alarm.c.began, keep.alarms),
        (incident, incident.c.raised, keep.alarms),
        (knock, knock.c.at, keep.knocks),
    ):
        first_kept = connection.execute(select(column).order_by(desc(column)).limit(1).offset(rows - 1)).scalar()
        if first_kept is not None and connection.execute(select(column).where(column < first_kept).limit(1)).first():
            return Slice(table, column, first_kept)
    return None


def remove(connection: Connection, piece: Slice) -> int:
    """Delete a piece; returns how many rows."""
    return connection.execute(delete(piece.table).where(piece.column < piece.ends)).rowcount


def _kept_from(connection: Connection, column: Column[int], days: int) -> int:
    """The beginning of the oldest of the last `days` UTC days that have rows; 0 when there are not so many."""
    begins: int | None = None
    for _ in range(days):
        query = select(func.max(column)) if begins is None else select(func.max(column)).where(column < begins)
        newest = connection.execute(query).scalar()
        if newest is None:
            return 0
        begins = newest // DAY_MS * DAY_MS
    return begins or 0
