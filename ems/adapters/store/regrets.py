"""What was said of finished days, in the database."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, desc, select

from ems.adapters.store.batch import Key, Subjects, write
from ems.adapters.store.database import Database
from ems.adapters.store.energy_schema import day_regret
from ems.adapters.store.writer import Writer
from ems.planning.day_verdict import DayVerdict

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RegretStore:
    """Keeps verdicts. Both methods raise one of `WRITE_ERRORS`, QueueFullError or TimeoutError."""

    writer: Writer
    database: Database
    patience_s: float = 30.0

    async def keep(self, verdict: DayVerdict) -> None:
        """Returns when it is written, in place of what was said of that day before."""
        row = {"day": verdict.day.isoformat(), "told": json.dumps(verdict.as_json())}

        def job(connection: Connection) -> None:
            write(connection, {Key.of(day_regret, row): row}, (), Subjects())

        async with asyncio.timeout(self.patience_s):
            await asyncio.wrap_future(self.writer.run(job))

    async def newest(self, most: int) -> tuple[DayVerdict, ...]:
        """The newest days, newest first; one that makes no sense is left out, and named in the log."""
        async with asyncio.timeout(self.patience_s):
            return await asyncio.to_thread(self._read, most)

    def _read(self, most: int) -> tuple[DayVerdict, ...]:
        with self.database.reading().connect() as connection:
            rows: Sequence[str] = connection.execute(
                select(day_regret.c.told).order_by(desc(day_regret.c.day)).limit(most)
            ).scalars().all()  # fmt: skip
        found = []
        for told in rows:
            try:
                found.append(DayVerdict.of_json(json.loads(told)))
            except (ValueError, TypeError, KeyError) as error:
                log.warning("store.row_unreadable table=day_regret row=%.200r: %s", told, error)
        return tuple(found)
