"""Files that stations upload: each into a slot that was opened for it, under a word nobody can guess, for a while.

Nothing is written on the event loop. A station may send what it likes, as fast as it likes: what is kept is bounded in
the size of a file and in all.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from ems.domain.daybook import UnknownError
from ems.ports.controller import Clock
from ems.ports.stations import Received, UploadRefusedError

log = logging.getLogger(__name__)

VALID = timedelta(hours=2)
"""Stations collect for minutes before they upload; some wait until a transaction has ended."""

MOST_BYTES = 64 << 20
MOST_FILES, MOST_IN_ALL = 60, 512 << 20
MOST_SLOTS = 500
LEAST_FREE = 256 << 20
"""So much of the disk stays free: what is measured and paid is worth more than what a station has to tell of itself."""

PART = "incoming-"
"""How a file is called until it is whole: no received file is called so, whatever its station calls it."""

BATCH = 256 << 10
"""What is handed to a thread at a time."""

_NAME = re.compile(r"(?P<station>[^_]+)__(?P<stamp>\d{8}T\d{6}Z)__(?P<number>\d+)__(?P<name>.+)")
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(slots=True)
class _Slot:
    station: str
    until: datetime
    is_taken: bool = False


class Uploads:
    """The `UploadBox` of a site, with its files in a folder."""

    def __init__(self, folder: Path, clock: Clock, most_bytes: int = MOST_BYTES, least_free: int = LEAST_FREE) -> None:
        self._folder, self._clock, self._most, self._least_free = folder, clock, most_bytes, least_free
        for part in folder.glob(f"{PART}*"):
            _removed(part)
        self._slots: dict[str, _Slot] = {}
        self._files: tuple[Received, ...] = _found(folder)
        self._next = 1 + max((one.number for one in self._files), default=0)

    def open(self, station: str) -> str:
        """A word under which the station may upload one file."""
        now = self._clock.now().utc
        self._slots = {word: slot for word, slot in self._slots.items() if slot.until > now or slot.is_taken}
        while len(self._slots) >= MOST_SLOTS:
            del self._slots[next(iter(self._slots))]
        word = secrets.token_urlsafe(24)
        self._slots[word] = _Slot(station, now + VALID)
        return word

    def is_open(self, word: str) -> bool:
        """Whether somebody may upload under this word now."""
        slot = self._slots.get(word)
        return slot is not None and not slot.is_taken and slot.until > self._clock.now().utc

    async def receive(self, word: str, name: str, chunks: AsyncIterator[bytes]) -> Received:
        """Take one file. Raises UploadRefusedError; whatever ends `chunks` early ends this, and nothing is kept."""
        if not self.is_open(word):
            raise UploadRefusedError(404, "nobody waits for a file here, or no longer")
        slot, number = self._slots[word], self._next
        slot.is_taken, self._next = True, self._next + 1
        at = self._clock.now().utc.replace(microsecond=0)
        received = Received(number, slot.station, _plain(name), 0, at)
        path, part = self._folder / _file_name(received), self._folder / f"{PART}{number}"
        try:
            size = await self._write(part, chunks)
            await asyncio.to_thread(part.replace, path)
        except OSError as failed:
            raise UploadRefusedError(507, f"the file cannot be kept: {failed.strerror}") from failed
        finally:
            try:
                await asyncio.to_thread(_removed, part)
            finally:
                slot.is_taken = False
        self._slots.pop(word, None)
        received = replace(received, size=size)
        await self._keep(received)
        log.info("upload.received station=%r bytes=%d name=%r", slot.station[:64], size, received.name)
        return received

    def received(self, station: str) -> Sequence[Received]:
        """What a station has uploaded, newest first."""
        return tuple(one for one in reversed(self._files) if one.station == station)

    def path(self, station: str, number: int) -> Path | None:
        """Where a file is."""
        one = next((one for one in self._files if (one.station, one.number) == (station, number)), None)
        return None if one is None else self._folder / _file_name(one)

    async def read(self, station: str, number: int) -> tuple[Received, AsyncIterator[bytes]]:
        """A file in pieces. Raises UnknownError."""
        path, one = self.path(station, number), next((one for one in self._files if one.number == number), None)
        if path is None or one is None or not await asyncio.to_thread(path.is_file):
            raise UnknownError("there is no such file, or it was too long ago")

        async def pieces() -> AsyncIterator[bytes]:
            file = await asyncio.to_thread(path.open, "rb")
            # Who is gone may leave us in the middle of it, and closing what was only read waits for nothing.
            with file:
                while piece := await asyncio.to_thread(file.read, BATCH):
                    yield piece

        return one, pieces()

    async def _write(self, path: Path, chunks: AsyncIterator[bytes]) -> int:
        file = await asyncio.to_thread(_opened, path)
        try:
            return await self._copy(file, chunks)
        finally:
            await asyncio.to_thread(file.close)

    async def _copy(self, file: IO[bytes], chunks: AsyncIterator[bytes]) -> int:
        size, batch = 0, bytearray()
        async for chunk in chunks:
            size += len(chunk)
            if size > self._most:
                raise UploadRefusedError(413, f"a file may have {self._most >> 20} MiB")
            batch += chunk
            if len(batch) >= BATCH:
                await asyncio.to_thread(self._put, file, bytes(batch))
                batch.clear()
        await asyncio.to_thread(self._put, file, bytes(batch))
        return size

    def _put(self, file: IO[bytes], some: bytes) -> None:
        if shutil.disk_usage(self._folder).free < self._least_free + len(some):
            raise UploadRefusedError(507, "the disk is nearly full")
        file.write(some)

    async def _keep(self, received: Received) -> None:
        """The oldest files go where there are too many."""
        files = [*self._files, received]
        gone: list[Received] = []
        while len(files) > MOST_FILES or (len(files) > 1 and sum(one.size for one in files) > MOST_IN_ALL):
            gone.append(files.pop(0))
        self._files = tuple(files)
        for one in gone:
            await asyncio.to_thread(_removed, self._folder / _file_name(one))


def _opened(path: Path) -> IO[bytes]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.open("wb")


def _removed(path: Path) -> None:
    """What cannot be removed stays where it is."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _plain(name: str) -> str:
    """A name that is one on every file system; what a station calls its file is not to be trusted."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name.rpartition("/")[2])[-80:].lstrip(".") or "file"


def _file_name(one: Received) -> str:
    return f"{_as_file(one.station)}__{one.at.strftime(_STAMP)}__{one.number}__{one.name}"


def _as_file(station: str) -> str:
    """A station's id as part of a file name, from which it can be read again."""
    return "".join(
        char if char.isascii() and (char.isalnum() or char == "-") else f"%{ord(char):x}." for char in station
    )


def _station(text: str) -> str:
    return re.sub(r"%([0-9a-f]+)\.", lambda match: chr(int(match[1], 16)), text)


def _found(folder: Path) -> tuple[Received, ...]:
    """What an earlier life of ours received, oldest first."""
    try:
        entries = [(entry.name, entry.stat().st_size) for entry in folder.iterdir()]
    except OSError:
        return ()
    found = [(match, size) for name, size in entries if (match := _NAME.fullmatch(name))]
    files = [
        Received(
            int(match["number"]),
            _station(match["station"]),
            match["name"],
            size,
            datetime.strptime(match["stamp"], _STAMP).replace(tzinfo=UTC),
        )
        for match, size in found
    ]
    return tuple(sorted(files, key=lambda one: one.number))
