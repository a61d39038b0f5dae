"""The picture as bytes: made once for all who look, a few times a second at most, in slices, and compressed once."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from ems.adapters.web.picture import head, sections
from ems.adapters.web.view import View
from ems.ports.controller import Clock, Live

PERIOD_S = 1.0
LEAST_S = 0.25
"""Between two frames for those who listen: much shorter than a tick, or the wait for it and the wait after it would add
up to two seconds, for good.
"""

SLICE_ROWS = 20
"""So many rows take about a millisecond; then the loop is free again."""

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_END_OF_STREAM = b"\x03\x00"
_LEVEL = 1
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


class Frame(NamedTuple):
    """A picture of `version`, made at the monotonic time `at`: as JSON, and the same as deflate blocks that stand alone
    and so can follow any others.
    """

    version: int
    at: float
    json: bytes
    deflated: bytes
    crc: int

    def gzipped(self) -> bytes:
        """The JSON as one gzip file."""
        tail = self.crc.to_bytes(4, "little") + (len(self.json) & 0xFFFFFFFF).to_bytes(4, "little")
        return GZIP_HEADER + self.deflated + _END_OF_STREAM + tail


def blocks(data: bytes) -> bytes:
    """`data` as deflate blocks that stand alone."""
    squeeze = zlib.compressobj(_LEVEL, wbits=-zlib.MAX_WBITS)
    return squeeze.compress(data) + squeeze.flush(zlib.Z_SYNC_FLUSH)


class Press:
    """Prints frames. Whoever asks first prints for all."""

    def __init__(self, live: Live, clock: Clock, software: str) -> None:
        self._live = live
        self._clock = clock
        self._software = software
        self._frame: Frame | None = None
        self._lock = asyncio.Lock()

    async def latest(self) -> Frame:
        """A frame that is at most a second old; ages go on even when nothing ticks."""
        async with self._lock:
            frame = self._frame
            if frame is None or self._clock.now().monotonic_s - frame.at >= PERIOD_S:
                frame = self._frame = await self._print()
            return frame

    async def following(self, frame: Frame) -> Frame:
        """The next frame with another version than `frame`, but not within a quarter of a second of the last one."""
        await self._live.changed(frame.version)
        async with self._lock:
            last = self._frame
            if last is None or last.version == frame.version:
                if last is not None:
                    await asyncio.sleep(max(0.0, last.at + LEAST_S - self._clock.now().monotonic_s))
                last = self._frame = await self._print()
            return last

    async def _print(self) -> Frame:
        live, now = self._live, self._clock.now()
        view = View(live.state, live.decision, now, live.knocks(), live.version, self._software).checked()
        squeeze = zlib.compressobj(_LEVEL, wbits=-zlib.MAX_WBITS)
        whole, deflated, crc = [], [], 0
        for part in _parts(view):
            whole.append(part)
            deflated.append(squeeze.compress(part))
            crc = zlib.crc32(part, crc)
            await asyncio.sleep(0)
        deflated.append(squeeze.flush(zlib.Z_SYNC_FLUSH))
        return Frame(view.version, now.monotonic_s, b"".join(whole), b"".join(deflated), crc)


def _parts(view: View) -> Iterator[bytes]:
    """The JSON of `picture` in pieces."""
    yield _encode(head(view))[:-1].encode("ascii")
    for name, rows in sections(view):
        yield f',"{name}":['.encode("ascii")
        first = True
        while some := list(islice(rows, SLICE_ROWS)):
            yield (b"" if first else b",") + _encode(some)[1:-1].encode("ascii")
            first = False
        yield b"]"
    yield b"}"
