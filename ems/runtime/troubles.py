"""What a thread has to say to the loop: the store's writer hears from its disk, the core must know."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

from ems.domain.events import StoreTroubled
from ems.ports.controller import Clock, Sink


class Troubles:
    """May be called from any thread; what was said before there was a loop is told to it first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sink: Sink | None = None

    def __call__(self, reason: str) -> None:
        """Something is wrong with the disk, or no longer, when `reason` is empty."""
        self._latest = reason
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody listens any more
                self._loop.call_soon_threadsafe(partial(self._put, reason))

    def tell(self, sink: Sink) -> None:
        """From now on tell this sink, in the running loop."""
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        if self._latest:
            self._put(self._latest)

    def _put(self, reason: str) -> None:
        if self._sink is not None:
            self._sink(StoreTroubled(self._clock.now().monotonic_s, reason))
