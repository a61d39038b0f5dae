"""Sessions are corrected, and forget who charged: each in one durable transaction with its audit row."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from ems.adapters.store.audit import AuditLog
from ems.adapters.store.batch import Row
from ems.adapters.store.commit import committed
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.rows import transactions_of
from ems.adapters.store.schema import audit, session, transaction_log
from ems.adapters.store.session_schema import session_correction
from ems.adapters.store.writer import Writer
from ems.domain.access.tag import tag_key
from ems.domain.record.correction import Change, Correction, Wanted
from ems.domain.unknown import UnknownError

SOME = 500
"""Sessions that forget in one transaction; between two of them the writer does its other work."""

ERASED = "(erased)"
_IDENTITY = ("person", "vehicle")
_NAMES = ("person", "tag", "tag_key", "vehicle")


class CorrectionStore:
    """Belongs to the event loop."""

    def __init__(self, writer: Writer, log: AuditLog, patience_s: float) -> None:
        self._writer, self._log, self._patience_s = writer, log, patience_s

    async def correct(self, name: str, wanted: Wanted, who: str, at: datetime) -> None:
        """Returns when a correction would survive a power cut. Raises UnknownError or ValueError with words for people,
        NotStoredError.
        """
        refused: list[ValueError] = []

        def job(connection: Connection) -> None:
            try:
                changes = _correct(connection, name, wanted, who, at)
            except ValueError as wrong:
                refused.append(wrong)
                return
            told = {"session": name, "reason": wanted.reason, "changes": {key: [*c] for key, c in changes.items()}}
            connection.execute(audit.insert(), self._log.row(at, who, "SessionCorrected", told))

        await committed(self._writer, job, durable=True, patience_s=self._patience_s)
        if refused:
            raise refused[0]

    async def erase(self, person: str | None, tag: str | None, before: datetime, who: str, at: datetime) -> int:
        """Sessions of a person, or of a tag, that began before a moment and are over forget who charged; energy, times
        and money stay. Returns how many. Raises NotStoredError, and may then have done a part.
        """
        whose = session.c.person == person if person is not None else session.c.tag_key == tag_key(tag or "")
        total = await self._forgotten(whose, before)
        self._log.add(at, who, "IdentityErased", {"sessions": total, "before": before.isoformat()})
        return total

    async def forget_names(self, before: datetime, who: str, at: datetime) -> int:
        """The same of everybody: their time is over. Where nobody was known any more it leaves no trace."""
        total = await self._forgotten(or_(*(session.c[name].is_not(None) for name in _NAMES)), before)
        if total:
            self._log.add(at, who, "NamesForgotten", {"sessions": total, "before": before.isoformat()})
        return total

    async def _forgotten(self, whose: ColumnElement[bool], before: datetime) -> int:
        total = 0
        while True:
            done: list[int] = []
            await committed(
                self._writer,
                lambda connection, found=done: found.append(_erase(connection, whose, before)),  # type: ignore[misc]  # a default binds the list of this turn
                durable=True,
                patience_s=self._patience_s,
            )
            total += sum(done)
            if sum(done) < SOME:
                return total


def read_corrections(connection: Connection, name: str) -> tuple[Correction, ...]:
    """The corrections of a session, oldest first."""
    rows = select(session_correction).where(session_correction.c.session == name).order_by(session_correction.c.number)
    return tuple(
        Correction(
            row.number,
            from_ms(row.at),
            row.who,
            row.reason,
            {key: Change(was, now) for key, (was, now) in json.loads(row.changes).items()},
        )
        for row in connection.execute(rows)
    )


def _correct(connection: Connection, name: str, wanted: Wanted, who: str, at: datetime) -> dict[str, Change]:
    row = connection.execute(select(session).where(session.c.id == name)).first()
    if row is None:
        raise UnknownError(f"there is no session {name!r:.80}")
    if row.unplugged is None:
        raise ValueError("this session lasts: correct it when the vehicle has left")
    before = {key: _plain(key, row._mapping[key]) for key in wanted.values}
    changes = {key: Change(before[key], now) for key, now in wanted.values.items() if before[key] != now}
    if not changes:
        raise ValueError("all of this stands there already")
    known = select(func.max(session_correction.c.number)).where(session_correction.c.session == name)
    told: Row = {
        "session": name,
        "number": (connection.execute(known).scalar() or 0) + 1,
        "at": to_ms(at),
        "who": who,
        "reason": wanted.reason,
        "changes": json.dumps({key: [*change] for key, change in changes.items()}),
    }
    connection.execute(session_correction.insert(), told)
    values = {key: change.now for key, change in changes.items()}
    connection.execute(update(session).where(session.c.id == name).values(values))
    return changes


def _plain(key: str, value: Any) -> Any:
    if key == "is_void":
        return bool(value)
    return value or "" if key == "cost_centre" else value


def _erase(connection: Connection, whose: ColumnElement[bool], before: datetime) -> int:
    query = select(session.c.id, session.c.transactions).where(
        whose, session.c.plugged < to_ms(before), session.c.unplugged.is_not(None)
    )
    rows = connection.execute(query.limit(SOME)).all()
    names = [row.id for row in rows]
    numbers = [number for row in rows for number in transactions_of(row)]
    nothing = dict.fromkeys(_NAMES)
    connection.execute(update(session).where(session.c.id.in_(names)).values(nothing))
    for first in range(0, len(numbers), SOME):
        some = transaction_log.c.id.in_(numbers[first : first + SOME])
        connection.execute(update(transaction_log).where(some).values(id_tag=None, start_key=None))
    corrected = select(session_correction).where(session_correction.c.session.in_(names))
    for row in connection.execute(corrected).all():
        _forget(connection, row)
    return len(names)


def _forget(connection: Connection, row: Any) -> None:
    changes = json.loads(row.changes)
    hidden = {key: [ERASED, ERASED] if key in _IDENTITY else value for key, value in changes.items()}
    c = session_correction.c
    mine = update(session_correction).where(c.session == row.session, c.number == row.number)
    connection.execute(mine.values(changes=json.dumps(hidden), reason=ERASED if hidden != changes else row.reason))
