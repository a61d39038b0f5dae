"""Reading beside the writer: on a thread and a connection of its own, and never for longer than somebody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import Connection

from ems.adapters.store.access import reason
from ems.adapters.store.database import WRITE_ERRORS, Database
from ems.domain.unknown import UnknownError
from ems.ports.controller import NotStoredError

T = TypeVar("T")


async def read_beside(database: Database, query: Callable[[Connection], T], patience_s: float) -> T:
    """What a query finds. Raises NotStoredError when the database does not answer or not in time, and UnknownError when
    the query does.
    """

    def ask() -> T:
        with database.reading().connect() as connection:
            return query(connection)

    async def asked() -> T:
        async with asyncio.timeout(patience_s):
            return await asyncio.to_thread(ask)

    return await read(asked())


async def read(work: Awaitable[T]) -> T:
    """What was read of the database. Raises NotStoredError when it cannot be, and UnknownError when the query does."""
    try:
        return await work
    except UnknownError:
        raise
    except (TimeoutError, *WRITE_ERRORS) as error:
        raise NotStoredError(f"the database cannot be read: {reason(error)}") from error
