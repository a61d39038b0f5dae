"""What the page and the command line read. Every call opens its own connection, so it may run in any thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Select, func, or_, select
from sqlalchemy.exc import DBAPIError

from ems.adapters.store.access import reason
from ems.adapters.store.database import Database
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.rows import transactions_of
from ems.adapters.store.schema import alarm, interval, sample, session, subject, transaction_log
from ems.domain.decision import Level

SPAN = timedelta(days=1)
"""One query and one snapshot per day: a long export must not keep the log of the database from being recycled."""

IDS_PER_QUERY = 1000

Amps = tuple[float | None, float | None, float | None]


class NotReadableError(Exception):
    """The database cannot be read; the text says why."""


class SessionRecord(NamedTuple):
    """A vehicle, from plug-in to plug-out (None: still there), with its transactions and who started them; `vehicle`
    None: nobody knew which one it was.
    """

    id: str
    evse: str
    plugged: datetime
    unplugged: datetime | None
    energy_wh: float
    need_wh: float | None
    departure: datetime | None
    soc_percent: float | None
    service_class: int
    transactions: tuple[int, ...]
    id_tags: tuple[str, ...]
    vehicle: str | None = None


class TransactionRecord(NamedTuple):
    """What a station accounted for."""

    id: int
    evse: str | None
    id_tag: str | None
    started: datetime | None
    ended: datetime | None
    meter_start_wh: float | None
    meter_stop_wh: float | None
    energy_wh: float | None
    reason: str | None
    inferred: bool


class IntervalRecord(NamedTuple):
    """A quarter hour of a subject (`kind` as in `schema.subject`); means over the `covered_s` that are known."""

    starts: datetime
    kind: str
    name: str
    covered_s: int
    mean_a: Amps
    max_a: Amps
    mean_w: int | None
    max_w: int | None
    energy_wh: int | None


class SampleRecord(NamedTuple):
    """One raw measurement."""

    at: datetime
    amps: Amps
    power_w: int | None
    register_wh: int | None


class AlarmRecord(NamedTuple):
    """An alarm; `ended` None while it lasts."""

    key: str
    scope: str
    level: Level
    text: str
    began: datetime
    ended: datetime | None


class Reader:
    """Reads spans of time, oldest first; `since` belongs to the span, `until` does not. Raises NotReadableError."""

    def __init__(self, database: Database) -> None:
        self._database, self._engine = database, database.reading()

    def sessions(self, since: datetime, until: datetime) -> Iterator[SessionRecord]:
        """Sessions that began in the span."""
        begun = session.c.plugged
        for first, last in self._days(since, until, begun):
            query = select(session).where(begun >= first, begun < last).order_by(begun, session.c.id)
            with self._connected() as connection:
                rows = connection.execute(query).all()
                lists = [tuple(transactions_of(row)) for row in rows]
                tags = _tags(connection, [id_ for ids in lists for id_ in ids])
            for row, ids in zip(rows, lists, strict=True):
                yield _session(row, ids, tags)

    def transactions(self, since: datetime, until: datetime) -> Iterator[TransactionRecord]:
        """Transactions that began in the span, or ended in it without a known beginning."""
        log = transaction_log.c
        for first, last in self._days(since, until, log.started, log.ended):
            began = (log.started >= first) & (log.started < last)
            orphan = log.started.is_(None) & (log.ended >= first) & (log.ended < last)
            for row in self._rows(select(transaction_log).where(or_(began, orphan)).order_by(log.id)):
                yield _transaction(row)

    def intervals(self, since: datetime, until: datetime, kind: str = "", name: str = "") -> Iterator[IntervalRecord]:
        """Quarter hours that begin in the span, of one subject or of all."""
        columns = (subject.c.kind, subject.c.name, *interval.c)
        joined = select(*columns).join(subject, subject.c.id == interval.c.subject)
        wanted = [column == value for column, value in ((subject.c.kind, kind), (subject.c.name, name)) if value]
        for first, last in self._days(since, until, interval.c.starts):
            query = joined.where(interval.c.starts >= first, interval.c.starts < last, *wanted)
            for row in self._rows(query.order_by(interval.c.starts, subject.c.kind, subject.c.name)):
                yield _interval(row)

    def samples(self, kind: str, name: str, since: datetime, until: datetime) -> Iterator[SampleRecord]:
        """Raw measurements of a subject; a day of one takes a third of a second on a large site."""
        number = select(subject.c.id).where(subject.c.kind == kind, subject.c.name == name).scalar_subquery()
        for first, last in self._days(since, until, sample.c.at):
            query = select(sample).where(sample.c.at >= first, sample.c.at < last, sample.c.subject == number)
            for row in self._rows(query.order_by(sample.c.at)):
                amps = (_amps(row.l1_ca), _amps(row.l2_ca), _amps(row.l3_ca))
                yield SampleRecord(from_ms(row.at), amps, row.power_w, row.register_wh)

    def alarms(self, since: datetime, until: datetime) -> Iterator[AlarmRecord]:
        """Alarms that began in the span."""
        for first, last in self._days(since, until, alarm.c.began):
            query = select(alarm).where(alarm.c.began >= first, alarm.c.began < last).order_by(alarm.c.began)
            for row in self._rows(query):
                level = Level(row.level)
                yield AlarmRecord(row.key, row.scope, level, row.text, from_ms(row.began), _moment(row.ended))

    def _days(self, since: datetime, until: datetime, *columns: Column[Any]) -> Iterator[tuple[int, int]]:
        """The days of a span, from the first one on of which there is anything."""
        first, end = to_ms(since), to_ms(until)
        with self._connected() as connection:
            begins = [connection.execute(select(func.min(c)).where(c >= first, c < end)).scalar() for c in columns]
        found = [ms for ms in begins if ms is not None]
        step = to_ms(since + SPAN) - first
        start = min(found, default=end)
        while start < end:
            yield start, min(start + step, end)
            start += step

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with self._connected() as connection:
            return connection.execute(query).all()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise NotReadableError(f"{self._database}: {reason(error)}") from error


def _tags(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for first in range(0, len(ids), IDS_PER_QUERY):
        some = ids[first : first + IDS_PER_QUERY]
        query = select(transaction_log.c.id, transaction_log.c.id_tag).where(transaction_log.c.id.in_(some))
        found.update({row.id: row.id_tag for row in connection.execute(query) if row.id_tag})
    return found


def _session(row: Any, ids: tuple[int, ...], tags: dict[int, str]) -> SessionRecord:
    return SessionRecord(
        id=row.id,
        evse=row.evse,
        plugged=from_ms(row.plugged),
        unplugged=_moment(row.unplugged),
        energy_wh=row.energy_wh,
        need_wh=row.need_wh,
        departure=_moment(row.departure),
        soc_percent=row.soc_percent,
        service_class=row.service_class,
        transactions=ids,
        id_tags=tuple(dict.fromkeys(tags[id_] for id_ in ids if id_ in tags)),
        vehicle=row.vehicle,
    )


def _transaction(row: Any) -> TransactionRecord:
    return TransactionRecord(
        id=row.id,
        evse=row.evse,
        id_tag=row.id_tag,
        started=_moment(row.started),
        ended=_moment(row.ended),
        meter_start_wh=row.meter_start_wh,
        meter_stop_wh=row.meter_stop_wh,
        energy_wh=row.energy_wh,
        reason=row.reason,
        inferred=bool(row.inferred),
    )


def _interval(row: Any) -> IntervalRecord:
    return IntervalRecord(
        starts=from_ms(row.starts),
        kind=row.kind,
        name=row.name,
        covered_s=row.covered_s,
        mean_a=(_amps(row.mean_l1_ca), _amps(row.mean_l2_ca), _amps(row.mean_l3_ca)),
        max_a=(_amps(row.max_l1_ca), _amps(row.max_l2_ca), _amps(row.max_l3_ca)),
        mean_w=row.mean_w,
        max_w=row.max_w,
        energy_wh=row.energy_wh,
    )


def _amps(hundredths: int | None) -> float | None:
    return None if hundredths is None else hundredths / 100.0


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
