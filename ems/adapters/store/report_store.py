"""What reports tell besides sessions and energy, and which exports went out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, desc, func, select, update

from ems.adapters.store.audit import AuditLog
from ems.adapters.store.batch import Key, Row, Subjects, write
from ems.adapters.store.beside import read_beside
from ems.adapters.store.commit import committed
from ems.adapters.store.database import WRITE_ERRORS, Database
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.report_reading import excluded_of, quarter_of
from ems.adapters.store.report_schema import control_quarter, excluded_time, export_run, outage
from ems.adapters.store.schema import audit
from ems.adapters.store.writer import Urgency, Writer
from ems.domain.unknown import UnknownError
from ems.ports.controller import NotStoredError
from ems.ports.reports import ExportRun, NoReportError, RunState
from ems.statistics.period import Period
from ems.statistics.record import Cause, ControlQuarter, Excluded

T = TypeVar("T")

RUNS = 20
READ_S = 60.0
MOST_EXCLUDED = 5000


@dataclass(frozen=True, slots=True)
class ReportStore:
    """Implements `WatchBook`, and keeps what people and exports do. Reading raises NoReportError, changes raise
    NotStoredError.
    """

    writer: Writer
    audit: AuditLog
    database: Database
    patience_s: float = 5.0

    def outage(self, evse: str, began: datetime, seen: datetime, ended: datetime | None, cause: Cause) -> None:
        """As the port says; queued."""
        row = {
            "evse": evse,
            "began": to_ms(began),
            "ended": None if ended is None else to_ms(ended),
            "seen": to_ms(seen),
            "cause": cause.value,
        }
        self.writer.put(outage, row, Urgency.SOON)

    def quarter(self, told: ControlQuarter) -> None:
        """As the port says; queued. It takes the place of what was told of the same quarter hour before."""
        row = told._asdict()
        row["starts"] = 1000 * row.pop("starts_s")
        self.writer.put(control_quarter, row, Urgency.LATER)

    def last_quarter(self) -> ControlQuarter | None:
        """The last quarter hour that was written down; None when there is none, or it cannot be read. Blocks."""
        query = select(control_quarter).order_by(desc(control_quarter.c.starts)).limit(1)
        try:
            with self.database.reading().connect() as connection:
                row = connection.execute(query).first()
        except WRITE_ERRORS:
            return None
        return None if row is None else quarter_of(row)

    async def exclude(self, told: Excluded, at: datetime) -> Excluded:
        """Keep an excluded time under a number of its own, with an audit row."""
        found: list[Excluded] = []

        def job(connection: Connection) -> None:
            numbers = select(func.max(excluded_time.c.id), func.count()).select_from(excluded_time)
            last, count = connection.execute(numbers).one()
            if count >= MOST_EXCLUDED:
                raise ValueError(f"at most {MOST_EXCLUDED} excluded times are kept")
            known = told._replace(id=(last or 0) + 1)
            connection.execute(excluded_time.insert(), [_excluded_row(known, at)])
            connection.execute(audit.insert(), [self.audit.row(at, told.who, "exclude time", _detail(known))])
            found.append(known)

        await committed(self.writer, job, True, self.patience_s)
        return found[0]

    async def withdraw(self, number: int, who: str, at: datetime) -> None:
        """Take an excluded time back. Raises UnknownError."""
        unknown: list[int] = []

        def job(connection: Connection) -> None:
            table = excluded_time.c
            there = table.id == number, table.withdrawn.is_(None)
            change = update(excluded_time).where(*there).values(withdrawn=to_ms(at))
            if not connection.execute(change).rowcount:
                unknown.append(number)
                return
            row = self.audit.row(at, who, "withdraw excluded time", {"id": number})
            connection.execute(audit.insert(), [row])

        await committed(self.writer, job, True, self.patience_s)
        if unknown:
            raise UnknownError(f"there is no excluded time {number}")

    async def excluded(self, period: Period) -> tuple[Excluded, ...]:
        """Excluded times that reach into a period."""
        return await self._read(lambda connection: excluded_of(connection, period))

    async def keep_run(self, run: ExportRun) -> None:
        """Returns when it would survive a power cut how an export of a period stands."""
        row = _run_row(run)

        def job(connection: Connection) -> None:
            write(connection, {Key.of(export_run, row): row}, (), Subjects())

        await committed(self.writer, job, True, self.patience_s)

    async def runs(self) -> tuple[ExportRun, ...]:
        """The last runs of each export, newest first."""

        def query(connection: Connection) -> tuple[ExportRun, ...]:
            names = connection.execute(select(export_run.c.name).distinct()).scalars().all()
            found: list[ExportRun] = []
            for name in names:
                mine = select(export_run).where(export_run.c.name == name)
                rows = connection.execute(mine.order_by(desc(export_run.c.due)).limit(RUNS))
                found += (_run(row) for row in rows)
            return tuple(found)

        return await self._read(query)

    def add_audit(self, at: datetime, who: str, what: str, detail: dict[str, str]) -> None:
        """Somebody asked for something."""
        self.audit.add(at, who, what, detail)

    async def _read(self, query: Callable[[Connection], T]) -> T:
        try:
            return await read_beside(self.database, query, READ_S)
        except NotStoredError as error:
            raise NoReportError(str(error)) from None


def _detail(told: Excluded) -> dict[str, object]:
    return {
        "id": told.id,
        "scope": told.scope or "all",
        "from": from_ms(1000 * told.began_s).isoformat(),
        "until": from_ms(1000 * told.ended_s).isoformat(),
        "cause": told.cause.value,
        "note": told.note,
    }


def _excluded_row(told: Excluded, at: datetime) -> Row:
    return {
        "id": told.id,
        "scope": told.scope,
        "began": 1000 * told.began_s,
        "ended": 1000 * told.ended_s,
        "cause": told.cause.value,
        "note": told.note,
        "who": told.who,
        "at": to_ms(at),
        "withdrawn": None,
    }


def _run_row(run: ExportRun) -> Row:
    return {
        "name": run.name,
        "period": run.period,
        "due": to_ms(run.due),
        "state": run.state.value,
        "attempts": run.attempts,
        "tried": None if run.tried is None else to_ms(run.tried),
        "next": None if run.next is None else to_ms(run.next),
        "answer": run.answer,
        "who": run.who,
    }


def _run(row: Row | object) -> ExportRun:
    known = getattr(row, "_mapping", row)
    assert hasattr(known, "__getitem__")
    tried, following = known["tried"], known["next"]
    return ExportRun(
        name=known["name"],
        period=known["period"],
        due=from_ms(known["due"]),
        state=RunState(known["state"]),
        attempts=known["attempts"],
        tried=None if tried is None else from_ms(tried),
        next=None if following is None else from_ms(following),
        answer=known["answer"],
        who=known["who"],
    )
