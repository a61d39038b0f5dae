"""People, tags, groups, reservations and the waitlist as rows, and back."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, select

from ems.adapters.store.access_schema import last_number, person, reservation, tag, tag_group, waiting
from ems.adapters.store.batch import Row
from ems.adapters.store.moment import from_ms, to_ms
from ems.domain.access.book import AccessBook
from ems.domain.access.reservation import Reservation, Waiting
from ems.domain.access.tag import Budget, Group, Period, Person, Rule, Tag, hours_of, hours_text

log = logging.getLogger(__name__)

ACCESS_TABLES = (person, tag_group, tag, reservation, waiting, last_number)

T = TypeVar("T")


def access_rows(known: AccessBook) -> Iterator[tuple[Table, Row]]:
    """All rows of a book."""
    for who in known.people.values():
        yield person, {"id": who.id, "name": who.name, "cost_centre": who.cost_centre, "is_blocked": who.is_blocked}
    for group in known.groups.values():
        yield (
            tag_group,
            {
                "id": group.id,
                "name": group.name,
                "parent": group.parent,
                **_rule_row(group.rule),
                "is_blocked": group.is_blocked,
                "stop_tag": group.stop_tag,
            },
        )
    for one in known.tags.values():
        yield tag, _tag_row(one)
    for held in known.reservations.values():
        times = {"starts": to_ms(held.starts), "ends": to_ms(held.ends)}
        yield reservation, {"id": held.id, "evse": held.evse, "tag": held.tag, **times, "name": held.name}
    for waits in known.waiting:
        yield (
            waiting,
            {
                "id": waits.id,
                "tag": waits.tag,
                "since": to_ms(waits.since),
                "name": waits.name,
                "wishes": json.dumps(sorted(waits.wishes)),
                "evse": waits.evse,
                "until": None if waits.until is None else to_ms(waits.until),
            },
        )
    for table, number in ((reservation, known.last_reservation), (waiting, known.last_waiting)):
        if number:
            yield last_number, {"what": table.name, "number": number}


def read_access(connection: Connection) -> AccessBook:
    """The book as it was stored; a row that makes no sense is left out and named in the log, and so is what such a
    row is needed for: nobody gets in because something could not be read.
    """
    people = {one.id: one for one in _all(connection, person, _person_of)}
    groups = _sound({one.id: one for one in _all(connection, tag_group, _group_of)})
    tags = {}
    for one in _all(connection, tag, _tag_of):
        if (one.person is None or one.person in people) and set(one.groups) <= groups.keys():
            tags[one.key] = one
        else:
            log.warning("store.tag_unreadable tag=%r: its person or a group is missing", one.id)
    held = {one.id: one for one in _all(connection, reservation, _reservation_of)}
    waits = sorted(_all(connection, waiting, _waiting_of), key=lambda one: (one.since, one.id))
    given = dict(_all(connection, last_number, lambda row: (row.what, int(row.number))))
    last_held = given.get(reservation.name, max(held, default=0))
    last_waiting = given.get(waiting.name, max((one.id for one in waits), default=0))
    try:
        return AccessBook(people, groups, tags, held, tuple(waits), last_held, last_waiting)
    except ValueError as error:
        log.warning("store.access_unreadable %s", error)
        return AccessBook()


def _sound(groups: dict[str, Group]) -> dict[str, Group]:
    """Without groups whose parents are missing."""
    while lost := [one.id for one in groups.values() if one.parent is not None and one.parent not in groups]:
        for name in lost:
            log.warning("store.group_unreadable group=%r: the group around it is missing", name)
            del groups[name]
    return groups


def _all(connection: Connection, table: Table, read: Callable[[Any], T]) -> Iterable[T]:
    for row in connection.execute(select(table)).all():
        try:
            yield read(row)
        except (ValueError, TypeError, OverflowError) as error:
            log.warning("store.row_unreadable table=%s row=%.200r: %s", table.name, tuple(row), error)


def _tag_row(one: Tag) -> Row:
    return {
        "key": one.key,
        "id": one.id,
        "name": one.name,
        "person": one.person,
        "groups": json.dumps(one.groups),
        "valid_from": None if one.valid_from is None else to_ms(one.valid_from),
        "valid_to": None if one.valid_to is None else to_ms(one.valid_to),
        **_rule_row(one.rule),
        "budget_wh": None if one.budget is None else one.budget.energy_wh,
        "budget_period": None if one.budget is None else one.budget.period.value,
        "budget_minor": None if one.budget is None else one.budget.cost_minor,
        "service_class": one.service_class,
        "at_once": one.at_once,
        "is_blocked": one.is_blocked,
    }


def _rule_row(rule: Rule) -> Row:
    return {
        "places": json.dumps(sorted(rule.places)),
        "hours": json.dumps([hours_text(window) for window in rule.hours]),
    }


def _rule_of(row: Any) -> Rule:
    return Rule(frozenset(_texts(row.places)), hours_of(_texts(row.hours)))


def _person_of(row: Any) -> Person:
    return Person(row.id, row.name, row.cost_centre, bool(row.is_blocked))


def _group_of(row: Any) -> Group:
    return Group(row.id, row.name, row.parent, _rule_of(row), bool(row.is_blocked), row.stop_tag)


def _tag_of(row: Any) -> Tag:
    return Tag(
        id=row.id,
        name=row.name,
        person=row.person,
        groups=tuple(_texts(row.groups)),
        valid_from=None if row.valid_from is None else from_ms(row.valid_from),
        valid_to=None if row.valid_to is None else from_ms(row.valid_to),
        rule=_rule_of(row),
        budget=None
        if row.budget_period is None
        else Budget(row.budget_wh, Period(row.budget_period), row.budget_minor),
        service_class=row.service_class,
        at_once=row.at_once,
        is_blocked=bool(row.is_blocked),
    )


def _reservation_of(row: Any) -> Reservation:
    return Reservation(row.id, row.evse, row.tag, from_ms(row.starts), from_ms(row.ends), row.name)


def _waiting_of(row: Any) -> Waiting:
    until = None if row.until is None else from_ms(row.until)
    return Waiting(row.id, row.tag, from_ms(row.since), row.name, frozenset(_texts(row.wishes)), row.evse, until)


def _texts(text: str) -> list[str]:
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"expected a list of texts, got {text!r:.64}")
    return found
