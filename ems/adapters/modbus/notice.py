"""When a change is worth a line in the log, even if a peer flaps."""

from __future__ import annotations

INTERVAL_S = 60.0


class Notice:
    """Follows something that is either fine or not, and says when to write about it.

    A change is written at once, but each of the two states at most once per minute; a state that lasts is written
    in the end, so the last line is never wrong for longer than that.
    """

    def __init__(self) -> None:
        self._written: bool | None = None
        self._last = {True: float("-inf"), False: float("-inf")}

    def due(self, fine: bool, now: float) -> bool:
        """Take note of the state; True when a line about it is due now."""
        if fine is self._written or now - self._last[fine] < INTERVAL_S:
            return False
        self._written = fine
        self._last[fine] = now
        return True
