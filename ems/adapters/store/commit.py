"""Waiting for a commit off the writer's thread, without ever waiting for a disk that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event

from sqlalchemy import Connection

from ems.adapters.store.database import WRITE_ERRORS
from ems.adapters.store.writer import QueueFullError, Writer
from ems.ports.controller import NotStoredError


async def committed(writer: Writer, job: Callable[[Connection], None], durable: bool, patience_s: float) -> None:
    """Returns when a job is committed in a transaction of its own; `durable`: so that it would survive a power cut.

    Raises NotStoredError, and has then changed nothing; but a disk that was only too slow may have taken it.
    """
    given_up = Event()

    def unless_late(connection: Connection) -> None:
        if given_up.is_set():
            raise ValueError("nobody waits for this any more")
        job(connection)

    try:
        async with asyncio.timeout(patience_s):
            await asyncio.wrap_future(writer.run(unless_late, durable))
    except TimeoutError:
        given_up.set()
        trouble = writer.health.trouble or "the disk is slow"
        raise NotStoredError(f"not on disk after {patience_s:g} s: {trouble}") from None
    except (QueueFullError, *WRITE_ERRORS) as error:
        raise NotStoredError(str(error).partition("\n")[0]) from error
