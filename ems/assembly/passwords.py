"""Passwords, compared and hashed a few at a time beside the event loop; and guessers, who are made to wait."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from ipaddress import ip_address

from ems.adapters.password.hashing import Hasher
from ems.adapters.store.audit import AuditLog
from ems.adapters.web.accounts.port import LoginRefusedError
from ems.domain.access.account import MOST_PASSWORD, User, key_of, new_password
from ems.domain.access.lockout import FREE_PAIR, Lockout
from ems.ports.controller import Clock

log = logging.getLogger(__name__)

AT_ONCE, MOST_WAITING = 2, 20
"""So many passwords are compared at a time, and so many may wait for it: hashing takes memory and time."""

WRONG = "the name or the password is wrong"


class Passwords:
    """`find` gives the user of a name as it is now."""

    def __init__(self, find: Callable[[str], User | None], hasher: Hasher, audit: AuditLog, clock: Clock) -> None:
        self._find, self.hasher, self._audit, self._clock = find, hasher, audit, clock
        self._lockout = Lockout()
        self._hashing, self._waiting = asyncio.Semaphore(AT_ONCE), 0

    async def user_of(self, name: str, password: str, address: str, is_here: bool) -> User:
        """The user whose password this is. Every wrong answer takes the same time and says the same. Raises
        LoginRefusedError.
        """
        if self._waiting >= MOST_WAITING:
            raise LoginRefusedError("too many people log in at once: try again", 2.0)
        self._waiting += 1
        try:
            async with self._hashing:
                # Counted one after the other, so that guesses which come all at once wait like others.
                self.must_not_wait(name, address, is_here)
                user = self._find(name)
                fits = len(password) <= MOST_PASSWORD and user is not None and user.enabled
                line = user.password if user is not None and fits else None
                right = await asyncio.to_thread(self.hasher.verify, line, password[:MOST_PASSWORD])
                if user is None or not right or self._find(name) != user:
                    self.count_wrong(name, address, is_here)
                    raise LoginRefusedError(WRONG)
                self._lockout.right(key_of(name), network_of(address))
                return user
        finally:
            self._waiting -= 1

    async def hashed(self, name: str, password: str) -> str:
        """The hash of a new password. Raises ValueError when it will not do for the user `name`."""
        new_password(name, password)
        return await self.hashed_anew(password)

    async def hashed_anew(self, password: str) -> str:
        """The hash of a password that somebody has already."""
        async with self._hashing:
            return await asyncio.to_thread(self.hasher.hash, password)

    def must_not_wait(self, name: str, address: str, is_here: bool) -> None:
        """Raises LoginRefusedError when no guess of this name from there is heard yet."""
        now_s = self._clock.now().monotonic_s
        wait = self._lockout.wait_s(key_of(name), network_of(address), is_here, now_s)
        if wait > 0.0:
            shown = f"{math.ceil(wait)} s" if wait < 100 else f"{math.ceil(wait / 60)} min"
            raise LoginRefusedError(f"too many wrong guesses: try again in {shown}", wait)

    def count_wrong(self, name: str, address: str, is_here: bool) -> None:
        """A wrong guess; the one that locks out is logged and audited."""
        now, where, key = self._clock.now(), network_of(address), key_of(name)
        was = self._lockout.wait_s(key, where, is_here, now.monotonic_s)
        self._lockout.wrong(key, where, now.monotonic_s)
        count = self._lockout.guesses(key, where, now.monotonic_s)
        if was == 0.0 and count == FREE_PAIR:
            log.warning("accounts.locked-out name=%r address=%s after=%d", name[:64], address, count)
            self._audit.add(now.utc, f"somebody ({address})", "LockedOut", {"name": name[:64], "guesses": count})


def network_of(address: str) -> str:
    """Under which an address is counted: whoever has one of IPv6 has 2^64 of them."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(known.ipv4_mapped) if known.ipv4_mapped is not None else known.exploded[:19]
