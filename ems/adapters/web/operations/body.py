"""What operators tell the interface: the bodies of the requests, and the domain's records that they become.

Energies are kWh and times of day those of the site, because people write them. What cannot be meant raises ValueError.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field

from ems.adapters.web.body import MAX_LIST, Body, Moment
from ems.domain.departure import HOLIDAY, HOLIDAYS, Departure, Goal, WeeklyDeparture, days_of, moment, shows
from ems.domain.limit import Limit
from ems.domain.service_class import ServiceClass
from ems.domain.strategy import Strategy
from ems.domain.vehicle import Guarantee, Vehicle, plain_id

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
Clock = Annotated[str, Field(description="time of day at the site", examples=["05:10"])]
Kwh = Annotated[float, Field(ge=0, le=5000)]
Percent = Annotated[float, Field(ge=0, le=100)]
MOST_HOURS = 24 * 366


class GoalBody(Body):
    """What it must have when it leaves; of both the state of charge counts once the present one is known."""

    energy_kwh: Kwh | None = None
    target_soc_percent: Percent | None = None

    def goal(self) -> Goal:
        """As the domain says it."""
        return Goal(_wh(self.energy_kwh), self.target_soc_percent)


class WeeklyBody(GoalBody):
    """A departure that returns every week. Without a time the vehicle stays: that is for holidays, which the calendar
    of the site file names. Where a week has any entry for them, no other counts on a holiday.
    """

    days: str = Field(default="Mon-Sun", examples=["Mon-Fri", "Sun,Holiday"])
    at: Clock | None

    def weekly(self) -> WeeklyDeparture:
        """As the domain says it."""
        days = days_of(self.days)
        if self.at is None and HOLIDAY not in days:
            raise ValueError(
                f"on {self.days[:40]} nothing need be said of who stays; write days: {HOLIDAYS}, or a time"
            )
        return WeeklyDeparture(days, None if self.at is None else clock(self.at), self.goal())


class GuaranteeBody(Body):
    """A promise that is kept before others get more than what is promised to them."""

    energy_kwh: Kwh = 0.0
    by: Clock | None = None
    minimum_always: bool = False

    def guarantee(self) -> Guarantee:
        """As the domain says it."""
        return Guarantee(1000.0 * self.energy_kwh, None if self.by is None else clock(self.by), self.minimum_always)


class ClassBody(Body):
    """A class of service: what people call it, and what every vehicle of it is promised in each session."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "buses", "guarantee": {"energy_kwh": 20, "by": "05:10"}}]}
    )

    name: str = Field(default="", max_length=100)
    guarantee: GuaranteeBody | None = None

    def service_class(self, number: int) -> ServiceClass:
        """As the domain says it."""
        promise = None if self.guarantee is None else self.guarantee.guarantee()
        return ServiceClass(number, self.name.strip(), promise)


class VehicleBody(Body):
    """A vehicle; leave out what is not known. Currents are ampere on each of its legs (AC), `max_kw` counts at DC."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Citaro 17",
                    "id_tags": ["04A1B2C3", "VID:001122334455"],
                    "battery_kwh": 392,
                    "max_kw": 150,
                    "service_class": 2,
                    "guarantee": {"energy_kwh": 20, "by": "05:10"},
                    "weekly": [{"days": "Mon-Fri", "at": "05:10", "target_soc_percent": 90}],
                }
            ]
        }
    )

    name: str = ""
    id_tags: list[str] = Field(default=[], max_length=20)
    evse: str | None = Field(default=None, description="the EVSE that it is assigned to", examples=["CP-01/1"])
    battery_kwh: Annotated[float, Field(gt=0, le=5000)] | None = None
    max_a: float | None = None
    legs: int | None = None
    max_kw: float | None = None
    min_a: float | None = Field(default=None, description="only where it needs more than 6 A")
    efficiency: float = 0.9
    service_class: int | None = Field(default=None, ge=-100, le=100)
    consumption_kwh_per_km: float | None = None
    guarantee: GuaranteeBody | None = None
    weekly: list[WeeklyBody] = Field(default=[], max_length=50)

    def vehicle(self, name: str) -> Vehicle:
        """As the domain says it; `name` is its id."""
        if not self.name.isprintable():
            raise ValueError("the name of a vehicle must be printable")
        return Vehicle(
            id=name,
            name=self.name.strip(),
            id_tags=tuple(self.id_tags),
            evse=self.evse,
            battery_wh=_wh(self.battery_kwh),
            max_a=self.max_a,
            legs=self.legs,
            max_w=_wh(self.max_kw),
            min_a=self.min_a,
            efficiency=self.efficiency,
            service_class=self.service_class,
            consumption_wh_per_km=_wh(self.consumption_kwh_per_km),
            guarantee=None if self.guarantee is None else self.guarantee.guarantee(),
        )

    def weeklies(self) -> tuple[WeeklyDeparture, ...]:
        """Its week, as the domain says it."""
        return tuple(one.weekly() for one in self.weekly)


class SocBody(Body):
    """What somebody knows of a battery: now, or at a moment within the last day."""

    soc_percent: Percent
    at: Moment | None = None


class DepartureBody(GoalBody):
    """A departure on the date that the path names."""

    at: Clock
    evse: str | None = None
    priority: int | None = Field(default=None, ge=-100, le=100)


class DayBody(Body):
    """All departures of a vehicle on a date; with an empty list its week counts again."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"departures": [{"at": "05:10", "energy_kwh": 55, "evse": "CP-01/1"}]}]}
    )

    departures: list[DepartureBody] = Field(max_length=50)

    def all(self, vehicle: str, day: date, zone: ZoneInfo) -> tuple[Departure, ...]:
        """As the domain says it."""
        found = {_moment(day, one.at, zone): one for one in self.departures}
        if len(found) != len(self.departures):
            raise ValueError("the same departure stands there twice")
        return tuple(Departure(vehicle, at, one.goal(), one.evse, one.priority) for at, one in sorted(found.items()))


class ListBody(Body):
    """A pull-out list as the text of a CSV file."""

    model_config = ConfigDict(
        str_max_length=MAX_LIST,
        json_schema_extra={"examples": [{"csv": "vehicle;departure;target_soc\nBus 17;2026-03-10 05:10;90\n"}]},
    )

    csv: str


class NeedBody(Body):
    """What the vehicle at an EVSE needs in this session. What is left out stays as it was; null takes it back."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"energy_kwh": 20, "departure": "2026-03-10T05:10:00+01:00"}]}
    )

    energy_kwh: Kwh | None = None
    departure: Moment | None = None
    guaranteed_kwh: Kwh | None = None
    guaranteed_by: Moment | None = None
    minimum_always: bool | None = None
    priority: int | None = Field(default=None, ge=-100, le=100)

    def told(self) -> dict[str, Any]:
        """What is said, by the names of `Need`."""
        values: dict[str, Any] = {
            "energy_kwh": ("energy_wh", _wh(self.energy_kwh)),
            "departure": ("departure", _utc(self.departure)),
            "guaranteed_kwh": ("guaranteed_wh", 1000.0 * (self.guaranteed_kwh or 0.0)),
            "guaranteed_by": ("guaranteed_by", _utc(self.guaranteed_by)),
            "minimum_always": ("minimum_always", bool(self.minimum_always)),
            "priority": ("service_class", self.priority),
        }
        return dict(values[name] for name in self.model_fields_set)


class StrategyBody(Body):
    """How headroom is to be divided; null returns to what the site file says."""

    strategy: Strategy | None


class SpanBody(Body):
    """When it holds: from now or `starts` on, or in so many hours; until `ends`, for so many hours, or for good.

    Hours are counted by the clock of the site.
    """

    starts: Moment | None = None
    ends: Moment | None = None
    in_hours: Annotated[float, Field(ge=0, le=MOST_HOURS)] | None = None
    hours: Annotated[float, Field(gt=0, le=MOST_HOURS)] | None = None

    def span(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """Begin and end. Raises ValueError where something is told twice, or ends before it begins."""
        starts, ends = _utc(self.starts), _utc(self.ends)
        if None not in (starts, self.in_hours) or None not in (ends, self.hours):
            raise ValueError("say once when it begins and ends: as times (starts, ends), or in hours (in_hours, hours)")
        if self.in_hours is not None:
            starts = now + timedelta(hours=self.in_hours)
        if self.hours is not None:
            ends = (starts or now) + timedelta(hours=self.hours)
        if ends is not None and ends <= max(now, starts or now):
            raise ValueError("the limit ends before it begins, or before now")
        return starts, ends


class LimitBody(SpanBody):
    """At most so much through a circuit or an EVSE, besides what limits it anyway, until it ends or is taken back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"scope": "grid", "source": "works in the yard", "max_a": 40, "ends": "2026-03-10T18:00:00Z"}]
        }
    )

    scope: str
    source: str = Field(description="its name: a later limit of the same scope and name replaces it")
    max_a: Annotated[float, Field(ge=0)] | None = None
    max_kw: Annotated[float, Field(ge=0)] | None = None

    def limit(self, now: datetime) -> Limit:
        """As the domain says it."""
        plain_id("the name of a limit", self.source)
        return Limit(self.scope, self.source, self.max_a, _wh(self.max_kw), *self.span(now))


class SupposedBody(SpanBody):
    """A limit that is only supposed: at most so much through a circuit or an EVSE; the grid connection if not said."""

    scope: str | None = None
    max_a: Annotated[float, Field(ge=0)] | None = None
    max_kw: Annotated[float, Field(ge=0)] | None = None

    def limit(self, connection: str, now: datetime) -> Limit:
        """As the domain says it."""
        told = LimitBody(scope=self.scope or connection, source="what-if", **self.model_dump(exclude={"scope"}))
        return told.limit(now)


class WhatIfBody(Body):
    """What to suppose."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"limits": [{"max_kw": 40, "starts": "2026-03-10T17:00:00Z", "ends": "2026-03-10T20:00:00Z"}]}]
        }
    )

    limits: Annotated[list[SupposedBody], Field(min_length=1, max_length=20)]

    def all(self, connection: str, now: datetime) -> tuple[Limit, ...]:
        """As the domain says it; `connection` is the circuit where none is said. Raises ValueError."""
        return tuple(one.limit(connection, now) for one in self.limits)


def clock(text: str) -> time:
    """A time of day. Raises ValueError."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:20]!r} is not a time of day: write for example 05:10")
    return time(int(match[1]), int(match[2]))


def _moment(day: date, text: str, zone: ZoneInfo) -> datetime:
    at = clock(text)
    if not shows(day, at, zone):
        raise ValueError(f"the clock of {zone.key} skips {text} on {day}: write an hour later")
    return moment(day, at, zone)


def _wh(kwh: float | None) -> float | None:
    return None if kwh is None else 1000.0 * kwh


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)
