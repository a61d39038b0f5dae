"""All users and tokens, and the only ways in which they change. Once there is a user, there is always an administrator
who can log in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from ems.domain.access.account import ApiToken, Kind, Role, User, Visitor, key_of
from ems.domain.daybook import UnknownError

MOST_USERS, MOST_TOKENS = 1000, 50
"""In all, and of one user; more are a mistake."""


class FirstUserAdded(NamedTuple):
    """The administrator with whom it begins."""

    user: User


class UserAdded(NamedTuple):
    """There is somebody new."""

    user: User


class PasswordSet(NamedTuple):
    """A user has another password (its hash), and must log in again everywhere."""

    name: str
    password: str
    at: datetime


class RoleGiven(NamedTuple):
    """A user may do something else now."""

    name: str
    role: Role


class UserDisabled(NamedTuple):
    """A user can no longer log in, and tokens of it open nothing."""

    name: str


class UserEnabled(NamedTuple):
    """A user can log in again."""

    name: str
    at: datetime


class TokenMade(NamedTuple):
    """There is a new token."""

    token: ApiToken


class TokenRevoked(NamedTuple):
    """A token opens nothing any more."""

    id: str


RollChange = (
    FirstUserAdded | UserAdded | PasswordSet | RoleGiven | UserDisabled | UserEnabled | TokenMade | TokenRevoked
)


@dataclass(frozen=True, slots=True)
class Roll:
    """`users` by their key (`key_of`), `tokens` by their id."""

    users: Mapping[str, User] = field(default_factory=dict)
    tokens: Mapping[str, ApiToken] = field(default_factory=dict)

    @classmethod
    def of(cls, users: Iterable[User], tokens: Iterable[ApiToken] = ()) -> Roll:
        """The roll with these users and tokens."""
        return cls({key_of(user.name): user for user in users}, {token.id: token for token in tokens})

    def user(self, name: str) -> User:
        """The user of a name. Raises UnknownError."""
        found = self.users.get(key_of(name))
        if found is None:
            raise UnknownError(f"there is no user {name!r:.60}")
        return found

    def tokens_of(self, name: str) -> tuple[ApiToken, ...]:
        """The tokens of a user, newest first."""
        ours = (token for token in self.tokens.values() if key_of(token.user) == key_of(name))
        return tuple(sorted(ours, key=lambda token: (token.made, token.id), reverse=True))

    def bearer(self, token: ApiToken, now: datetime) -> Visitor | None:
        """The visitor who shows a token; None when it opens nothing."""
        user = self.users.get(key_of(token.user))
        if user is None or not user.enabled or not token.made <= now < token.ends:
            return None
        return Visitor(f"{user.name}/{token.label}", min(token.role, user.role), Kind.TOKEN, token.areas)


def altered(roll: Roll, change: RollChange) -> Roll:
    """The roll after a change. Raises UnknownError, or ValueError when it must not be."""
    match change:
        case FirstUserAdded(user):
            if roll.users:
                raise ValueError("there is a user already: log in, or let an administrator add you")
            return _added(roll, user)
        case UserAdded(user):
            return _added(roll, user)
        case PasswordSet(name, password, at):
            return _with_user(roll, replace(roll.user(name), password=password, since=at))
        case RoleGiven(name, role):
            return _with_user(roll, replace(roll.user(name), role=role))
        case UserDisabled(name):
            return _with_user(roll, replace(roll.user(name), enabled=False))
        case UserEnabled(name, at):
            return _with_user(roll, replace(roll.user(name), enabled=True, since=at))
        case TokenMade(token):
            return _with_token(roll, token)
        case TokenRevoked(one):
            if one not in roll.tokens:
                raise UnknownError(f"there is no token {one!r:.40}")
            return replace(roll, tokens={key: token for key, token in roll.tokens.items() if key != one})


def _added(roll: Roll, user: User) -> Roll:
    if key_of(user.name) in roll.users:
        raise ValueError(f"there is a user {user.name} already")
    if len(roll.users) >= MOST_USERS:
        raise ValueError(f"there are {MOST_USERS} users already")
    return _with_user(roll, user)


def _with_user(roll: Roll, user: User) -> Roll:
    users = {**roll.users, key_of(user.name): user}
    if not any(one.role is Role.ADMIN and one.enabled for one in users.values()):
        if not roll.users:
            raise ValueError("the first user must be an administrator: write the role admin")
        raise ValueError(f"{user.name} is the only administrator who can log in: make somebody else one first")
    return replace(roll, users=users)


def _with_token(roll: Roll, token: ApiToken) -> Roll:
    owner = roll.user(token.user)
    if token.role > owner.role:
        raise ValueError(f"a token of {owner.name} can open no more than a {owner.role.word} may")
    if len(roll.tokens_of(token.user)) >= MOST_TOKENS:
        raise ValueError(f"{owner.name} has {MOST_TOKENS} tokens already: revoke some first")
    return replace(roll, tokens={**roll.tokens, token.id: token})
