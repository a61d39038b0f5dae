"""What the interface asks of whoever keeps users: a port of its own, because nothing of the core knows people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ems.domain.access.account import Login, Role, Visitor
from ems.domain.access.roll import Roll, RollChange


class LoginRefusedError(Exception):
    """A login was refused; the text says why to whoever tried. `wait_s`: when to try again, None for at once."""

    def __init__(self, text: str, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class Accounts(Protocol):
    """Who may do what, for those who let visitors in. Secrets are handed out once and never shown again.

    Changes raise UnknownError or ValueError, with words for people, when they cannot be made, and NotStoredError when
    they could not be stored. Guesses at passwords are counted by name and by `address`; `is_here`: at this machine.
    """

    @property
    def roll(self) -> Roll:
        """All users and tokens, as they are now."""
        ...

    @property
    def sso(self) -> str:
        """What people call the identity provider that they can log in by; empty where there is none."""
        ...

    @property
    def anybody(self) -> bool:
        """Whether there is a user; true also as long as nobody knows."""
        ...

    async def first(self) -> None:
        """Wait until there is a user."""
        ...

    def of_login(self, secret: str) -> Visitor | None:
        """Who logged in in the browser that shows this secret; None when that is over. Never waits."""
        ...

    def of_token(self, secret: str) -> Visitor | None:
        """Who shows this token; None when it opens nothing. Never waits."""
        ...

    def logins_of(self, name: str) -> Sequence[Login]:
        """Where a user is logged in, newest first."""
        ...

    async def log_in(self, name: str, password: str, address: str, is_here: bool) -> str:
        """The secret of a new login. Raises LoginRefusedError."""
        ...

    def log_out(self, secret: str) -> None:
        """End a login."""
        ...

    def end_others(self, secret: str) -> None:
        """End all other logins of the user of this one."""
        ...

    async def begin(self, code: str, name: str, password: str, address: str) -> str:
        """Make the first user, an administrator, with the code that the log shows; the secret of a login. Raises
        LoginRefusedError when the code is wrong, else as changes do.
        """
        ...

    async def add(self, name: str, role: Role, password: str, who: str) -> None:
        """Add a user."""
        ...

    async def set_password(self, name: str, password: str, who: str) -> None:
        """Give a user another password; all its logins end."""
        ...

    async def set_own_password(self, secret: str, old: str, new: str, address: str) -> str:
        """Give the user of a login another password; all its logins end, and the secret of a new one is returned.
        Raises LoginRefusedError when the old one is wrong, else as changes do.
        """
        ...

    async def change(self, change: RollChange, who: str) -> None:
        """Make one change that needs no password."""
        ...

    async def make_token(self, owner: str, label: str, role: Role, areas: frozenset[str], days: float, who: str) -> str:
        """The secret of a new token of a user."""
        ...

    def used(self, token: str) -> datetime | None:
        """When a token was last used, as far as this run knows."""
        ...
