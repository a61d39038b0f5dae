"""What somebody asks the list of sessions for, as the words of an address."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ems.domain.billing.payment import PaymentState
from ems.domain.local_clock import day_begin_s, local
from ems.domain.record.session_entry import SessionFilter, SessionMark, SessionSort
from ems.domain.site import Site
from ems.domain.unknown import UnknownError

MOST_YEARS = 11
NOT_PAID = "none"
MOST_MARK = 2.0**62

Text = Annotated[str, Field(max_length=100)]


class SpanAsked(BaseModel):
    """A span of time; days are those of the site."""

    model_config = ConfigDict(extra="forbid")

    since: Text | None = Field(None, alias="from", description="a day, or a moment with its offset; this month")
    until: Text | None = Field(None, alias="to", description="the day after the last, or a moment; now")

    @field_validator("*", mode="before")
    @classmethod
    def _blank_is_nothing(cls, value: Any) -> Any:
        """A form sends every field."""
        if isinstance(value, list):
            return [one for one in value if one != ""] or None
        return None if value == "" else value

    def span(self, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
        """When it begins and ends, UTC. Raises ValueError."""
        first = now.astimezone(zone).date().replace(day=1)
        begin = day_of(first, zone) if self.since is None else moment("from", self.since, zone)
        end = now + timedelta(seconds=1) if self.until is None else moment("to", self.until, zone)
        if self.until is None and begin >= end:
            end = begin + timedelta(days=1)
        if begin >= end:
            raise ValueError(f"from {self.since} does not lie before to {self.until}")
        if end - begin > timedelta(days=366 * MOST_YEARS):
            raise ValueError(f"at most {MOST_YEARS} years at once")
        return begin, end


class SessionsAsked(SpanAsked):
    """Which sessions; nothing said of something means all."""

    evse: Text | None = Field(None, description="at this EVSE")
    station: Text | None = Field(None, description="at any EVSE of this station, also one that the site lost")
    circuit: Text | None = Field(None, description="at an EVSE of this circuit, or of one below it")
    vehicle: Text | None = None
    tag: Text | None = Field(None, description="held up at the station; upper and lower case are the same")
    person: Text | None = None
    group: Text | None = Field(None, description="whose holder was in this group, or in one within it")
    cost_centre: Text | None = None
    payment: list[Literal["none"] | PaymentState] | None = Field(None, description="none: not paid for beforehand")
    ended_by: list[Text] | None = Field(None, max_length=20, description="reasons of OCPP, or inferred")
    state: Literal["over", "charging"] | None = Field(None, description="over, or still plugged in")
    void: bool | None = Field(None, description="also those that do not count")
    sort: SessionSort = SessionSort.PLUGGED
    order: Literal["falling", "rising"] = "falling"

    @field_validator("sort", "order", mode="before")
    @classmethod
    def _as_usual(cls, value: Any, info: Any) -> Any:
        usual = {"sort": SessionSort.PLUGGED, "order": "falling"}
        return usual[info.field_name] if value in {None, ""} else value

    def wanted(self, site: Site, now: datetime) -> SessionFilter:
        """As the domain says it. Raises UnknownError or ValueError."""
        since, until = self.span(site.zone, now)
        return SessionFilter(
            since,
            until,
            evses=self._evses(site),
            station=self.station,
            vehicle=self.vehicle,
            tag=self.tag,
            person=self.person,
            group=self.group,
            cost_centre=self.cost_centre,
            payments=None if self.payment is None else frozenset(map(_paid, self.payment)),
            ended_by=None if self.ended_by is None else frozenset(self.ended_by),
            is_open=None if self.state is None else self.state == "charging",
            with_void=bool(self.void),
        )

    def _evses(self, site: Site) -> frozenset[str] | None:
        found = None if self.evse is None else frozenset({self.evse})
        if self.circuit is None:
            return found
        if self.circuit not in site.circuits:
            raise UnknownError(f"the site has no circuit {self.circuit!r}")
        below = site.circuits.subtree(self.circuit)
        there = frozenset(evse.id for evse in site.evses if evse.circuit in below)
        return there if found is None else there & found


class SessionsPageAsked(SessionsAsked):
    """A piece of the list."""

    after: Annotated[str, Field(max_length=300)] | None = Field(None, description="`next` of the piece before")
    limit: int = Field(100, ge=1, le=1000)

    @field_validator("limit", mode="before")
    @classmethod
    def _usual_limit(cls, value: Any) -> Any:
        return 100 if value in {None, ""} else value


def _paid(text: str) -> PaymentState | None:
    return None if text == NOT_PAID else PaymentState(text)


def moment(what: str, text: str, zone: ZoneInfo) -> datetime:
    """The beginning of a day, or a moment. Raises ValueError."""
    try:
        if len(text) == len("2026-03-01"):
            return day_of(date.fromisoformat(text), zone)
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo is not None else told.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{what}: write a day, for example 2026-03-01, or 2026-03-01T05:10:00+01:00") from None


def day_of(day: date, zone: ZoneInfo) -> datetime:
    """When a local day begins, UTC."""
    return local(day_begin_s(day, zone), zone).astimezone(UTC)


def mark_text(mark: SessionMark | None) -> str | None:
    """A place in a list as a word of an address."""
    if mark is None:
        return None
    return base64.urlsafe_b64encode(json.dumps([mark.value, mark.id]).encode()).decode().rstrip("=")


def mark_of(text: str | None) -> SessionMark | None:
    """The place again. Raises ValueError."""
    if text is None:
        return None
    try:
        told = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        told = None
    match told:
        case [int() | float() as value, str() as name] if abs(value) < MOST_MARK and not isinstance(value, bool):
            return SessionMark(value, name)
        case _:
            raise ValueError("after: take it from `next` of the piece before")
