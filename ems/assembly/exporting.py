"""Files of data, made in a process of their own: rows are made by the interpreter, and a year of them would keep it
from the tick for seconds, however short its turns are. Whoever goes away ends the process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.adapters.export.file import written
from ems.adapters.store.database import Database
from ems.assembly.export_tables import table_of
from ems.domain.record.export_request import ExportRequest
from ems.ports.sessions import BusyError, NotReadError

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "ems.assembly.export_worker")
OURS = str(Path(__file__).resolve().parents[2])
"""Where this program is, so that its child is the same one."""

AT_ONCE = 2
PIECE = 1 << 16
FIRST_S, WORDS = 60.0, 500
REFUSED = 2
"""The exit status of a child that was asked for what cannot be."""


class Errand(NamedTuple):
    """What a child is told."""

    asked: ExportRequest
    where: str | Path


def file_of(errand: Errand) -> Iterator[bytes]:
    """The pieces of a file. Raises ValueError, NoParquetError or NotReadableError."""
    asked = errand.asked
    return written(table_of(asked, Database(errand.where)), asked.form, asked.language, ZoneInfo(asked.zone))


class ExportProcesses:
    """The `Exports` port."""

    def __init__(self, where: str | Path) -> None:
        self._where = where
        self._running = 0

    async def open(self, asked: ExportRequest) -> AsyncIterator[bytes]:
        """The pieces of a file, once the first one is there. Raises ValueError, NotReadError or BusyError."""
        if self._running >= AT_ONCE:
            raise BusyError(f"{AT_ONCE} files are being made already; ask again in a minute")
        self._running += 1
        try:
            process = await _started(Errand(asked, self._where))
        except BaseException:
            self._running -= 1
            raise
        pieces = self._pieces(process)
        first = await _first(process, pieces)
        return _with(first, pieces)

    async def _pieces(self, process: Process) -> AsyncIterator[bytes]:
        assert process.stdout is not None
        try:
            while piece := await process.stdout.read(PIECE):
                yield piece
            if await process.wait() != 0:
                raise await _failure(process)
        finally:
            self._running -= 1
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())


async def _started(errand: Errand) -> Process:
    path = os.pathsep.join(filter(None, (OURS, os.environ.get("PYTHONPATH", ""))))
    try:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
    except OSError as refused:
        raise NotReadError(f"the process that writes files cannot be started: {refused}") from None
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        # The address of a database may hold a password, so it is not among the words of the command.
        process.stdin.write(pickle.dumps(errand))
        process.stdin.close()
    return process


async def _first(process: Process, pieces: AsyncIterator[bytes]) -> bytes:
    """The first piece; a file of nothing is none."""
    try:
        async with asyncio.timeout(FIRST_S):
            return await anext(pieces, b"")
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        raise NotReadError(f"no data came within {FIRST_S:.0f} s") from None


async def _with(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        yield first
        async for piece in pieces:
            yield piece
    finally:
        await pieces.aclose()  # type: ignore[attr-defined]  # a generator of ours


async def _failure(process: Process) -> Exception:
    assert process.stderr is not None
    words = (await process.stderr.read()).decode("utf-8", "replace").strip()
    said = words.splitlines()[-1][:WORDS] if words else "the process that writes files ended without a word"
    if process.returncode == REFUSED:
        return ValueError(said)
    log.warning("export.failed status=%s %s", process.returncode, said)
    return NotReadError(said)
