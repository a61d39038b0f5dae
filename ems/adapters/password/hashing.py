"""One password at a time: made into a hash, compared with one. Takes about a twentieth of a second of work: never call
it on the event loop.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Cost(NamedTuple):
    """Passes over so many KiB, by one thread."""

    passes: int
    kib: int


COST = Cost(3, 32 * 1024)
"""More than the least that OWASP's cheat sheet asks of argon2id (19 MiB, 2 passes), and little enough for a small
controller that hashes two at a time.
"""


class Hasher:
    """`cost` of new hashes; old ones are compared at the cost that they were made at."""

    def __init__(self, cost: Cost = COST) -> None:
        self._hasher = PasswordHasher(cost.passes, cost.kib, parallelism=1)
        self._nobodys = cache(lambda: self._hasher.hash("the password of nobody"))

    def hash(self, password: str) -> str:
        """A hash with a new salt, with all that is needed to compare it."""
        return self._hasher.hash(_bytes(password))

    def verify(self, line: str | None, password: str) -> bool:
        """Whether this is the password; without a `line` the same work is done for nothing, so that nobody can tell by
        the time that there is no such user.
        """
        try:
            return self._hasher.verify(line or self._nobodys(), _bytes(password)) and line is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, line: str) -> bool:
        """Whether a hash was made with another cost than is asked for now."""
        try:
            return self._hasher.check_needs_rehash(line)
        except InvalidHashError:
            return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
