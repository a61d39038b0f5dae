"""Who may do what while the site runs: answered from memory, stored before it counts, and read again because `ems user`
may change it beside the daemon.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ems.adapters.password.hashing import Hasher
from ems.adapters.store.database import WRITE_ERRORS
from ems.adapters.store.recovery import Recovered
from ems.adapters.store.store import Store
from ems.adapters.web.accounts.port import LoginRefusedError
from ems.assembly.passwords import Passwords
from ems.domain.access.account import ApiToken, Kind, Login, Role, User, Visitor, key_of
from ems.domain.access.roll import FirstUserAdded, PasswordSet, Roll, RollChange, TokenMade, UserAdded
from ems.ports.controller import Clock, NotStoredError

log = logging.getLogger(__name__)

LOOK_S, UNKNOWN_S = 2.0, 0.2
"""How often it is looked for what others changed; more often while nobody knows who may do what."""

SEEN_EVERY = timedelta(minutes=5)
"""How exactly the last use of a login is kept."""

MOST_LOGINS = 50
"""Of one user; the oldest ends when there is one more."""

CODE_SIGNS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_GROUPS, CODE_GROUP = 5, 5
FIRST_RUN = "first-run"


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
        self.passwords = Passwords(self._named, hasher or Hasher(), store.audit, clock)
        self._machine = _digest(machine) if machine else ""
        self._roll, self._known = found.roll, found.complete
        self._logins = {login.digest: login for login in found.logins}
        self._used: dict[str, datetime] = {}
        self._turn = asyncio.Lock()
        self._begun = asyncio.Event()
        self._code, self.sso = "", ""
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
            await asyncio.sleep(LOOK_S if self._known else UNKNOWN_S)
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
        if not self._known:
            raise LoginRefusedError("who may log in cannot be read from the disk yet; the log says why", 5.0)
        user = await self.passwords.user_of(name, password, address, is_here)
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
        self.passwords.must_not_wait(FIRST_RUN, address, False)
        told = "".join(c for c in code.upper() if c in CODE_SIGNS)
        if not self._code or not hmac.compare_digest(_digest(told), _digest(self._code.replace("-", ""))):
            self.passwords.count_wrong(FIRST_RUN, address, False)
            raise LoginRefusedError("this is not the code that the log of the controller shows since its last start")
        line = await self.passwords.hashed(name, password)
        await self.change(FirstUserAdded(User(name, Role.ADMIN, line, self._now())), f"{name} ({address})")
        return self._logged_in(name, address)

    async def add(self, name: str, role: Role, password: str, who: str) -> None:
        """Add a user."""
        line = await self.passwords.hashed(name, password)
        await self.change(UserAdded(User(name, role, line, self._now())), who)

    async def set_password(self, name: str, password: str, who: str) -> None:
        """Give a user another password."""
        user = self._roll.user(name)
        line = await self.passwords.hashed(user.name, password)
        await self.change(PasswordSet(user.name, line, self._now()), who)

    async def set_own_password(self, secret: str, old: str, new: str, address: str) -> str:
        """Give the user of a login another password."""
        login = self._logins.get(_digest(secret))
        if login is None or self.of_login(secret) is None:
            raise LoginRefusedError("log in again")
        user = await self.passwords.user_of(login.user, old, address, False)
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

    async def _rehashed(self, user: User, password: str) -> None:
        """A hash that was made at a lower cost is made anew, now that the password is known."""
        if not self.passwords.hasher.is_outdated(user.password):
            return
        line = await self.passwords.hashed_anew(password)
        try:
            await self.change(PasswordSet(user.name, line, user.since), "the controller")
        except (ValueError, NotStoredError) as error:
            log.warning("accounts.not-rehashed name=%r: %s", user.name, error)

    def logged_in_as(self, user: User, address: str) -> str:
        """The secret of a login of somebody whom an identity provider knows."""
        return self._logged_in(user.name, address)

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
        return self._named(login.user)

    def _named(self, name: str) -> User | None:
        return self._roll.users.get(key_of(name))

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
