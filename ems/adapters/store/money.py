"""What refunds, prepaid accounts and statements share: durable changes that may be refused, and reading beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from ems.adapters.store.audit import AuditLog
from ems.adapters.store.beside import read_beside
from ems.adapters.store.database import WRITE_ERRORS, Database
from ems.adapters.store.writer import QueueFullError, Writer
from ems.ports.controller import NotStoredError

T = TypeVar("T")

READ_S = 30.0


@dataclass(frozen=True, slots=True)
class MoneyStore:
    """Runs what `refunds`, `prepaid` and `statements` do with a connection. `patience_s`: how long a change waits."""

    writer: Writer
    database: Database
    audit: AuditLog
    patience_s: float = 5.0

    async def change(self, job: Callable[[Connection], T]) -> T:
        """Returns when what a job did would survive a power cut. A job raises ValueError before it has written
        anything; that is raised here. Raises NotStoredError when it could not be stored; a disk that was only too slow
        may have taken it, so jobs must bear to be repeated.
        """

        def guarded(connection: Connection) -> T | ValueError:
            try:
                return job(connection)
            except ValueError as refused:
                return refused

        try:
            async with asyncio.timeout(self.patience_s):
                done = await asyncio.wrap_future(self.writer.run(guarded, durable=True))
        except TimeoutError:
            trouble = self.writer.health.trouble or "the disk is slow"
            raise NotStoredError(f"not on disk after {self.patience_s:g} s: {trouble}") from None
        except (QueueFullError, *WRITE_ERRORS) as error:
            raise NotStoredError(str(error).partition("\n")[0]) from error
        if isinstance(done, ValueError):
            raise done
        return done

    async def read(self, query: Callable[[Connection], T]) -> T:
        """What stands there, read on a thread and a connection of its own. Raises what the query says of what is not
        there, and NotStoredError.
        """
        return await read_beside(self.database, query, READ_S)
