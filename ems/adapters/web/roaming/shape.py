"""The shape of what the interface answers about roaming partners. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing_extensions import TypedDict


class PartnerRole(TypedDict):
    """A party of a partner: `party` as NL*ABC, and what it is there (EMSP, CPO, …)."""

    party: str
    role: str
    name: str


class PartnerLine(TypedDict):
    """Something that happened with a partner."""

    at: str
    text: str


class PartnerRow(TypedDict):
    """A partner; `can_register`: it gave us a token to register with. `waiting` is what it is still to be told, and
    `refused` what it never took. `tokens` of its drivers; `pulled`: when they were fetched.
    """

    id: str
    name: str
    registered: str | None
    can_register: bool
    invited_until: str | None
    versions_url: str | None
    roles: list[PartnerRole]
    modules: list[str]
    tokens: int
    pulled: str | None
    waiting: int
    waiting_since: str | None
    refused: int
    last_push: str | None
    trouble: str
    trouble_since: str | None
    lines: list[PartnerLine]


class PartnerRows(TypedDict):
    """All partners; they begin to ask at `versions_url`. `unsaid` is what price lists say and OCPI only in words."""

    versions_url: str
    unsaid: list[str]
    partners: list[PartnerRow]


class Invitation(TypedDict):
    """With this token the partner can register at `versions_url`; it is told only here."""

    token: str
    versions_url: str


class Fetched(TypedDict):
    """How many tokens were fetched."""

    tokens: int


class RecordRow(TypedDict):
    """A charge detail record; `total` with tax. `credit_of`: the record that it takes back; `credited`: it was taken
    back itself.
    """

    id: str
    started: str
    evse: str
    energy_kwh: str
    total: str
    currency: str
    credit_of: str | None
    credited: bool


class RecordRows(TypedDict):
    """The newest charge detail records of a partner, newest first."""

    records: list[RecordRow]


class Credited(TypedDict):
    """The id of the record that takes another one back."""

    id: str
