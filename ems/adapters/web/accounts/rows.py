"""Users, tokens and logins in the words of their pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from ems.adapters.web.accounts.port import Accounts
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import plain, time_of
from ems.domain.access.account import ApiToken, Login

AREAS = {
    "installation": "the site file, tests of meters and stations, the switch to armed",
    "site": "the live picture and its history",
    "plan": "the plan and what-ifs",
    "operations": "vehicles, departures, needs, strategy, limits",
    "stations": "remote control of stations",
    "access": "people, tags, reservations",
    "prices": "price lists and receipts",
    "energy-prices": "what the energy costs the site",
    "payments": "payments of drivers",
    "alarms": "alarms and who has seen them",
    "notices": "what has happened, and who is told",
    "prepaid": "prepaid accounts",
    "billing": "bills of a month",
    "health": "metrics",
    "drivers": "stickers, links for displays, what drivers report",
    "sessions": "sessions, energy by interval, signed meter values, files",
    "reports": "reports, what does not count against the uptime, exports",
}
"""Parts of the interface that a token can be held to; each is the first tag of its paths in the OpenAPI document."""

DAYS = {7: "a week", 30: "a month", 90: "three months", 365: "a year"}


class UserRow(NamedTuple):
    """A user, in words."""

    name: str
    role: str
    enabled: bool
    since: str
    logins: int
    tokens: int


class TokenRow(NamedTuple):
    """A token, in words; nothing of its secret is known any more."""

    id: str
    user: str
    label: str
    role: str
    areas: str
    ends: str
    used: str


class LoginRow(NamedTuple):
    """A browser, in words."""

    began: str
    seen: str
    address: str


def user_rows(accounts: Accounts, calendar: Calendar) -> list[UserRow]:
    """All users by name."""
    roll = accounts.roll
    return [
        UserRow(
            user.name,
            user.role.word,
            user.enabled,
            _day(calendar, user.since),
            len(accounts.logins_of(user.name)),
            len(roll.tokens_of(user.name)),
        )
        for _, user in sorted(roll.users.items())
    ]


def token_rows(accounts: Accounts, tokens: Iterable[ApiToken], calendar: Calendar) -> list[TokenRow]:
    """Tokens as they come."""
    rows = []
    for token in tokens:
        used = accounts.used(token.id)
        areas = ", ".join(sorted(token.areas)) or "everything"
        shown = "not since the last start" if used is None else _day(calendar, used)
        ends = _day(calendar, token.ends)
        rows.append(TokenRow(token.id, token.user, plain(token.label), token.role.word, areas, ends, shown))
    return rows


def login_rows(logins: Iterable[Login], calendar: Calendar) -> list[LoginRow]:
    """Logins as they come."""
    return [LoginRow(_day(calendar, one.began), _day(calendar, one.seen), plain(one.address)) for one in logins]


def _day(calendar: Calendar, at: datetime) -> str:
    return calendar.date(time_of(at))
