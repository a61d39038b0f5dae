"""One file of the journal: a line with the format, then a compressed stream of checksummed frames.

The first frame is the header; a snapshot follows, then ticks. The stream is flushed after every tick, so a file whose
end is missing can be read up to the last whole tick.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ems.adapters.store.codec import Codec, CodecError
from ems.control.memory import Memory
from ems.domain.decision import Decision, Level
from ems.domain.events import Event
from ems.domain.instant import Instant
from ems.domain.state import SiteState

FORMAT = 1
MAGIC = b"ems journal %d\n"
SUFFIX = ".journal"
FRAME = struct.Struct("<II")
MAX_FRAME = 256 << 20
CHUNK, PIECE = 1 << 16, 1 << 10


class JournalError(Exception):
    """A journal cannot be read; the text says where and what to do."""


@dataclass(frozen=True, slots=True)
class Header:
    """Which program wrote the file, and the site as its text said."""

    program: str
    revision: str
    site_text: str


class Outcome(NamedTuple):
    """What is kept of a decision: ampere per EVSE in the site's order, the level, and what else it leads to."""

    setpoints: tuple[float, ...]
    level: Level
    alarms: tuple[str, ...]
    stop: tuple[str, ...]

    @classmethod
    def of(cls, decision: Decision) -> Outcome:
        """The part of `decision` that a replay must meet."""
        return cls(
            setpoints=tuple(setpoint.amps for setpoint in decision.setpoints),
            level=decision.level,
            alarms=tuple(alarm.key for alarm in decision.alarms),
            stop=decision.stop,
        )


class Snapshot(NamedTuple):
    """What was known before the next tick."""

    state: SiteState
    memory: Memory


class Tick(NamedTuple):
    """What happened until `at`, and what was decided then."""

    at: Instant
    events: tuple[Event, ...]
    outcome: Outcome


class Gap(NamedTuple):
    """So many ticks are missing here, because the disk did not keep up or failed."""

    ticks: int


Entry = Snapshot | Tick | Gap


class SegmentWriter:
    """A new file; every method may raise OSError, and CodecError when a value is not what its type says."""

    def __init__(self, path: Path, header: Header) -> None:
        self.size = 0
        self._codec = Codec([Entry])
        self._pack = msgspec.msgpack.Encoder().encode
        self._zip = zlib.compressobj(6)
        self._file = path.open("xb", buffering=0)
        names = (header.program, header.revision, header.site_text)
        try:
            self._write(MAGIC % FORMAT)
            self._frame([*names, {name: list(fields) for name, fields in self._codec.schema.items()}])
            self.flush()
        except OSError:
            self._file.close()
            path.unlink(missing_ok=True)
            raise

    def add(self, entry: Entry) -> None:
        """Append; what was added is in the file after `flush`."""
        self._frame(self._codec.encode(Entry, entry))

    def flush(self) -> None:
        """Hand everything to the operating system, where the end of this process does not reach it."""
        self._write(self._zip.flush(zlib.Z_SYNC_FLUSH))

    def close(self) -> None:
        """End the file."""
        try:
            self._write(self._zip.flush(zlib.Z_FINISH))
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Let go of a file that cannot be written to."""
        self._file.close()

    def _frame(self, plain: Any) -> None:
        payload = self._pack(plain)
        self._write(self._zip.compress(FRAME.pack(len(payload), zlib.crc32(payload)) + payload))

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            written = self._file.write(left)
            self.size += written
            left = left[written:]


def segments(path: Path) -> Sequence[Path]:
    """The files of a journal, oldest first; a single file is a journal of its own."""
    return [path] if path.is_file() else sorted(path.glob(f"*{SUFFIX}"))


def segment_name(number: int, begins: datetime) -> str:
    """A file name; the number keeps the order when the clock is set back."""
    return f"{number:08d}-{begins:%Y%m%dT%H%M%SZ}{SUFFIX}"


def read(path: Path) -> tuple[Header, Iterator[Entry]]:
    """The header of a file and what follows, up to where its end is missing.

    Raises JournalError when it is no journal, of a format or with records that this program does not know; the
    iterator raises it where the file is damaged.
    """
    frames = _frames(path)
    try:
        program, revision, site_text, schema = msgspec.msgpack.decode(
            next(frames), type=tuple[str, str, str, dict[str, list[str]]]
        )
    except (StopIteration, msgspec.DecodeError):
        raise JournalError(f"{path}: the header is missing: the writer was stopped before its first tick") from None
    try:
        codec = Codec([Entry], schema)
    except CodecError as error:
        raise JournalError(f"{path} was written by ems {program}: {error}; replay it with that version") from None
    return Header(program, revision, site_text), _entries(path, frames, codec)


def _entries(path: Path, frames: Iterator[bytes], codec: Codec) -> Iterator[Entry]:
    for number, frame in enumerate(frames, start=1):
        try:
            entry: Entry = codec.decode(Entry, msgspec.msgpack.decode(frame))
        except (CodecError, msgspec.DecodeError) as error:
            raise JournalError(f"{path}: entry {number} cannot be read: {error}") from None
        yield entry


def _frames(path: Path) -> Iterator[bytes]:
    unzip, buffer, count = zlib.decompressobj(), bytearray(), 0
    with path.open("rb") as file:
        magic = file.readline(64)
        if not magic.startswith(MAGIC.split(b"%")[0]):
            raise JournalError(f"{path} is not a journal of ems")
        if magic != MAGIC % FORMAT:
            found = magic.split()[-1].decode("ascii", "replace")
            raise JournalError(f"{path} has format {found}, this program reads {FORMAT}: replay it with its writer")
        while chunk := file.read(CHUNK):
            try:
                for piece in _unzipped(unzip, chunk):
                    buffer += piece
                    for payload in _taken(buffer):
                        count += 1
                        yield payload
            except (zlib.error, ValueError) as error:
                raise JournalError(f"{path} is damaged after entry {max(0, count - 1)}: {error}") from None


def _unzipped(unzip: Any, chunk: bytes) -> Iterator[bytes]:
    """In small pieces, so that damage costs only what lies behind it."""
    while chunk:
        yield unzip.decompress(chunk, PIECE)
        chunk = unzip.unconsumed_tail


def _taken(buffer: bytearray) -> Iterator[bytes]:
    """Remove and give every whole frame at the front of `buffer`. Raises ValueError where it cannot be one."""
    while len(buffer) >= FRAME.size:
        length, checksum = FRAME.unpack_from(buffer)
        if length > MAX_FRAME:
            raise ValueError("impossible length")
        if len(buffer) < FRAME.size + length:
            return
        payload = bytes(buffer[FRAME.size : FRAME.size + length])
        if zlib.crc32(payload) != checksum:
            raise ValueError("wrong checksum")
        del buffer[: FRAME.size + length]
        yield payload
