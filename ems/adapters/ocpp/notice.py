"""Log lines that a peer can provoke: a few, then a count."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from ems.ports.controller import Clock

BURST = 5
EVERY_S = 60.0


@dataclass(slots=True)
class Notices:
    """A token bucket over all lines of one kind: `BURST` at once, then one every `EVERY_S` seconds."""

    clock: Clock
    log: logging.Logger
    _tokens: float = BURST
    _at: float = field(default=float("-inf"))
    _held_back: int = 0

    def warn(self, text: str, *values: object) -> None:
        """Log a warning, or count it."""
        self._say(logging.WARNING, text, values)

    def tell(self, text: str, *values: object) -> None:
        """Log what is in order, or count it."""
        self._say(logging.INFO, text, values)

    def _say(self, level: int, text: str, values: tuple[object, ...]) -> None:
        now = self.clock.now().monotonic_s
        self._tokens = min(BURST, self._tokens + (now - self._at) / EVERY_S)
        self._at = now
        if self._tokens < 1:
            self._held_back += 1
            return
        self._tokens -= 1
        held_back, self._held_back = self._held_back, 0
        self.log.log(level, text + (f" (and {held_back} more like it)" if held_back else ""), *values)
