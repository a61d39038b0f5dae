"""The interfaces between roaming partners, the site, and the people who look after both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from ems.domain.roaming import GuestTag, ObjectKind, Partner, Push, ToldObject


class Kept(NamedTuple):
    """What the runs before left: partners, what they still have to be told, the sessions that run, and whose the next
    ones are. `tags` with what their partner said of them word for word (JSON).
    """

    partners: tuple[Partner, ...] = ()
    pushes: tuple[Push, ...] = ()
    objects: tuple[ToldObject, ...] = ()
    tags: tuple[GuestTag, ...] = ()


class Selection(NamedTuple):
    """Which objects of a partner: `updated` from `since` until before `until`, behind the one numbered `after`; or the
    first `offset` of all those left out. At most `most`.
    """

    kind: ObjectKind
    partner: str
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None
    offset: int = 0
    most: int = 100


class Chosen(NamedTuple):
    """Objects in the order in which they were made; `total` of the selection without `after`, `offset` and `most`."""

    objects: tuple[ToldObject, ...]
    total: int
    is_last: bool


class RoamingBook(Protocol):
    """Where it is all kept. Everything raises NotStoredError; what returns would survive a power cut."""

    async def load(self, since: datetime) -> Kept:
        """What the runs before left; of claims those made since then."""
        ...

    async def keep_partner(self, partner: Partner) -> None:
        """Remember what was agreed with a partner."""
        ...

    async def keep_tags(self, tags: Sequence[tuple[GuestTag, str]]) -> None:
        """Remember tags with what their partner said of them."""
        ...

    async def drop_tags(self, partner: str, keep: frozenset[tuple[str, str]] = frozenset()) -> None:
        """Forget tags of a partner but those of these (uid, kind)."""
        ...

    async def tag(self, partner: str, uid: str, kind: str) -> str | None:
        """What a partner said of a tag; None when nobody knows it."""
        ...

    async def keep_object(self, told: ToldObject, pushes: Sequence[Push] = ()) -> None:
        """Remember an object as it is now and what is to be pushed of it, both or nothing."""
        ...

    async def keep_objects(self, told: Sequence[ToldObject], pushes: Sequence[Push] = ()) -> None:
        """The same of several objects, all or nothing."""
        ...

    async def object(self, kind: ObjectKind, name: str, partner: str) -> ToldObject | None:
        """One object of a partner."""
        ...

    async def select(self, which: Selection) -> Chosen:
        """Objects of a partner."""
        ...

    async def keep_pushes(self, pushes: Sequence[Push], done: Sequence[int] = ()) -> None:
        """Remember what is to be pushed, and forget what was."""
        ...


@dataclass(frozen=True, slots=True)
class RoamingRequest:
    """What a partner asks over HTTP; `path` below /ocpi/, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class RoamingAnswer(NamedTuple):
    """What it is answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RoamingDoor(Protocol):
    """Where partners ask."""

    async def answer(self, request: RoamingRequest) -> RoamingAnswer:
        """The answer; never raises because of what was asked."""
        ...


class PartnerView(NamedTuple):
    """How it stands with a partner. `waiting` pushes since `waiting_since`; `trouble` empty when there is none;
    `last_push` succeeded then. `can_register`: it gave us a token with which we can register there. `refused` pushes
    that it never took; `lines` of what was exchanged lately, newest first.
    """

    id: str
    name: str
    partner: Partner
    can_register: bool
    waiting: int = 0
    waiting_since: datetime | None = None
    last_push: datetime | None = None
    trouble: str = ""
    trouble_since: datetime | None = None
    tags: int = 0
    refused: int = 0
    lines: tuple[tuple[datetime, str], ...] = ()


class RecordView(NamedTuple):
    """A charge detail record that a partner was told; energy in kWh, the total with tax. `credit_of`: the record that
    it takes back, empty if none; `is_credited`: it was taken back itself.
    """

    id: str
    started: datetime
    evse: str
    energy: str
    total: str
    currency: str
    credit_of: str
    is_credited: bool


class Partners(Protocol):
    """Partners, for those who look after them. Raises UnknownError or ValueError with words for people, and
    NotStoredError.
    """

    @property
    def versions_url(self) -> str:
        """Where partners begin to ask."""
        ...

    @property
    def unsaid(self) -> Sequence[str]:
        """What our price lists say and OCPI cannot."""
        ...

    def views(self) -> Sequence[PartnerView]:
        """All partners of the site."""
        ...

    async def invite(self, partner: str, who: str) -> str:
        """A token with which a partner can register; it is told once, and the one before is good no more."""
        ...

    async def register(self, partner: str, who: str) -> None:
        """Register at a partner by the token that it gave us; or again, with new tokens on both sides."""
        ...

    async def unregister(self, partner: str, who: str) -> None:
        """Part with a partner: no token is good any more."""
        ...

    async def pull(self, partner: str, who: str) -> int:
        """Fetch all tags of a partner; returns how many."""
        ...

    async def records(self, partner: str, most: int) -> Sequence[RecordView]:
        """The newest charge detail records of a partner, newest first."""
        ...

    async def credit(self, partner: str, record: str, who: str) -> str:
        """Take a charge detail record back by another one, as none can be changed; returns the id of that."""
        ...


Note = Callable[[datetime, str, str, Mapping[str, object]], None]
"""Records (when, who, what, detail) of something that somebody did."""

Consult = Callable[[str, str], Awaitable[None] | None]
"""Ask partners about a tag (station, tag) that nobody here knows; None when there is nobody to ask. Never raises."""
