"""Answers that are made once for all who ask together."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from ems.adapters.web.navigation import Tab, offered
from ems.ports.controller import Clock

FRESH_S = 1.0


class Printed(NamedTuple):
    """An answer, plain and as a gzip file."""

    plain: bytes
    gzipped: bytes


async def printed(text: bytes) -> Printed:
    """Compress in a thread, which lets go of the interpreter meanwhile."""
    return Printed(text, await asyncio.to_thread(gzip.compress, text, 1, mtime=0))


class Once:
    """Keeps what `make` made for a second. Who comes while it is being made waits for it."""

    def __init__(self, make: Callable[[], Awaitable[bytes]], clock: Clock) -> None:
        self._make = make
        self._clock = clock
        self._lock = asyncio.Lock()
        self._made: tuple[float, Printed] | None = None

    async def latest(self) -> Printed:
        """At most a second old."""
        async with self._lock:
            now = self._clock.now().monotonic_s
            if self._made is None or now - self._made[0] >= FRESH_S:
                self._made = now, await printed(await self._make())
            return self._made[1]


class Each:
    """A page that is made once for all who are offered the same pages beside it."""

    def __init__(self, make: Callable[[], Awaitable[bytes]], clock: Clock) -> None:
        self._make, self._clock = make, clock
        self._made: dict[tuple[Tab, ...], Once] = {}

    async def latest(self) -> Printed:
        """At most a second old."""
        return await self._made.setdefault(offered(), Once(self._make, self._clock)).latest()
