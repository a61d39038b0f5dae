"""What can be told about people, tags, groups, reservations and the waitlist. What cannot be meant is a ValueError."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import ConfigDict, Field

from ems.adapters.web.body import MAX_LIST, Body, Moment
from ems.domain.access.reservation import LONGEST, Reservation, Waiting
from ems.domain.access.tag import (
    MAX_CLASS,
    MAX_GROUPS,
    MAX_HOURS,
    MAX_PLACES,
    Budget,
    Group,
    Period,
    Person,
    Rule,
    Tag,
    hours_of,
)
from ems.domain.billing.money import exactly_minor

Places = Annotated[
    list[str],
    Field(max_length=MAX_PLACES, description="EVSEs or stations; none: everywhere", examples=[["CP-01/1", "CP-02"]]),
]
Hours = Annotated[
    list[str], Field(max_length=MAX_HOURS, description="none: at any hour", examples=[["Mon-Fri 06:00-22:00"]])
]


class PersonBody(Body):
    """A person, whose tags are told with each tag."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ada Lovelace", "cost_centre": "R&D"}]})

    name: str = ""
    cost_centre: str = ""
    blocked: bool = False

    def person(self, name: str) -> Person:
        """As the domain says it; `name` is its id."""
        return Person(name, self.name, self.cost_centre, self.blocked)


class GroupBody(Body):
    """A group. What it and those around it forbid, its members may not; with a stop_tag they may end each other's
    sessions.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Day shift", "hours": ["Mon-Fri 06:00-22:00"], "parent": "staff"}]}
    )

    name: str = ""
    parent: str | None = None
    places: Places = Field(default=[])
    hours: Hours = Field(default=[])
    blocked: bool = False
    stop_tag: str = ""

    def group(self, name: str) -> Group:
        """As the domain says it; `name` is its id."""
        rule = Rule(frozenset(self.places), hours_of(self.hours))
        return Group(name, self.name, self.parent, rule, self.blocked, self.stop_tag)


class TagBody(Body):
    """A tag; leave out what does not limit it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Ada's card",
                    "person": "ada",
                    "groups": ["staff"],
                    "valid_to": "2027-01-01T00:00:00+01:00",
                    "hours": ["Mon-Fri 06:00-22:00"],
                    "budget_kwh": 200,
                    "budget_period": "month",
                }
            ]
        }
    )

    name: str = ""
    person: str | None = None
    groups: list[str] = Field(default=[], max_length=MAX_GROUPS)
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    places: Places = Field(default=[])
    hours: Hours = Field(default=[])
    budget_kwh: Annotated[float, Field(gt=0, le=5_000_000)] | None = None
    budget_cost: Annotated[Decimal, Field(gt=0, le=10_000_000, max_digits=20, examples=["50.00"])] | None = None
    budget_period: Period = Period.MONTH
    priority: int | None = Field(default=None, ge=-MAX_CLASS, le=MAX_CLASS)
    at_once: int = Field(default=1, ge=0, le=1000, description="sessions at a time; 0 is any number")
    blocked: bool = False

    def tag(self, text: str, currency: str) -> Tag:
        """As the domain says it; `text` is what is presented. Money is of that currency."""
        energy = None if self.budget_kwh is None else 1000.0 * self.budget_kwh
        cost = None if self.budget_cost is None else exactly_minor(self.budget_cost, currency)
        return Tag(
            id=text,
            name=self.name,
            person=self.person,
            groups=tuple(self.groups),
            valid_from=_utc(self.valid_from),
            valid_to=_utc(self.valid_to),
            rule=Rule(frozenset(self.places), hours_of(self.hours)),
            budget=None if energy is None and cost is None else Budget(energy, self.budget_period, cost),
            service_class=self.priority,
            at_once=self.at_once,
            is_blocked=self.blocked,
        )


class BlockBody(Body):
    """Whether a tag is blocked; what else is known of it stays."""

    blocked: bool


class AdoptBody(Body):
    """What an unknown card is to be; with nothing it is simply good. `person` is added if nobody knows them; the card
    becomes one of a `vehicle` that is known.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "blue key fob", "person": "ada"}]})

    name: str = ""
    person: str | None = None
    groups: list[str] = Field(default=[], max_length=MAX_GROUPS)
    vehicle: str | None = None


class TagListBody(Body):
    """A list of tags as the text of a CSV file."""

    model_config = ConfigDict(
        str_max_length=MAX_LIST,
        json_schema_extra={"examples": [{"csv": "tag;name;person\n04A1B2C3;Ada's card;ada\n"}]},
    )

    csv: str


class ReservationBody(Body):
    """An EVSE is held for a tag, from now on unless `starts` says otherwise; until `ends`, or for so many hours."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"evse": "CP-01/1", "tag": "04A1B2C3", "ends": "2026-03-10T18:00:00Z", "name": "Ada"}]
        }
    )

    evse: str
    tag: str
    starts: Moment | None = None
    ends: Moment | None = None
    hours: float | None = Field(default=None, gt=0, le=LONGEST / timedelta(hours=1))
    name: str = ""

    def reservation(self, number: int, now: datetime) -> Reservation:
        """As the domain says it. Raises ValueError unless one of `ends` and `hours` is told."""
        starts, ends = _utc(self.starts) or now, _utc(self.ends)
        if (ends is None) == (self.hours is None):
            raise ValueError("say until when it is held: either ends, or hours")
        return Reservation(
            number, self.evse, self.tag, starts, ends or starts + timedelta(hours=self.hours or 0), self.name
        )


class WaitBody(Body):
    """Somebody waits for an EVSE, for one of `evses` if any are named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tag": "04A1B2C3", "name": "Ada"}]})

    tag: str
    name: str = ""
    evses: list[str] = Field(default=[], max_length=50)

    def waiting(self, number: int, now: datetime) -> Waiting:
        """As the domain says it."""
        return Waiting(number, self.tag, now, self.name, frozenset(self.evses))


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)
