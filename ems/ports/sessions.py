"""Sessions as they are listed, corrected and handed on, for those who ask.

Everything here reads on its own connections, in threads or in a process of its own; nothing waits on the control path.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from ems.domain.energy.step import EnergyPoint, Step
from ems.domain.record.correction import Wanted
from ems.domain.record.export_request import ExportRequest
from ems.domain.record.session_detail import SessionDetail
from ems.domain.record.session_entry import (
    SessionEntry,
    SessionFilter,
    SessionMark,
    SessionPage,
    SessionQuarter,
    SessionSort,
    SessionSums,
)
from ems.domain.record.signed_value import MeterKey, SignedValue, ToldKey


class NotReadError(Exception):
    """What was recorded cannot be read now; the text says why."""


class BusyError(Exception):
    """So much is being done for others that this must wait; the text says when to come again."""


class SessionList(Protocol):
    """The sessions of the site. Every method raises NotReadError."""

    async def page(
        self, wanted: SessionFilter, sort: SessionSort, *, falling: bool, after: SessionMark | None, most: int
    ) -> SessionPage:
        """At most `most` entries behind a mark."""
        ...

    async def sums(self, wanted: SessionFilter) -> SessionSums:
        """What all of them add up to."""
        ...

    async def entry(self, name: str) -> SessionEntry | None:
        """One session; None when there is none of that id."""
        ...

    async def quarters(self, name: str) -> Sequence[SessionQuarter]:
        """What a session used, by quarter hours."""
        ...

    async def energy(self, kind: str, name: str, since: datetime, until: datetime, step: Step) -> Sequence[EnergyPoint]:
        """What flowed through a circuit, or at an EVSE, in steps of the site's clock."""
        ...


class Exports(Protocol):
    """Files for others."""

    async def open(self, asked: ExportRequest) -> AsyncIterator[bytes]:
        """The pieces of a file; returns when the first one is there. Raises ValueError, NotReadError or BusyError."""
        ...


class SignedValues(Protocol):
    """Where signed meter values are kept."""

    def kept(self, told: SignedValue) -> None:
        """A station handed one on; what was told before is there once. Never waits."""
        ...


class HeardKeys(Protocol):
    """Where it is kept what stations say of the keys of their meters."""

    def heard(self, evse: str, text: str) -> None:
        """A station says that this is the public key of the meter of an EVSE. Never waits."""
        ...


class ToldKeys(Protocol):
    """What stations say of the keys of their meters."""

    async def told(self, evse: str) -> ToldKey | None:
        """The key that the station of an EVSE told last, and what it is worth now; None while it told none, or while
        nobody can say.
        """
        ...


class SessionDesk(Protocol):
    """Sessions for those who look after them. Raises UnknownError or ValueError with words for people, NotReadError,
    or NotStoredError.
    """

    async def detail(self, name: str) -> SessionDetail | None:
        """Everything about one session; None when there is none of that id."""
        ...

    async def correct(self, name: str, wanted: Wanted, who: str) -> None:
        """Correct a session that is over."""
        ...

    async def erase(self, person: str | None, tag: str | None, before: datetime, who: str) -> int:
        """Sessions of a person or a tag that began before a moment forget who charged; returns how many."""
        ...

    async def meter_keys(self, evse: str | None = None) -> Sequence[MeterKey]:
        """Public keys for which somebody vouches, of one EVSE or all."""
        ...

    async def vouch(self, evse: str, key: str, who: str) -> str:
        """Vouch for the public key of the meter of an EVSE; returns it as it is kept."""
        ...

    async def withdraw(self, evse: str, key: str, who: str) -> None:
        """Vouch for a key no more."""
        ...
