"""Tags, the people and groups that they belong to, and what each may do.

A tag is what is presented at a station: a card, a key fob, or `VID:` and the number of a vehicle (autocharge). OCPP 1.6
gives it 20 characters and takes upper and lower case as the same (CiString20, section 7.28).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.limit import WEEKDAYS, LimitWindow
from ems.domain.local_clock import MIDNIGHT, day_begin_s, local
from ems.domain.recurrence import DayWindow, Recurrence
from ems.domain.units import finite
from ems.domain.vehicle import MAX_BATTERY_WH, plain_id

MAX_TAG = 20
MAX_NAME = 100
MAX_PLACES, MAX_HOURS, MAX_GROUPS = 500, 20, 10
MAX_AT_ONCE = 1000
MAX_CLASS = 100
MAX_COST = 10**12
SEPARATORS = " :-"
CARD_NUMBER = re.compile(r"([0-9A-Fa-f]{8}|[0-9A-Fa-f]{14}|[0-9A-Fa-f]{20})")
ALL_DAYS = frozenset(range(len(WEEKDAYS)))


def tag_key(text: str) -> str:
    """What makes two tags the same. What some stations add behind 20 characters is noise (Q95)."""
    return text.strip()[:MAX_TAG].casefold()


def spellings(text: str) -> tuple[str, ...]:
    """Other ways to write the number of a card (4, 7 or 10 bytes, ISO 14443-3), the bare one first.
    OCPP compares text, so each is another tag, and may be somebody else's: good for a word to people, never for a door.
    """
    bare = "".join(character for character in text if character not in SEPARATORS)
    if not CARD_NUMBER.fullmatch(bare):
        return ()
    pairs = [bare[place : place + 2] for place in range(0, len(bare), 2)]
    ways = (bare, *(separator.join(pairs) for separator in SEPARATORS))
    return tuple(way for way in ways if way != text and len(way) <= MAX_TAG) if text in ways else ()


def as_reported(text: str) -> str:
    """How most stations report a card that is written with separators; empty unless it is."""
    ways = spellings(text)
    return ways[0] if ways and len(ways[0]) < len(text) else ""


class Period(StrEnum):
    """How often a budget begins anew, on the clock of the site; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def period_begin(period: Period, now: datetime, zone: ZoneInfo) -> datetime:
    """When the period began in which `now` lies."""
    today = now.astimezone(zone).date()
    if period is Period.WEEK:
        today = today.fromordinal(today.toordinal() - today.weekday())
    elif period is Period.MONTH:
        today = today.replace(day=1)
    return local(day_begin_s(today, zone), zone)


def period_span(period: Period, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the period began in which `now` lies, and when it ends."""
    begin = period_begin(period, now, zone)
    into_the_next = {Period.DAY: timedelta(hours=36), Period.WEEK: timedelta(days=8), Period.MONTH: timedelta(days=32)}
    return begin, period_begin(period, begin + into_the_next[period], zone)


class Budget(NamedTuple):
    """At most so much energy, Wh, and for so much money, minor units of the site's currency, in each period; None: no
    limit of that kind.
    """

    energy_wh: float | None = None
    period: Period = Period.MONTH
    cost_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Where and when: at these EVSEs or stations (none: everywhere), within these local hours (none: always)."""

    places: frozenset[str] = frozenset()
    hours: tuple[DayWindow, ...] = ()

    def __post_init__(self) -> None:
        if len(self.places) > MAX_PLACES or len(self.hours) > MAX_HOURS:
            raise ValueError(f"at most {MAX_PLACES} EVSEs and {MAX_HOURS} hours; use groups")

    def holds_at(self, evse: str) -> bool:
        """Whether it allows an EVSE."""
        return not self.places or evse in self.places or evse.rpartition("/")[0] in self.places

    def holds_on(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether it allows a moment."""
        return not self.hours or Recurrence(windows=self.hours).holds(at.astimezone(zone))


ANYWHERE = Rule()


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever has tags; nobody who logs in."""

    id: str
    name: str = ""
    cost_centre: str = ""
    is_blocked: bool = False

    def __post_init__(self) -> None:
        plain_id("the id of a person", self.id)
        _words("the name of a person", self.name)
        _words("a cost centre", self.cost_centre)

    @property
    def label(self) -> str:
        """What people call them."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class Group:
    """Tags with something in common. What its rule forbids, and that of its `parent`, it forbids its members. Members
    may end each other's sessions if it has a `stop_tag`: OCPP calls it parentIdTag, and stations compare it.
    """

    id: str
    name: str = ""
    parent: str | None = None
    rule: Rule = ANYWHERE
    is_blocked: bool = False
    stop_tag: str = ""

    def __post_init__(self) -> None:
        plain_id("the id of a group", self.id)
        _words("the name of a group", self.name)
        if self.stop_tag:
            plain_tag(self.stop_tag)

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class Tag:
    """One card. It is good from `valid_from` until `valid_to` (UTC; None: open-ended), where and when its own rule and
    that of at least one of its groups allow it, within its budget, for `at_once` sessions at a time (0: any number).
    `service_class` None: that of the vehicle or the EVSE.
    """

    id: str
    name: str = ""
    person: str | None = None
    groups: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    rule: Rule = ANYWHERE
    budget: Budget | None = None
    service_class: int | None = None
    at_once: int = 1
    is_blocked: bool = False

    def __post_init__(self) -> None:
        plain_tag(self.id)
        _words("the name of a tag", self.name)
        if len(self.groups) > MAX_GROUPS or len(set(self.groups)) != len(self.groups):
            raise ValueError(f"tag {self.id}: at most {MAX_GROUPS} groups, each once")
        for at in (self.valid_from, self.valid_to):
            if at is not None and at.tzinfo is None:
                raise ValueError(f"tag {self.id}: a validity needs a time zone")
        if self.valid_from is not None and self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError(f"tag {self.id}: valid_to must be after valid_from")
        if self.budget is not None:
            _must_be_something(self.id, self.budget)
        if not 0 <= self.at_once <= MAX_AT_ONCE:
            raise ValueError(f"tag {self.id}: at_once must lie in 0 … {MAX_AT_ONCE}; 0 is any number")
        if self.service_class is not None and abs(self.service_class) > MAX_CLASS:
            raise ValueError(f"tag {self.id}: a priority lies in -{MAX_CLASS} … {MAX_CLASS}")

    @property
    def key(self) -> str:
        """What makes it the same as another."""
        return tag_key(self.id)

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class Holder:
    """Who charges, as far as a tag tells."""

    tag: str
    name: str
    person: str | None = None
    groups: tuple[str, ...] = ()
    cost_centre: str = ""
    service_class: int | None = None


def _must_be_something(tag: str, budget: Budget) -> None:
    energy, cost = budget.energy_wh, budget.cost_minor
    if energy is None and cost is None:
        raise ValueError(f"tag {tag}: a budget is of energy or of money")
    if energy is not None and not 0 < finite("a budget", energy) <= 1000 * MAX_BATTERY_WH:
        raise ValueError(f"tag {tag}: a budget must be above zero, in Wh; block the tag instead of giving it 0")
    if cost is not None and not 0 < cost <= MAX_COST:
        raise ValueError(f"tag {tag}: a budget must be above zero; block the tag instead of giving it 0")


def plain_tag(text: str) -> str:
    """Return `text`; raise ValueError unless a station can send it as a tag."""
    if not text or len(text) > MAX_TAG or not text.isprintable() or text != text.strip():
        remedy = "write it as the station reports it"
        raise ValueError(f"a tag is 1 to {MAX_TAG} printable characters, got {text[:40]!r}; {remedy}")
    return text


def hours_of(texts: Iterable[str]) -> tuple[DayWindow, ...]:
    """Hours as people write them: 'Mon-Fri 06:00-22:00', or '22:00-06:00' for every day. Raises ValueError."""
    return tuple(DayWindow(*LimitWindow.parse_when(text)) for text in texts)


def hours_text(window: DayWindow) -> str:
    """The same the other way round."""
    days = "" if window.days == ALL_DAYS else ",".join(_spans(sorted(window.days))) + " "
    return f"{days}{_clock(window.since)}-{_clock(window.until, ends=True)}"


def _spans(days: Sequence[int]) -> Iterator[str]:
    """'Mon-Fri' for three days and more in a row."""
    first = 0
    for place, day in enumerate(days):
        if place + 1 == len(days) or days[place + 1] != day + 1:
            names = [WEEKDAYS[one] for one in days[first : place + 1]]
            yield from (f"{names[0]}-{names[-1]}",) if len(names) > 2 else names
            first = place + 1


def _clock(at: time, ends: bool = False) -> str:
    return "24:00" if ends and at == MIDNIGHT else at.isoformat("minutes")


def _words(what: str, text: str) -> None:
    if len(text) > MAX_NAME or not (text.isprintable() and text == text.strip()):
        raise ValueError(f"{what} must be at most {MAX_NAME} printable characters, got {text[:40]!r}")
