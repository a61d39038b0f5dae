"""The shape of what the interface answers about people, tags, groups, reservations and the waitlist.

Fields may be added; none is renamed or removed within `/api/v1`. Times are ISO 8601 in UTC, hours those of the site.
"""

from __future__ import annotations

from typing_extensions import TypedDict

from ems.adapters.web.operations.shape import Findings


class PersonRow(TypedDict):
    """A person with their tags."""

    id: str
    name: str
    cost_centre: str
    blocked: bool
    tags: list[str]


class People(TypedDict):
    """All people, by id."""

    people: list[PersonRow]


class GroupRow(TypedDict):
    """A group; `tags` counts its members."""

    id: str
    name: str
    parent: str | None
    places: list[str]
    hours: list[str]
    blocked: bool
    stop_tag: str
    tags: int


class Groups(TypedDict):
    """All groups, by id."""

    groups: list[GroupRow]


class TagRow(TypedDict):
    """A tag; `spent_kwh` and `spent_cost` of its budgets in this period, null without one. Money is text, in the
    currency of the site.
    """

    id: str
    name: str
    person: str | None
    groups: list[str]
    valid_from: str | None
    valid_to: str | None
    places: list[str]
    hours: list[str]
    budget_kwh: float | None
    budget_cost: str | None
    budget_period: str | None
    spent_kwh: float | None
    spent_cost: str | None
    priority: int | None
    at_once: int
    blocked: bool


class Tags(TypedDict):
    """Tags, by id; `total` counts also those that are left out."""

    tags: list[TagRow]
    total: int


class CheckRow(TypedDict):
    """Whether a tag may charge at an EVSE now, and why not."""

    tag: str
    evse: str
    accepted: bool
    status: str
    reason: str
    left_kwh: float | None


class CardRow(TypedDict):
    """A tag that nobody knows, where and when it was presented last, and how often. `alike`: a known tag, of `person`
    if any, that may be the same card written with or without separators; empty where there is none.
    """

    tag: str
    evse: str
    at: str
    count: int
    alike: str
    person: str | None


class Cards(TypedDict):
    """Tags that nobody knows, the newest first."""

    cards: list[CardRow]


class ListedTagRow(TypedDict):
    """A tag of a list; `kind` is new, changed or same."""

    tag: str
    kind: str
    name: str
    person: str | None


class TagsListed(Findings):
    """What a list would change, or has changed when it is `applied`; `refused`: nothing of it can be taken."""

    applied: bool
    refused: bool
    tags: list[ListedTagRow]


class ReservationRow(TypedDict):
    """An EVSE that is held for somebody; `station` is what the station answered that keeps it too, null: not asked."""

    id: int
    evse: str
    tag: str
    starts: str
    ends: str
    name: str
    station: str | None


class Reservations(TypedDict):
    """Reservations, also those that are over since today."""

    reservations: list[ReservationRow]


class WaitingRow(TypedDict):
    """Who waits; `before` so many others come first, null: it is their turn at `evse`, until then."""

    id: int
    tag: str
    name: str
    since: str
    wishes: list[str]
    before: int | None
    evse: str | None
    until: str | None


class Waitlist(TypedDict):
    """Who waits, in their order."""

    waiting: list[WaitingRow]
    claim_min: float


class ListRow(TypedDict):
    """How far a station's local list is in step with the tags here."""

    station: str
    state: str
    version: int | None
    tags: int
    left_out: int
    detail: str


class EndingRow(TypedDict):
    """A session that may not go on, and why."""

    evse: str
    reason: str


class AccessState(TypedDict):
    """Who may charge at each EVSE, lists of stations, and sessions that are being ended."""

    modes: dict[str, str]
    free_tag: str
    lists: list[ListRow]
    endings: list[EndingRow]
