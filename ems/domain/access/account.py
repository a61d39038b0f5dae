"""Who may do what: roles, people with their passwords, tokens of programs, and the visitor that somebody is."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, IntEnum, StrEnum

from ems.domain.vehicle import plain_id

MAX_NAME = 40
IN_NAMES = frozenset("._@+-")
LEAST_PASSWORD, MOST_PASSWORD = 12, 256
"""Characters: NIST SP 800-63B asks for length in place of composition; the upper bound keeps hashing short."""

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=14)
"""A login ends when it was not used for so long, and after so long in any case."""

LONGEST_TOKEN = timedelta(days=366)


class Role(IntEnum):
    """What somebody may do; each may also do what those before it may.

    VIEWER looks. OPERATOR does the day's work: plans, limits that tighten, starting and stopping, vehicles, prices.
    INSTALLER changes the installation and what stations are told in their own terms: configuration, firmware, raw
    profiles. ADMIN says who else may do what.
    """

    VIEWER = 1
    OPERATOR = 2
    INSTALLER = 3
    ADMIN = 4

    @property
    def word(self) -> str:
        """As people and files write it."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Role:
        """The role that people call so. Raises ValueError."""
        for role in cls:
            if role.word == word:
                return role
        raise ValueError(f"there is no role {word!r:.40}: write {', '.join(role.word for role in cls)}")


class LoginRule(StrEnum):
    """What somebody may do at the machine itself without a login; everybody else always needs one.

    REQUIRED: nothing. TO_CHANGE: look; and as long as there is no user at all, what an operator may. LOOPBACK_FREE:
    what an operator may.
    """

    REQUIRED = "required"
    TO_CHANGE = "to-change"
    LOOPBACK_FREE = "loopback-free"

    def role_here(self, anybody: bool) -> Role | None:
        """The role of whoever is at the machine; `anybody`: whether there is a user."""
        if self is LoginRule.REQUIRED:
            return None
        return Role.VIEWER if self is LoginRule.TO_CHANGE and anybody else Role.OPERATOR


class Kind(Enum):
    """How a visitor is known: not at all, by being at the machine, by a token, by a password."""

    NOBODY = "nobody"
    HERE = "here"
    TOKEN = "token"  # noqa: S105 - a word
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever asks. `role` None: only what is open to everybody is open. `name` as the audit shows it. `areas`: the
    only parts of the interface that a token opens; empty for all.
    """

    name: str = ""
    role: Role | None = None
    kind: Kind = Kind.NOBODY
    areas: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class User:
    """A person. `password` is a hash. Logins that began before `since` are over: it is when the password was set, or
    the account last enabled.
    """

    name: str
    role: Role
    password: str = field(repr=False)
    since: datetime
    enabled: bool = True

    def __post_init__(self) -> None:
        user_name(self.name)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What a program shows in place of a login. `id` is public; of the secret only a digest is kept. It opens what
    both its own role and that of its `user` open, in `areas` only if there are any, until `ends`.
    """

    id: str
    user: str
    label: str
    role: Role
    areas: frozenset[str]
    digest: str = field(repr=False)
    made: datetime
    ends: datetime

    def __post_init__(self) -> None:
        plain_id("the label of a token", self.label)
        if not all(re.fullmatch(r"[a-z][a-z-]{0,30}", area) for area in self.areas):
            raise ValueError("an area is a tag of the interface, as site or energy-prices")
        if not self.made < self.ends <= self.made + LONGEST_TOKEN:
            raise ValueError(f"a token must end, within {LONGEST_TOKEN.days} days")


@dataclass(frozen=True, slots=True)
class Login:
    """A browser in which somebody logged in; of its secret only a digest is kept."""

    digest: str = field(repr=False)
    user: str
    began: datetime
    seen: datetime
    address: str = ""

    def is_over(self, user: User | None, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        if user is None or not user.enabled or self.began < user.since:
            return True
        return now - self.seen >= IDLE or now - self.began >= LONGEST


def user_name(name: str) -> str:
    """Return `name`; raise ValueError unless it is one that can be told from others on any screen."""
    fits = 1 <= len(name) <= MAX_NAME and all(c.isalnum() or c in IN_NAMES for c in name)
    if not fits or unicodedata.normalize("NFKC", name) != name:
        signs = " ".join(sorted(IN_NAMES))
        raise ValueError(f"a user name is 1 to {MAX_NAME} letters, digits and {signs}, got {name!r:.60}")
    return name


def key_of(name: str) -> str:
    """Under which a user is found: upper and lower case are the same."""
    return unicodedata.normalize("NFKC", name[: 2 * MAX_NAME]).casefold()


def new_password(name: str, password: str) -> str:
    """Return `password`; raise ValueError, which does not repeat it, unless it will do for the user `name`."""
    if len(password) < LEAST_PASSWORD:
        raise ValueError(
            f"a password has at least {LEAST_PASSWORD} characters: take some words that belong to no saying"
        )
    if len(password) > MOST_PASSWORD:
        raise ValueError(f"a password has at most {MOST_PASSWORD} characters")
    plain = password.casefold()
    if (
        len(set(plain)) < 5
        or plain in _WORN
        or (name and plain.replace(key_of(name), "").strip("0123456789!.-_") == "")
    ):
        raise ValueError(
            "this password is among the first that anybody tries: take some words that belong to no saying"
        )
    return password


_WORN = frozenset(
    word + tail
    for word in ("password", "passwort", "administrator", "qwertzuiop", "qwertyuiop", "letmein", "welcome", "changeme")
    for tail in ("", "1", "12", "123", "1234", "12345", "123456", "!", "1!", "123!", "2025", "2026", "2027")
) | {"123456789012", "1234567890123", "abcdefghijkl", "qwertyuiopas", "1q2w3e4r5t6z", "1q2w3e4r5t6y"}
