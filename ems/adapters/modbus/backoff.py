"""How long to leave something alone that did not work."""

from __future__ import annotations


class Backoff:
    """Pauses that double from `first_s` to a longest, until something worked."""

    def __init__(self, first_s: float) -> None:
        self._first_s = first_s
        self._next_s = first_s
        self.rests_until = 0.0

    def failed(self, now: float, longest_s: float) -> None:
        """Take note of a failure; a pause begins now."""
        pause = min(self._next_s, longest_s)
        self._next_s = 2.0 * pause
        self.rests_until = now + pause

    def release(self) -> None:
        """Rest no longer, but remember how long the next pause must be."""
        self.rests_until = 0.0

    def worked(self) -> None:
        """Rest no longer, and begin again with the short pause."""
        self._next_s = self._first_s
        self.rests_until = 0.0
