"""Partners in memory, as they are stored, and by which token each is known."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ems.adapters.ocpi.naming import digest_of
from ems.domain.roaming import Acquaintance, Partner
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock
from ems.ports.roaming import RoamingBook

INVITED_FOR = timedelta(days=7)
LINES = 20
SHOWN = 200


class Directory:
    """`known`: the partners that the site file names; what is stored of others counts for nothing."""

    def __init__(self, known: Sequence[Acquaintance], book: RoamingBook, clock: Clock) -> None:
        self.known = {one.id: one for one in known}
        self._book, self._clock = book, clock
        self._turn = asyncio.Lock()
        self._partners = {name: Partner(name) for name in self.known}
        self._lines: dict[str, deque[tuple[datetime, str]]] = {name: deque(maxlen=LINES) for name in self.known}

    def load(self, stored: Iterable[Partner]) -> None:
        """What the run before left."""
        self._partners |= {one.id: one for one in stored if one.id in self.known}

    def __iter__(self) -> Iterator[Partner]:
        return iter(self._partners.values())

    def partner(self, name: str) -> Partner:
        """One partner. Raises UnknownError."""
        found = self._partners.get(name)
        if found is None:
            raise UnknownError(f"the site file names no partner {name!r:.60} below ocpi: partners")
        return found

    def registered(self) -> list[Partner]:
        """Those with whom credentials were exchanged."""
        return [one for one in self._partners.values() if one.is_registered]

    def name_of(self, name: str) -> str | None:
        """What people call a partner that is registered; None when it is not."""
        one = self._partners.get(name)
        return None if one is None or not one.is_registered else self.label(name)

    def label(self, name: str) -> str:
        """What people call a partner."""
        return self.known[name].name or name

    async def alter(self, name: str, **changes: Any) -> None:
        """What was agreed with a partner changes, one change after the other: it is stored, then counts. Raises
        UnknownError and NotStoredError.
        """
        async with self._turn:
            partner = replace(self.partner(name), **changes)
            await self._book.keep_partner(partner)
            self._partners[name] = partner

    async def forget(self, name: str) -> None:
        """Nothing is agreed with a partner any more. Raises NotStoredError."""
        async with self._turn:
            await self._book.keep_partner(Partner(name))
            self._partners[name] = Partner(name)

    def of_header(self, header: str) -> tuple[Partner, bool] | None:
        """Who shows a token, and whether it is the one to register with. Some do not encode it as 2.2.1 asks for."""
        word, _, shown = header.strip().partition(" ")
        shown = shown.strip()
        if word.lower() != "token" or not shown or len(shown) > 500:
            return None
        digests = {digest_of(text) for text in _meant(shown)}
        for one in self._partners.values():
            if one.ours in digests:
                return one, False
        now = self._clock.now().utc
        for one in self._partners.values():
            if one.invitation in digests and one.invited_until is not None and now < one.invited_until:
                return one, True
        return None

    async def invite(self, name: str) -> str:
        """A new token with which a partner can register. Raises UnknownError and NotStoredError."""
        token = new_token()
        until = self._clock.now().utc + INVITED_FOR
        await self.alter(name, invitation=digest_of(token), invited_until=until)
        self.note(name, "it was given a token to register with")
        return token

    def note(self, name: str, text: str) -> None:
        """Something happened with a partner."""
        self._lines[name].appendleft((self._clock.now().utc, text[:SHOWN]))

    def lines(self, name: str) -> tuple[tuple[datetime, str], ...]:
        """What happened lately, newest first."""
        return tuple(self._lines[name])


def new_token() -> str:
    """A credentials token that nobody can guess."""
    return secrets.token_urlsafe(32)


def shown_token(header: str) -> str:
    """The token in a header, as it was given out."""
    return [*_meant(header.strip().partition(" ")[2].strip())][-1]


def _meant(shown: str) -> Iterator[str]:
    yield shown
    try:
        yield base64.b64decode(shown, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return
