"""People, tags, groups, reservations and the waitlist as the interface shows them."""

from __future__ import annotations

from collections import Counter

from ems.adapters.web.access import shape
from ems.adapters.web.operations.rows import finding_rows_of, kilo
from ems.adapters.web.values import plain, time_of
from ems.domain.access.admission import Admission, Asked, Usage
from ems.domain.access.book import AccessBook
from ems.domain.access.card import Card
from ems.domain.access.local_list import ListState
from ems.domain.access.reservation import Reservation, Waiting
from ems.domain.access.tag import Budget, Group, Person, Tag, hours_text
from ems.domain.access.tag_list import TagList
from ems.domain.access.waitlist import place_of
from ems.domain.billing.money import major
from ems.domain.remote.outcome import Outcome


def person_row(book: AccessBook, one: Person) -> shape.PersonRow:
    """A person."""
    return {
        "id": one.id,
        "name": plain(one.name),
        "cost_centre": plain(one.cost_centre),
        "blocked": one.is_blocked,
        "tags": [tag.id for tag in book.tags.values() if tag.person == one.id],
    }


def people_rows(book: AccessBook) -> list[shape.PersonRow]:
    """All people, by id."""
    tags: dict[str, list[str]] = {}
    for tag in book.tags.values():
        if tag.person is not None:
            tags.setdefault(tag.person, []).append(tag.id)
    blank = AccessBook()
    found = (person_row(blank, book.people[name]) for name in sorted(book.people))
    return [{**row, "tags": sorted(tags.get(row["id"], []))} for row in found]


def group_row(book: AccessBook, one: Group) -> shape.GroupRow:
    """A group."""
    return _group_row(one, sum(1 for tag in book.tags.values() if one.id in tag.groups))


def group_rows(book: AccessBook) -> list[shape.GroupRow]:
    """All groups, by id."""
    members = Counter(name for tag in book.tags.values() for name in tag.groups)
    return [_group_row(book.groups[name], members[name]) for name in sorted(book.groups)]


def _group_row(one: Group, tags: int) -> shape.GroupRow:
    return {
        "id": one.id,
        "name": plain(one.name),
        "parent": one.parent,
        "places": sorted(one.rule.places),
        "hours": [hours_text(window) for window in one.rule.hours],
        "blocked": one.is_blocked,
        "stop_tag": one.stop_tag,
        "tags": tags,
    }


def searched(book: AccessBook, tag: Tag) -> str:
    """The words by which a tag is found."""
    person = "" if tag.person is None else f"{tag.person} {book.people[tag.person].name}"
    return f"{tag.id} {tag.name} {person} {' '.join(tag.groups)}".casefold()


def tag_row(one: Tag, spent: Usage, currency: str) -> shape.TagRow:
    """A tag with what was spent of its budget."""
    budget = one.budget or Budget()
    return {
        "id": one.id,
        "name": plain(one.name),
        "person": one.person,
        "groups": list(one.groups),
        "valid_from": None if one.valid_from is None else time_of(one.valid_from),
        "valid_to": None if one.valid_to is None else time_of(one.valid_to),
        "places": sorted(one.rule.places),
        "hours": [hours_text(window) for window in one.rule.hours],
        "budget_kwh": None if budget.energy_wh is None else kilo(budget.energy_wh),
        "budget_cost": None if budget.cost_minor is None else f"{major(budget.cost_minor, currency):f}",
        "budget_period": None if one.budget is None else budget.period.value,
        "spent_kwh": None if budget.energy_wh is None else kilo(spent.spent_wh),
        "spent_cost": None if budget.cost_minor is None else f"{major(spent.spent_minor, currency):f}",
        "priority": one.service_class,
        "at_once": one.at_once,
        "blocked": one.is_blocked,
    }


def check_row(asked: Asked, answer: Admission) -> shape.CheckRow:
    """Whether a tag may charge."""
    return {
        "tag": plain(asked.tag),
        "evse": asked.evse,
        "accepted": answer.is_accepted,
        "status": answer.status.value,
        "reason": plain(answer.reason),
        "left_kwh": None if answer.left_wh is None else kilo(answer.left_wh),
    }


def card_row(one: Card) -> shape.CardRow:
    """A tag that nobody knows."""
    return {
        "tag": plain(one.tag),
        "evse": one.evse,
        "at": time_of(one.at),
        "count": one.count,
        "alike": one.alike,
        "person": one.person,
    }


def listed_rows(told: TagList, known: AccessBook, applied: bool) -> shape.TagsListed:
    """What taking a list of tags changes, and what is to be said about it."""
    tags: list[shape.ListedTagRow] = [
        {"tag": tag.id, "kind": kind, "name": plain(tag.name), "person": tag.person} for tag, kind in told.kinds(known)
    ]
    return {
        "applied": applied,
        "refused": told.is_refused,
        **finding_rows_of(told.findings),
        "tags": tags,
    }


def reservation_row(one: Reservation, told: Outcome | None) -> shape.ReservationRow:
    """A reservation."""
    return {
        "id": one.id,
        "evse": one.evse,
        "tag": one.tag,
        "starts": time_of(one.starts),
        "ends": time_of(one.ends),
        "name": plain(one.name),
        "station": None if told is None else told.verdict.value,
    }


def waiting_row(book: AccessBook, one: Waiting) -> shape.WaitingRow:
    """Who waits."""
    return {
        "id": one.id,
        "tag": one.tag,
        "name": plain(one.name),
        "since": time_of(one.since),
        "wishes": sorted(one.wishes),
        "before": place_of(book, one.id),
        "evse": one.evse,
        "until": None if one.until is None else time_of(one.until),
    }


def list_row(station: str, one: ListState) -> shape.ListRow:
    """How far a station's list is."""
    return {
        "station": station,
        "state": one.step.value,
        "version": one.version,
        "tags": one.tags,
        "left_out": one.left_out,
        "detail": plain(one.detail),
    }
