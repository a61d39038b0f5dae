"""Who did what when: rows that are only ever added."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, desc, select

from ems.adapters.store.batch import Row
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.schema import audit
from ems.adapters.store.writer import Urgency, Writer
from ems.domain.record.history import Audit


class AuditLog:
    """Numbers what people do by its time, and within a millisecond by a count."""

    def __init__(self, writer: Writer, begin: datetime) -> None:
        """`begin`: a moment of this run, by which its numbers differ from those of another with the same clock."""
        self._writer, self._count = writer, to_ms(begin)

    def add(self, at: datetime, who: str, what: str, detail: Mapping[str, Any]) -> None:
        """Somebody did something; on its way to disk at once."""
        self._writer.put(audit, self.row(at, who, what, detail), Urgency.AT_ONCE)

    def row(self, at: datetime, who: str, what: str, detail: Mapping[str, Any]) -> Row:
        """The row of something that somebody did, for a transaction of the caller."""
        self._count += 1
        return audit_row(self._count, at, who, what, detail)


def audit_row(count: int, at: datetime, who: str, what: str, detail: Mapping[str, Any]) -> Row:
    """The row of something that somebody did; `count` tells it from others of the same millisecond."""
    number = (to_ms(at) << 20) | (count & 0xFFFFF)
    return {"id": number, "at": to_ms(at), "who": who, "what": what, "detail": json.dumps(detail, default=str)}


def read_audits(connection: Connection, before: int | None, most: int) -> tuple[Audit, ...]:
    """The newest of what people did, newest first; only those with a number below `before`, if that is given."""
    query = select(audit).order_by(desc(audit.c.id)).limit(most)
    if before is not None:
        query = query.where(audit.c.id < before)
    return tuple(Audit(r.id, from_ms(r.at), r.who, r.what, r.detail) for r in connection.execute(query))
