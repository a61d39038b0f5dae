"""Who may do what while the site runs: answered from memory, stored before it counts, and read again because `ems user`
may change it beside the daemon.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import math
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address

from ems.adapters.password.hashing import Hasher
from ems.adapters.store.database import WRITE_ERRORS
from ems.adapters.store.recovery import Recovered
from ems.adapters.store.store import Store
from ems.adapters.web.accounts import LoginRefusedError
from ems.domain.account import (
    MOST_PASSWORD,
    ApiToken,
    Kind,
    Login,
    Role,
    User,
    Visitor,
    key_of,
    new_password,
)
from ems.domain.lockout import FREE_PAIR, Lockout
from ems.domain.roll import FirstUserAdded, PasswordSet, Roll, RollChange, TokenMade, UserAdded
from ems.ports import Clock, NotStoredError

log = logging.getLogger(__name__)

LOOK_S = 2.0
SEEN_EVERY = timedelta(minutes=5)
"""How exactly the last use of a login is kept."""

AT_ONCE, MOST_WAITING = 2, 20
"""So many passwords are compared at a time, and so many may wait for it: hashing takes memory and time."""

MOST_LOGINS = 50
"""Of one user; the oldest ends when there is one more."""

CODE_SIGNS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_GROUPS, CODE_GROUP = 5, 5
FIRST_RUN = "first-run"
WRONG = "the name or the password is wrong"


class SiteAccounts:
    """The `Accounts` of a running daemon, and a `Service` that looks for what others changed. One change at a time.

    `machine`: the secret in a file that only somebody with the rights of the daemon can read; who shows it
    acts as an installer. `page`: where the first user is made, for the log.
    """

    name = "accounts"

    def __init__(
        self, found: Recovered, store: Store, clock: Clock, page: str, machine: str = "", hasher: Hasher | None = None
    ) -> None:
        self._store, self._clock, self._page = store, clock, page
        self._hasher = hasher or Hasher()
        self._machine = _digest(machine) if machine else ""
        self._roll, self._known = found.roll, found.complete
        self._logins = {login.digest: login for login in found.logins}
        self._used: dict[str, datetime] = {}
        self._lockout = Lockout()
        self._turn = asyncio.Lock()
        self._hashing, self._waiting = asyncio.Semaphore(AT_ONCE), 0
        self._begun = asyncio.Event()
        self._code = ""
        self._noticed()

    @property
    def roll(self) -> Roll:
        """As it is now."""
        return self._roll

    @property
    def anybody(self) -> bool:
        """Whether there is a user, as far as anybody knows."""
        return bool(self._roll.users) or not self._known

    async def first(self) -> None:
        """Wait until there is a user."""
        await self._begun.wait()

    async def run(self) -> None:
        """Take over what another process changed, and forget logins that are over, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look_again()

    async def look_again(self) -> None:
        """Read users and tokens as they are stored. A database that cannot be read changes nothing, nor does one
        without users once there were some: nobody is ever removed, so it is new, and will be told of them.
        """
        async with self._turn:
            try:
                found = await self._store.roll()
            except (TimeoutError, *WRITE_ERRORS):
                return
            if found != self._roll and (found.users or not self._roll.users):
                log.info("accounts.changed users=%d tokens=%d", len(found.users), len(found.tokens))
                self._roll = found
                self._store.accounts.remember(found)
            self._known = True
            self._noticed()
        now = self._now()
        self._end(digest for digest, one in self._logins.items() if one.is_over(self._user(one), now))

    def of_login(self, secret: str) -> Visitor | None:
        """Who logged in there."""
        login = self._logins.get(_digest(secret))
        user = None if login is None else self._user(login)
        now = self._now()
        if login is None or user is None or login.is_over(user, now):
            return None
        if now - login.seen >= SEEN_EVERY:
            self._keep(replace(login, seen=now))
        return Visitor(user.name, user.role, Kind.PERSON)

    def of_token(self, secret: str) -> Visitor | None:
        """Who shows it: a program, or somebody with the rights of this daemon."""
        digest = _digest(secret)
        if self._machine and hmac.compare_digest(digest, self._machine):
            return Visitor("", Role.INSTALLER, Kind.HERE)
        token = self._roll.tokens.get(secret.partition("_")[2].partition("_")[0])
        if token is None or not hmac.compare_digest(digest, token.digest):
            return None
        now = self._now()
        self._used[token.id] = now
        return self._roll.bearer(token, now)

    def logins_of(self, name: str) -> Sequence[Login]:
        """Where a user is logged in, newest first."""
        now = self._now()
        ours = (one for one in self._logins.values() if key_of(one.user) == key_of(name))
        return sorted(
            (one for one in ours if not one.is_over(self._user(one), now)), key=lambda one: one.began, reverse=True
        )

    def used(self, token: str) -> datetime | None:
        """When a token was last used in this run."""
        return self._used.get(token)

    async def log_in(self, name: str, password: str, address: str, is_here: bool) -> str:
        """The secret of a new login."""
        user = await self._verified(name, password, address, is_here)
        await self._rehashed(user, password)
        return self._logged_in(user.name, address)

    def log_out(self, secret: str) -> None:
        """End a login."""
        login = self._logins.get(_digest(secret))
        if login is not None:
            self._store.audit.add(self._now(), f"{login.user} ({login.address})", "LoggedOut", {})
            self._end([login.digest])

    def end_others(self, secret: str) -> None:
        """End all other logins of the user of this one."""
        login = self._logins.get(_digest(secret))
        if login is not None:
            self._end([one.digest for one in self.logins_of(login.user) if one is not login])

    async def begin(self, code: str, name: str, password: str, address: str) -> str:
        """Make the first user, an administrator."""
        self._must_not_wait(FIRST_RUN, address, False)
        told = "".join(c for c in code.upper() if c in CODE_SIGNS)
        if not self._code or not hmac.compare_digest(_digest(told), _digest(self._code.replace("-", ""))):
            self._count_wrong(FIRST_RUN, address, False)
            raise LoginRefusedError("this is not the code that the log of the controller shows since its last start")
        line = await self._hashed(name, password)
        await self.change(FirstUserAdded(User(name, Role.ADMIN, line, self._now())), f"{name} ({address})")
        return self._logged_in(name, address)

    async def add(self, name: str, role: Role, password: str, who: str) -> None:
        """Add a user."""
        line = await self._hashed(name, password)
        await self.change(UserAdded(User(name, role, line, self._now())), who)

    async def set_password(self, name: str, password: str, who: str) -> None:
        """Give a user another password."""
        user = self._roll.user(name)
        line = await self._hashed(user.name, password)
        await self.change(PasswordSet(user.name, line, self._now()), who)

    async def set_own_password(self, secret: str, old: str, new: str, address: str) -> str:
        """Give the user of a login another password."""
        login = self._logins.get(_digest(secret))
        if login is None or self.of_login(secret) is None:
            raise LoginRefusedError("log in again")
        user = await self._verified(login.user, old, address, False)
        await self.set_password(user.name, new, f"{user.name} ({address})")
        return self._logged_in(user.name, address)

    async def change(self, change: RollChange, who: str) -> None:
        """Make one change; logins that are over by it end."""
        async with self._turn:
            self._roll = await self._store.accounts.change(change, self._now(), who)
            self._known = True
            log.info("accounts.changed who=%r what=%s", who[:64], type(change).__name__)
            self._noticed()
        now = self._now()
        self._end([digest for digest, one in self._logins.items() if one.is_over(self._user(one), now)])

    async def make_token(self, owner: str, label: str, role: Role, areas: frozenset[str], days: float, who: str) -> str:
        """The secret of a new token."""
        token, secret = new_token(self._roll.user(owner).name, label, role, areas, days, self._now())
        await self.change(TokenMade(token), who)
        return secret

    def _noticed(self) -> None:
        """Offer a code for the first user as long as there is none: in the log, which only the owner reads."""
        if self._roll.users:
            self._code = ""
            self._begun.set()
        elif self._known and not self._code:
            signs = (secrets.choice(CODE_SIGNS) for _ in range(CODE_GROUPS * CODE_GROUP))
            whole = "".join(signs)
            self._code = "-".join(whole[i : i + CODE_GROUP] for i in range(0, len(whole), CODE_GROUP))
            log.warning(
                "accounts.first-run nobody can log in yet: open %s and type the code %s", self._page, self._code
            )

    async def _verified(self, name: str, password: str, address: str, is_here: bool) -> User:
        """The user whose password this is. Every wrong answer takes the same time, and says the same."""
        if not self._known:
            raise LoginRefusedError("who may log in cannot be read from the disk yet; the log says why", 5.0)
        if self._waiting >= MOST_WAITING:
            raise LoginRefusedError("too many people log in at once: try again", 2.0)
        self._waiting += 1
        try:
            async with self._hashing:
                self._must_not_wait(name, address, is_here)
                user = self._roll.users.get(key_of(name))
                fits = len(password) <= MOST_PASSWORD and user is not None and user.enabled
                line = user.password if user is not None and fits else None
                right = await asyncio.to_thread(self._hasher.verify, line, password[:MOST_PASSWORD])
                if user is None or not right:
                    self._count_wrong(name, address, is_here)
                    raise LoginRefusedError(WRONG)
                self._lockout.right(key_of(name), _network(address))
                return user
        finally:
            self._waiting -= 1

    def _must_not_wait(self, name: str, address: str, is_here: bool) -> None:
        wait = self._lockout.wait_s(key_of(name), _network(address), is_here, self._clock.now().monotonic_s)
        if wait > 0.0:
            shown = f"{math.ceil(wait)} s" if wait < 100 else f"{math.ceil(wait / 60)} min"
            raise LoginRefusedError(f"too many wrong guesses: try again in {shown}", wait)

    def _count_wrong(self, name: str, address: str, is_here: bool) -> None:
        now, where = self._clock.now(), _network(address)
        was = self._lockout.wait_s(key_of(name), where, is_here, now.monotonic_s)
        self._lockout.wrong(key_of(name), where, now.monotonic_s)
        count = self._lockout.guesses(key_of(name), where, now.monotonic_s)
        if was == 0.0 and count == FREE_PAIR:
            log.warning("accounts.locked-out name=%r address=%s after=%d", name[:64], address, count)
            self._store.audit.add(now.utc, f"somebody ({address})", "LockedOut", {"name": name[:64], "guesses": count})

    async def _hashed(self, name: str, password: str) -> str:
        new_password(name, password)
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def _rehashed(self, user: User, password: str) -> None:
        """A hash that was made at a lower cost is made anew, now that the password is known."""
        if not self._hasher.is_outdated(user.password):
            return
        async with self._hashing:
            line = await asyncio.to_thread(self._hasher.hash, password)
        try:
            await self.change(PasswordSet(user.name, line, user.since), "the controller")
        except (ValueError, NotStoredError) as error:
            log.warning("accounts.not-rehashed name=%r: %s", user.name, error)

    def _logged_in(self, name: str, address: str) -> str:
        secret, now = secrets.token_urlsafe(32), self._now()
        self._keep(Login(_digest(secret), name, now, now, address))
        self._store.audit.add(now, f"{name} ({address})", "LoggedIn", {})
        self._end([one.digest for one in self.logins_of(name)[MOST_LOGINS:]])
        return secret

    def _keep(self, login: Login) -> None:
        self._logins[login.digest] = login
        self._store.accounts.note(login)

    def _end(self, digests: Iterable[str]) -> None:
        gone = list(digests)
        for digest in gone:
            self._logins.pop(digest, None)
        self._store.accounts.forget(gone)

    def _user(self, login: Login) -> User | None:
        return self._roll.users.get(key_of(login.user))

    def _now(self) -> datetime:
        """To the millisecond, as it is stored: what is compared later must not differ by less."""
        now = self._clock.now().utc
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def new_token(
    owner: str, label: str, role: Role, areas: frozenset[str], days: float, now: datetime
) -> tuple[ApiToken, str]:
    """A token, and its secret. Raises ValueError."""
    number = "".join(secrets.choice(CODE_SIGNS.lower()) for _ in range(8))
    secret = f"ems_{number}_{secrets.token_urlsafe(32)}"
    try:
        ends = now + timedelta(days=days)
    except OverflowError:
        raise ValueError("the token would end beyond the calendar") from None
    return ApiToken(number, owner, label, role, areas, _digest(secret), now, ends), secret


def _digest(secret: str) -> str:
    """Secrets of tokens and logins are long and random, so that a plain digest is as good as a slow one."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _network(address: str) -> str:
    """Under which an address is counted: whoever has one of IPv6 has 2^64 of them."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if known.version == 4 or known.ipv4_mapped is not None:
        return str(known.ipv4_mapped or known) if known.version == 6 else address
    return known.exploded[:19]
