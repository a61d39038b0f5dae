"""Alarms as people handle them, in the database."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, desc, func, select

from ems.adapters.store.audit import AuditLog
from ems.adapters.store.batch import Key, Row, Subjects, write
from ems.adapters.store.beside import read_beside
from ems.adapters.store.commit import committed
from ems.adapters.store.database import Database
from ems.adapters.store.incident_schema import incident
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.schema import audit as audit_table
from ems.adapters.store.writer import Urgency, Writer
from ems.domain.alarm.incident import Acknowledged, Incident
from ems.domain.decision import Level

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_OPEN = 5_000


@dataclass(frozen=True, slots=True)
class IncidentStore:
    """Keeps incidents. `patience_s`: how long somebody waits for the disk."""

    writer: Writer
    database: Database
    audit: AuditLog
    patience_s: float = 5.0

    def keep(self, known: Incident) -> None:
        """An incident is new, or another than it was; on its way to disk at once."""
        self.writer.put(incident, incident_row(known), Urgency.AT_ONCE)

    async def acknowledged(self, known: Incident, at: datetime, who: str) -> None:
        """Returns when it is stored that somebody has seen an incident, with who and their note. Raises
        NotStoredError.
        """
        row = incident_row(known)
        note = "" if known.acknowledged is None else known.acknowledged.note
        told = {"alarm": known.number, "key": known.key, "text": known.text, "note": note}
        done = self.audit.row(at, who, "AlarmAcknowledged", told)

        def job(connection: Connection) -> None:
            rows = {Key.of(incident, row): row, Key.of(audit_table, done): done}
            write(connection, rows, (), Subjects())

        await committed(self.writer, job, True, self.patience_s)

    async def left(self) -> tuple[tuple[Incident, ...], int]:
        """What the run before left open, and the last number that was given. Raises NotStoredError."""

        def read(connection: Connection) -> tuple[tuple[Incident, ...], int]:
            query = select(incident).where(incident.c.cleared.is_(None)).order_by(desc(incident.c.number))
            last = connection.execute(select(func.max(incident.c.number))).scalar() or 0
            return _incidents(connection, query.limit(MAX_OPEN)), last

        return await self._read(read)

    async def newest(self, before: int | None, most: int, words: str = "", kind: str = "") -> tuple[Incident, ...]:
        """The newest incidents, newest first: those with a number below `before`, of a kind, and with these words in
        what they say, where that is given. Raises NotStoredError.
        """
        query = select(incident).order_by(desc(incident.c.number)).limit(most)
        if before is not None:
            query = query.where(incident.c.number < before)
        if kind:
            query = query.where(incident.c.kind == kind)
        if words:
            wanted = func.lower(incident.c.text + " " + incident.c.members + " " + func.coalesce(incident.c.note, ""))
            query = query.where(wanted.contains(words.lower(), autoescape=True))
        return await self._read(lambda connection: _incidents(connection, query))

    async def one(self, number: int) -> Incident | None:
        """One incident; None when there is none of that number. Raises NotStoredError."""
        query = select(incident).where(incident.c.number == number)
        return next(iter(await self._read(lambda connection: _incidents(connection, query))), None)

    async def _read(self, query: Callable[[Connection], T]) -> T:
        return await read_beside(self.database, query, self.patience_s)


def incident_row(known: Incident) -> Row:
    """An incident."""
    seen = known.acknowledged
    return {
        "number": known.number,
        "key": known.key,
        "kind": known.kind,
        "scope": known.scope,
        "level": int(known.level),
        "text": known.text,
        "remedy": known.remedy,
        "hint": known.hint,
        "members": json.dumps(known.members),
        "began": to_ms(known.began),
        "raised": to_ms(known.raised),
        "cleared": None if known.cleared is None else to_ms(known.cleared),
        "returns": known.returns,
        "into": known.into,
        "acknowledged": None if seen is None else to_ms(seen.at),
        "acknowledged_by": None if seen is None else seen.by,
        "note": None if seen is None else seen.note,
    }


def incident_of(row: Any) -> Incident:
    """The incident of a row. Raises ValueError or TypeError."""
    seen = None
    if row.acknowledged is not None:
        seen = Acknowledged(from_ms(row.acknowledged), row.acknowledged_by or "", row.note or "")
    return Incident(
        number=row.number,
        key=row.key,
        kind=row.kind,
        scope=row.scope,
        level=Level(row.level),
        text=row.text,
        remedy=row.remedy,
        hint=row.hint,
        members=tuple(str(name) for name in json.loads(row.members)),
        began=from_ms(row.began),
        raised=from_ms(row.raised),
        cleared=None if row.cleared is None else from_ms(row.cleared),
        returns=row.returns,
        into=row.into,
        acknowledged=seen,
    )


def _incidents(connection: Connection, query: Select[Any]) -> tuple[Incident, ...]:
    found: Sequence[Any] = connection.execute(query).all()
    sound = []
    for row in found:
        try:
            sound.append(incident_of(row))
        except (ValueError, TypeError) as error:
            log.warning("store.incident_unreadable number=%s: %s", row.number, error)
    return tuple(sound)
