"""What others are told, in the database: a notice is on disk, with whom it is for, before anybody is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, desc, func, select

from ems.adapters.store.batch import Key, Row, Subjects, write
from ems.adapters.store.beside import read_beside
from ems.adapters.store.commit import committed
from ems.adapters.store.database import Database
from ems.adapters.store.incident_schema import delivery, notice
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.writer import Urgency, Writer
from ems.domain.alarm.delivery import Delivery, DeliveryState
from ems.domain.alarm.notice import Notice, Topic

log = logging.getLogger(__name__)

T = TypeVar("T")

KEPT_NOTICES = 20_000
TIDY_EVERY = 500
MAX_WAITING = 20_000


@dataclass(slots=True)
class NoticeStore:
    """Keeps notices and deliveries, the newest `KEPT_NOTICES` of them."""

    writer: Writer
    database: Database
    patience_s: float = 10.0
    _written: int = 0

    async def keep(self, told: Sequence[tuple[Notice, Sequence[str]]]) -> None:
        """Returns when notices are written, and those that are for somebody would survive a power cut. Raises
        NotStoredError.
        """
        rows: dict[Key, Row] = {}
        for one, targets in told:
            row = notice_row(one)
            rows[Key.of(notice, row)] = row
            for target in targets:
                waits = delivery_row(Delivery(target, one))
                rows[Key.of(delivery, waits)] = waits

        def job(connection: Connection) -> None:
            write(connection, rows, (), Subjects())

        # What nobody is told is only looked up: no flash is worn for it.
        await committed(self.writer, job, any(targets for _, targets in told), self.patience_s)
        self._written += len(told)
        if self._written >= TIDY_EVERY:
            self._written = 0
            self.writer.run(_tidy)

    def delivered(self, known: Delivery) -> None:
        """How a delivery stands; queued. If that is lost, the target is told once more."""
        urgency = Urgency.LATER if known.state is DeliveryState.WAITING else Urgency.SOON
        self.writer.put(delivery, delivery_row(known), urgency)

    async def waiting(self) -> tuple[Sequence[Delivery], int]:
        """What has not reached its target, in the order of what happened, and the last number that was given to a
        notice. Raises NotStoredError.
        """

        def read(connection: Connection) -> tuple[Sequence[Delivery], int]:
            query = (
                select(delivery, notice)
                .join(notice, notice.c.number == delivery.c.notice)
                .where(delivery.c.state == DeliveryState.WAITING.value)
                .order_by(delivery.c.notice)
                .limit(MAX_WAITING)
            )
            last = connection.execute(select(func.max(notice.c.number))).scalar() or 0
            return _sound(connection.execute(query), delivery_of), last

        return await self._read(read)

    async def notices(self, after: int, most: int, topics: Iterable[Topic] = ()) -> Sequence[Notice]:
        """Notices with a number above `after`, the oldest first; of some topics only, where they are named. Raises
        NotStoredError.
        """
        query = select(notice).where(notice.c.number > after).order_by(notice.c.number).limit(most)
        wanted = [topic.value for topic in topics]
        if wanted:
            query = query.where(notice.c.topic.in_(wanted))
        return await self._read(lambda connection: _sound(connection.execute(query), notice_of))

    async def last_deliveries(self, target: str, most: int) -> Sequence[Delivery]:
        """The newest deliveries to a target, newest first. Raises NotStoredError."""
        query = (
            select(delivery, notice)
            .join(notice, notice.c.number == delivery.c.notice)
            .where(delivery.c.target == target)
            .order_by(desc(delivery.c.notice))
            .limit(most)
        )
        return await self._read(lambda connection: _sound(connection.execute(query), delivery_of))

    async def _read(self, query: Callable[[Connection], T]) -> T:
        return await read_beside(self.database, query, self.patience_s)


def _tidy(connection: Connection) -> None:
    newest = select(notice.c.number).order_by(desc(notice.c.number)).limit(1).offset(KEPT_NOTICES - 1)
    first_kept = connection.execute(newest).scalar()
    if first_kept is not None:
        waits = delivery.c.state == DeliveryState.WAITING.value
        connection.execute(delete(delivery).where(delivery.c.notice < first_kept, ~waits))
        needed = select(delivery.c.notice).where(waits)
        connection.execute(delete(notice).where(notice.c.number < first_kept, notice.c.number.not_in(needed)))


def notice_row(one: Notice) -> Row:
    """A notice."""
    return {
        "number": one.number,
        "id": one.id,
        "at": to_ms(one.at),
        "topic": one.topic.value,
        "subject": one.subject,
        "data": json.dumps(one.data),
    }


def notice_of(row: Any) -> Notice:
    """The notice of a row. Raises ValueError or TypeError."""
    return Notice(row.number, row.id, from_ms(row.at), Topic(row.topic), row.subject, json.loads(row.data))


def delivery_row(one: Delivery) -> Row:
    """How a delivery stands."""
    return {
        "target": one.target,
        "notice": one.notice.number,
        "state": one.state.value,
        "attempts": one.attempts,
        "refused": one.refused,
        "answer": one.answer,
        "done": None if one.done is None else to_ms(one.done),
    }


def delivery_of(row: Any) -> Delivery:
    """The delivery of a row that has its notice beside it. Raises ValueError or TypeError."""
    return Delivery(
        target=row.target,
        notice=notice_of(row),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        refused=row.refused,
        answer=row.answer,
        done=None if row.done is None else from_ms(row.done),
    )


def _sound(rows: Iterable[Any], read: Callable[[Any], T]) -> tuple[T, ...]:
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except (ValueError, TypeError) as error:
            log.warning("store.notice_unreadable row=%.200r: %s", tuple(row), error)
    return tuple(found)
