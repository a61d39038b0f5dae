"""Whether a tag may charge at an EVSE now, and why not: answered from memory, in the words of OCPP and of people.

Three things are kept apart: whether somebody may charge (here), who it is (`AccessBook.holder`, `Fleet.vehicle_of`),
and how much current there is (`ems.control`). A session that was refused counts in every sum while it draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ems.domain.access.book import AccessBook, AccessMode, Doors
from ems.domain.access.tag import ANYWHERE, Rule, Tag, hours_text
from ems.domain.billing.money import major

SPENT_WH = 1.0
"""So little left of a budget is nothing: no vehicle begins for it."""


class AuthStatus(StrEnum):
    """What a station is answered (OCPP 1.6, section 7.2)."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT = "ConcurrentTx"


class Asked(NamedTuple):
    """Somebody presents `tag` (empty: nothing) at `evse` at a moment (UTC). `starts`: a session begins with it; else it
    may be presented to end one.
    """

    tag: str
    evse: str
    at: datetime
    starts: bool = True


class Guest(NamedTuple):
    """Whose customer it is that a roaming partner speaks for; `refused`: why the partner does not."""

    label: str
    refused: str = ""


class Usage(NamedTuple):
    """What else counts for a tag: at which EVSEs it charges now, what it got in the period of its budget and for how
    much money, the vehicle whose tag it is, whether it has a pass, because somebody who may do so starts a session
    with it, whose guest it is, and why the prepaid account of whoever has it pays for nothing there (empty: it does).
    """

    running: frozenset[str] = frozenset()
    spent_wh: float = 0.0
    vehicle: str = ""
    has_pass: bool = False
    spent_minor: int = 0
    guest: Guest | None = None
    unpaid: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer. `left_wh` of its budget; `stop_tag` and `valid_to` are told to the station with it."""

    status: AuthStatus
    reason: str
    left_wh: float | None = None
    stop_tag: str = ""
    valid_to: datetime | None = None
    is_known: bool = False

    @property
    def is_accepted(self) -> bool:
        """Whether it may charge."""
        return self.status is AuthStatus.ACCEPTED


def authorise(asked: Asked, book: AccessBook, doors: Doors, usage: Usage = Usage()) -> Admission:  # noqa: B008 immutable
    """Whether a tag may charge. What is blocked, or held for others, is refused even where everybody may charge."""
    tag = book.tag(asked.tag)
    refused = next(_refusals(asked, book, doors, tag, usage), None)
    known = tag is not None or bool(usage.vehicle) or usage.guest is not None
    shared, ends = ("", None) if tag is None else (book.stop_tag(tag), tag.valid_to)
    most = None if tag is None or tag.budget is None else tag.budget.energy_wh
    left = None if most is None else max(0.0, most - usage.spent_wh)
    if refused is not None:
        return Admission(*refused, left_wh=left, stop_tag=shared, valid_to=ends, is_known=known)
    return Admission(AuthStatus.ACCEPTED, _welcome(asked, doors, tag, usage), left, shared, ends, known)


Refusal = tuple[AuthStatus, str]


def _refusals(asked: Asked, book: AccessBook, doors: Doors, tag: Tag | None, usage: Usage) -> Iterator[Refusal]:
    """Everything that speaks against it, the most important first."""
    if tag is not None:
        yield from _blocked(book, tag)
        if asked.starts and usage.unpaid:
            yield AuthStatus.BLOCKED, usage.unpaid
    if asked.starts and not usage.has_pass:
        for hold in book.holds(asked.evse, asked.at):
            if not book.are_one(hold.tag, asked.tag):
                until = hold.until.astimezone(doors.zone)
                yield AuthStatus.INVALID, f"{hold.words}, until {until:%Y-%m-%d %H:%M}"
    if doors.mode_of(asked.evse) is AccessMode.FREE or usage.has_pass:
        return
    if not asked.tag.strip():
        yield AuthStatus.INVALID, "no tag was presented, and only known ones may charge here"
    elif tag is not None:
        yield from _limits(asked, book, doors, tag, usage)
    elif not usage.vehicle and usage.guest is None:
        alike = book.alike(asked.tag)
        yield AuthStatus.INVALID, "nobody knows this tag" + ("" if alike is None else f", but {alike.id} is known")
    elif not usage.vehicle and usage.guest is not None and usage.guest.refused:
        yield AuthStatus.BLOCKED, usage.guest.refused


def _blocked(book: AccessBook, tag: Tag) -> Iterator[Refusal]:
    if tag.is_blocked:
        yield AuthStatus.BLOCKED, f"the tag {tag.label} is blocked"
    if tag.person is not None and book.people[tag.person].is_blocked:
        yield AuthStatus.BLOCKED, f"{book.people[tag.person].label} is blocked"
    closed = [_closed(book, name) for name in tag.groups]
    if closed and all(closed):
        yield AuthStatus.BLOCKED, f"the group {closed[0]} is blocked"


def _closed(book: AccessBook, name: str) -> str:
    """The label of the group that keeps the members of a group out; empty where none does."""
    return next((group.label for group in book.lineage(name) if group.is_blocked), "")


def _limits(asked: Asked, book: AccessBook, doors: Doors, tag: Tag, usage: Usage) -> Iterator[Refusal]:
    at, zone = asked.at, doors.zone
    if not asked.starts:
        # Who ends a session may do so at any hour, when the tag is over, and when the budget is used up.
        return
    if tag.valid_from is not None and at < tag.valid_from:
        yield AuthStatus.INVALID, f"the tag is good from {tag.valid_from.astimezone(zone):%Y-%m-%d %H:%M} on"
    if tag.valid_to is not None and at >= tag.valid_to:
        yield AuthStatus.EXPIRED, f"the tag was good until {tag.valid_to.astimezone(zone):%Y-%m-%d %H:%M}"
    if against := _against(tag.rule, "the tag", asked, doors):
        yield AuthStatus.BLOCKED, against
    groups = [_group_against(book, name, asked, doors) for name in tag.groups]
    if groups and all(groups):
        yield AuthStatus.BLOCKED, groups[0]
    if words := _used_up(tag, usage, doors, SPENT_WH):
        yield AuthStatus.BLOCKED, words
    elsewhere = sorted(usage.running - {asked.evse})
    if tag.at_once and len(elsewhere) >= tag.at_once:
        yield AuthStatus.CONCURRENT, f"the tag charges at {', '.join(elsewhere[:3])} already"


def _group_against(book: AccessBook, name: str, asked: Asked, doors: Doors) -> str:
    """Why a group does not let its members in; empty where it does."""
    closed = _closed(book, name)
    if closed:
        return f"the group {closed} is blocked"
    found = (_against(group.rule, f"the group {group.label}", asked, doors) for group in book.lineage(name))
    return next((words for words in found if words), "")


def _against(rule: Rule, what: str, asked: Asked, doors: Doors) -> str:
    if rule == ANYWHERE:
        return ""
    if not rule.holds_at(asked.evse):
        return f"{what} is not for {asked.evse}"
    if not rule.holds_on(asked.at, doors.zone):
        return f"{what} is for {' and '.join(hours_text(one) for one in rule.hours[:3])}"
    return ""


def _welcome(asked: Asked, doors: Doors, tag: Tag | None, usage: Usage) -> str:
    if tag is not None:
        return f"the tag {tag.label} is good"
    if usage.vehicle:
        return f"it is a tag of {usage.vehicle}"
    if usage.has_pass:
        return "somebody here starts it"
    if usage.guest is not None:
        return f"it is {usage.guest.label}"
    return f"everybody may charge at {asked.evse}"


def _used_up(tag: Tag, usage: Usage, doors: Doors, least_wh: float = 0.0) -> str:
    """Which budget of a tag is used up, in words; empty where at least something is left of each."""
    budget = tag.budget
    if budget is None:
        return ""
    if budget.energy_wh is not None and usage.spent_wh >= budget.energy_wh - least_wh:
        return f"its budget of {budget.energy_wh / 1000:g} kWh a {budget.period} is used up"
    if budget.cost_minor is not None and usage.spent_minor >= budget.cost_minor:
        return f"its budget of {major(budget.cost_minor, doors.currency)} {doors.currency} a {budget.period} is used up"
    return ""


def ends_now(asked: Asked, book: AccessBook, doors: Doors, usage: Usage) -> str:
    """Why a session that was admitted must end; empty while it may go on.

    It ends when its tag, person or group is blocked, or its budget is used up. Hours and validity say when one may
    begin: a car is not cut off because the office closes. Where everybody may charge only what is blocked ends.
    """
    tag = book.tag(asked.tag)
    if tag is None:
        return ""
    for _, words in _blocked(book, tag):
        return words
    if doors.mode_of(asked.evse) is AccessMode.FREE or usage.has_pass:
        return ""
    return _used_up(tag, usage, doors)
