"""How long somebody must wait who gave wrong passwords: nothing at first, then ever longer, never for ever.

Guesses are counted for a name at an address, for an address, and for a name from everywhere: one who guesses at one
account, one who tries a password on many, and many who guess at one. Being locked out ends by itself, so that nobody
can lock the owner out for good by guessing.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

FREE_PAIR, FREE_ADDRESS, FREE_NAME = 5, 20, 60
"""Wrong guesses before there is a wait."""

FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 900.0
FORGET_S = 3600.0
"""So long without a wrong guess, and all is as at the beginning."""

MOST_KEPT = 20_000


class Guesses(NamedTuple):
    """Wrong guesses, the last of them at a monotonic time."""

    number: int = 0
    at_s: float = 0.0

    def after(self, now_s: float) -> Guesses:
        """One more."""
        return Guesses(self.counted(now_s) + 1, now_s)

    def counted(self, now_s: float) -> int:
        """How many still count."""
        return self.number if now_s - self.at_s < FORGET_S else 0

    def wait_s(self, free: int, now_s: float) -> float:
        """How long until the next guess is heard, when `free` of them are; 0 for now."""
        over = self.counted(now_s) - free
        if over < 0:
            return 0.0
        wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(over, 10))
        return max(0.0, self.at_s + wait - now_s)


class Lockout:
    """Remembers the guesses of the last hour, of as many as there is room for."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Guesses] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def wait_s(self, name: str, address: str, is_here: bool, now_s: float) -> float:
        """How long this name at this address must wait; at the machine itself nobody waits for what others guess."""
        waits = [
            self._known.get(key, Guesses()).wait_s(free, now_s)
            for key, free in _keys(name, address)
            if not (is_here and not key[1])
        ]
        return max(waits)

    def wrong(self, name: str, address: str, now_s: float) -> None:
        """A wrong guess."""
        for key, _ in _keys(name, address):
            self._known[key] = self._known.get(key, Guesses()).after(now_s)
            self._known.move_to_end(key)
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)

    def guesses(self, name: str, address: str, now_s: float) -> int:
        """Wrong guesses at this name at this address."""
        return self._known.get((name, address), Guesses()).counted(now_s)

    def right(self, name: str, address: str) -> None:
        """The right password: what was guessed at this name from there is forgotten, what others guessed is not."""
        self._known.pop((name, address), None)


def _keys(name: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
    return (((name, address), FREE_PAIR), (("", address), FREE_ADDRESS), ((name, ""), FREE_NAME))
