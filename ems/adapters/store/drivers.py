"""Stickers and reports of drivers in the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, desc, select

from ems.adapters.store.access import reason
from ems.adapters.store.batch import Key, Row, Subjects, write
from ems.adapters.store.commit import committed
from ems.adapters.store.current import Current
from ems.adapters.store.database import WRITE_ERRORS
from ems.adapters.store.driver_schema import driver_report, sticker
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.writer import QueueFullError, Writer
from ems.domain.driver.sticker import Report, Sticker, Trouble
from ems.ports.controller import NotStoredError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DriverStore:
    """Implements the `StickerBook` port. Every method raises NotStoredError."""

    writer: Writer
    current: Current
    patience_s: float = 5.0

    async def stickers(self) -> Sequence[Sticker]:
        """All of them, oldest first. On the writer's thread, so that nothing which waits is missed."""
        try:
            async with asyncio.timeout(self.patience_s):
                found = await asyncio.wrap_future(self.writer.run(_stickers))
        except (TimeoutError, QueueFullError, *WRITE_ERRORS) as error:
            raise NotStoredError(f"the stickers cannot be read: {reason(error)}") from error
        for one in found:
            self.current.remember(sticker, _row(one))
        return found

    async def keep(self, known: Sequence[Sticker]) -> None:
        """Returns when these are on disk, new or with another EVSE."""
        rows: list[Row] = [_row(one) for one in known]

        def job(connection: Connection) -> None:
            write(connection, {Key.of(sticker, row): row for row in rows}, (), Subjects())

        await committed(self.writer, job, True, self.patience_s)
        for row in rows:
            self.current.remember(sticker, row)

    async def reports(self, most: int) -> Sequence[Report]:
        """The newest reports, open ones first."""
        query = select(driver_report).order_by(driver_report.c.closed.is_not(None), desc(driver_report.c.number))

        def job(connection: Connection) -> list[Report]:
            return [_report(row) for row in connection.execute(query.limit(most))]

        try:
            async with asyncio.timeout(self.patience_s):
                return await asyncio.wrap_future(self.writer.run(job))
        except (TimeoutError, QueueFullError, *WRITE_ERRORS) as error:
            raise NotStoredError(f"the reports cannot be read: {reason(error)}") from error

    async def report(self, told: Report) -> None:
        """Returns when a report, new or closed, is on disk."""
        row: Row = {
            "number": told.number,
            "at": to_ms(told.at),
            "evse": told.evse,
            "trouble": told.trouble.value,
            "text": told.text,
            "closed": None if told.closed is None else to_ms(told.closed),
            "closed_by": told.closed_by,
        }

        def job(connection: Connection) -> None:
            write(connection, {Key.of(driver_report, row): row}, (), Subjects())

        await committed(self.writer, job, True, self.patience_s)


def _row(one: Sticker) -> Row:
    return {"slug": one.slug, "evse": one.evse, "secret": one.secret, "created": to_ms(one.created)}


def _stickers(connection: Connection) -> list[Sticker]:
    found = []
    for row in connection.execute(select(sticker).order_by(sticker.c.created, sticker.c.slug)):
        try:
            found.append(Sticker(row.slug, row.evse, row.secret, from_ms(row.created)))
        except ValueError as error:
            log.warning("store.row_unreadable table=sticker: %s", error)
    return found


def _report(row: Any) -> Report:
    try:
        trouble = Trouble(row.trouble)
    except ValueError:
        trouble = Trouble.OTHER
    closed = None if row.closed is None else from_ms(row.closed)
    return Report(row.number, from_ms(row.at), row.evse, trouble, row.text, closed, row.closed_by)
