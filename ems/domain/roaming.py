"""Roaming: partners whose customers charge here, and the tags by which those are known.

A partner is one platform of a mobility service provider with which credentials were exchanged (OCPI 2.2.1). Its tags
are guests: not in our own book, admitted as the partner says of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ems.domain.access.tag import tag_key
from ems.domain.recurrence import DayWindow


def outlet_word(evse: str) -> str:
    """What of the name of an EVSE goes into its EVSE id (eMI3): capitals and digits, with stars between them."""
    return re.sub(r"[^A-Z0-9]+", "*", evse.upper()).strip("*")


class PartyId(NamedTuple):
    """A provider or an operator: country and three letters; upper and lower case are the same (CiString)."""

    country_code: str
    party_id: str

    @property
    def key(self) -> PartyId:
        """What makes it the same as another."""
        return PartyId(self.country_code.upper(), self.party_id.upper())

    def __str__(self) -> str:
        return f"{self.country_code}*{self.party_id}"


class Whitelist(StrEnum):
    """Whether a guest may charge without its partner being asked (OCPI 2.2.1, section 12.4.5)."""

    ALWAYS = "ALWAYS"
    ALLOWED = "ALLOWED"
    ALLOWED_OFFLINE = "ALLOWED_OFFLINE"
    NEVER = "NEVER"


class Endpoint(NamedTuple):
    """Where a partner serves a module, as the sender or the receiver of its objects."""

    module: str
    role: str
    url: str


class Role(NamedTuple):
    """A party of a partner, what it is there (EMSP, CPO, …) and what people call it."""

    party: PartyId
    role: str
    name: str


@dataclass(frozen=True, slots=True)
class Partner:
    """What was agreed with a partner. `ours` is the digest of the token with which it calls us, `theirs` the token with
    which we call it; both empty until it is registered. `invitation` is the digest of the token with which it may
    register, until `invited_until`. `pulled`: up to when its tags were fetched.
    """

    id: str
    ours: str = ""
    theirs: str = ""
    versions_url: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    roles: tuple[Role, ...] = ()
    registered: datetime | None = None
    invitation: str = ""
    invited_until: datetime | None = None
    pulled: datetime | None = None

    @property
    def is_registered(self) -> bool:
        """Both sides have each other's token."""
        return self.registered is not None

    def url(self, module: str, role: str) -> str | None:
        """Where it serves a module in a role; None where it does not."""
        return next((one.url for one in self.endpoints if (one.module, one.role) == (module, role)), None)

    def has(self, party: PartyId) -> bool:
        """Whether a party is one of its own."""
        return any(role.party.key == party.key for role in self.roles)

    @property
    def party(self) -> PartyId | None:
        """The provider among its parties; of several the first."""
        first = next((role.party for role in self.roles if role.role == "EMSP"), None)
        return first or next((role.party for role in self.roles), None)


@dataclass(frozen=True, slots=True)
class GuestTag:
    """A tag of a partner: `uid` and `kind` (RFID, APP_USER, …) as it is named there, and whether it may charge. `tag`
    is what stations call it.
    """

    partner: str
    party: PartyId
    uid: str
    kind: str
    tag: str
    contract_id: str
    is_valid: bool
    whitelist: Whitelist

    @property
    def key(self) -> str:
        """What makes it the same as what somebody presents."""
        return tag_key(self.tag)


class ObjectKind(StrEnum):
    """What is kept word for word as it was told to a partner. CLAIM: whose the next session with a tag is. RESERVATION:
    by which number of ours a reservation of a partner goes.
    """

    SESSION = "session"
    CDR = "cdr"
    CLAIM = "claim"
    RESERVATION = "reservation"


@dataclass(frozen=True, slots=True)
class ToldObject:
    """An object as a partner was told of it, JSON; `number` grows with the order in which objects were made."""

    kind: ObjectKind
    id: str
    partner: str
    updated: datetime
    body: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Push:
    """Something that a partner is to be told: `body` (JSON) by `method` to `path` below the endpoint of `module`. `key`
    names the object: what is told of the same object takes the place of what waits.
    """

    number: int
    partner: str
    module: str
    key: str
    method: str
    path: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Plug:
    """A connector, in OCPI's words; `has_cable`: the cable is the station's."""

    standard: str
    has_cable: bool


@dataclass(frozen=True, slots=True)
class Operator:
    """The site as partners know it. `country` has three letters, `party` two and three; coordinates in degrees.
    `opening`: hours of the week, none: always open. `plugs` by EVSE or station where it is not `plug`; without any, AC
    has a socket of type 2 and DC a cable with CCS 2. `public_url`: where partners reach this controller.
    """

    party: PartyId
    name: str
    website: str
    public_url: str
    location: str
    address: str
    city: str
    postal_code: str
    country: str
    latitude: float
    longitude: float
    parking_type: str = ""
    opening: tuple[DayWindow, ...] = ()
    plug: Plug | None = None
    plugs: Mapping[str, Plug] = field(default_factory=dict)
    is_published: bool = True

    def plug_of(self, evse: str, is_dc: bool) -> Plug:
        """The connector of an EVSE."""
        told = self.plugs.get(evse) or self.plugs.get(evse.rpartition("/")[0]) or self.plug
        return told or (Plug("IEC_62196_T2_COMBO", True) if is_dc else Plug("IEC_62196_T2", False))


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """A partner as the site file names it: where it serves its versions and the file with the token that it gave us,
    if we register there; else it registers here.
    """

    id: str
    name: str
    versions_url: str = ""
    token_file: str = ""

    @property
    def can_register(self) -> bool:
        """We can register there."""
        return bool(self.versions_url and self.token_file)
