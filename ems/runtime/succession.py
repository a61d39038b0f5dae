"""A service of which another one takes the place while the daemon runs: the present one ends in order, then the next
one begins. They never work at the same time, because what they talk to would take them for the same.
"""

from __future__ import annotations

import asyncio

from ems.ports.controller import Service


class Succession:
    """A `Service` that is whichever it was last turned to; None: there is nothing to do."""

    def __init__(self, name: str, first: Service | None) -> None:
        self.name, self._present = name, first
        self._turned = asyncio.Event()

    def turn_to(self, following: Service | None) -> None:
        """Let the present one end, and this one work."""
        self._present = following
        self._turned.set()

    async def run(self) -> None:
        """Work until cancelled. What the present one fails of, this does."""
        while True:
            self._turned.clear()
            if self._present is None:
                await self._turned.wait()
                continue
            work, turned = asyncio.create_task(self._present.run()), asyncio.create_task(self._turned.wait())
            try:
                await asyncio.wait((work, turned), return_when=asyncio.FIRST_COMPLETED)
                if work.done() and not turned.done():
                    work.result()
                    return
            finally:
                work.cancel()
                turned.cancel()
                await asyncio.gather(work, turned, return_exceptions=True)
