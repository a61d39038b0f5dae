"""How the book of people, tags and reservations changes: one change after the other makes the next book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from ems.domain.access.book import AccessBook
from ems.domain.access.reservation import Left, Reservation, Waiting
from ems.domain.access.tag import Group, Person, Rule, Tag, tag_key
from ems.domain.site import Site
from ems.domain.unknown import UnknownError

KEPT = timedelta(days=1)
"""Reservations that are over stay for so long, for those who ask what was meant."""

AHEAD = timedelta(days=366)


class PersonKept(NamedTuple):
    """There is such a person, new or changed."""

    person: Person


class PersonRemoved(NamedTuple):
    """A person is gone; their tags stay, without anybody."""

    person: str


class GroupKept(NamedTuple):
    """There is such a group, new or changed."""

    group: Group


class GroupRemoved(NamedTuple):
    """A group is gone, in which nobody may be any more."""

    group: str


class TagsKept(NamedTuple):
    """There are such tags, new or changed; all of them or none. `people` who are not there yet come with them."""

    tags: tuple[Tag, ...]
    people: tuple[Person, ...] = ()


class TagRemoved(NamedTuple):
    """Nobody knows a tag any more."""

    tag: str


class Reserved(NamedTuple):
    """There is such a reservation, new or changed."""

    reservation: Reservation


class ReservationRemoved(NamedTuple):
    """A reservation is taken back."""

    reservation: int


class Waits(NamedTuple):
    """Somebody waits: they came, or their turn began or was put off."""

    waiting: Waiting


class WaitsNoMore(NamedTuple):
    """Somebody waits no more."""

    waiting: int
    why: Left = Left.GONE


AccessChange = (
    PersonKept
    | PersonRemoved
    | GroupKept
    | GroupRemoved
    | TagsKept
    | TagRemoved
    | Reserved
    | ReservationRemoved
    | Waits
    | WaitsNoMore
)
ACCESS_CHANGES = (
    PersonKept,
    PersonRemoved,
    GroupKept,
    GroupRemoved,
    TagsKept,
    TagRemoved,
    Reserved,
    ReservationRemoved,
    Waits,
    WaitsNoMore,
)


def changed_access(known: AccessBook, change: AccessChange, now: datetime) -> AccessBook:
    """The book after a change; reservations that are long over are left out.

    Raises UnknownError, or ValueError when the change contradicts what is known.
    """
    over = [one.id for one in known.reservations.values() if one.ends < now - KEPT]
    if over:
        known = replace(known, reservations={k: v for k, v in known.reservations.items() if k not in over})
    match change:
        case PersonKept(person):
            return replace(known, people={**known.people, person.id: person})
        case PersonRemoved(name):
            _must_be(known.people, name, "person")
            tags = {k: replace(t, person=None) if t.person == name else t for k, t in known.tags.items()}
            return replace(known, people=_without(known.people, name), tags=tags)
        case GroupKept(group):
            return replace(known, groups={**known.groups, group.id: group})
        case GroupRemoved(name):
            return _without_group(known, name)
        case TagsKept(tags, people):
            new = {person.id: person for person in people if person.id not in known.people}
            return replace(known, people={**known.people, **new}, tags={**known.tags, **{tag.key: tag for tag in tags}})
        case TagRemoved(text):
            _must_be(known.tags, tag_key(text), "tag", text)
            return replace(known, tags=_without(known.tags, tag_key(text)))
        case _:
            return _held(known, change, now)


def _held(known: AccessBook, change: AccessChange, now: datetime) -> AccessBook:
    match change:
        case Reserved(one):
            if one.id not in known.reservations and one.ends <= now:
                raise ValueError("the reservation is over already")
            if one.starts > now + AHEAD:
                raise ValueError("a reservation begins within a year")
            other = known.clash(one)
            if other is not None:
                raise ValueError(f"{one.evse} is reserved already, for {other.name or other.tag}; choose another time")
            last = known.last_reservation if one.id in known.reservations else one.id
            return replace(known, reservations={**known.reservations, one.id: one}, last_reservation=last)
        case ReservationRemoved(number):
            _must_be(known.reservations, number, "reservation")
            return replace(known, reservations=_without(known.reservations, number))
        case Waits(one):
            came = all(other.id != one.id for other in known.waiting)
            queue = _queue(known.waiting, one)
            return replace(known, waiting=queue, last_waiting=one.id if came else known.last_waiting)
        case WaitsNoMore(number):
            left = tuple(one for one in known.waiting if one.id != number)
            if len(left) == len(known.waiting):
                raise UnknownError(f"nobody waits under the number {number}")
            return replace(known, waiting=left)
    raise AssertionError(change)


def must_fit_access(site: Site, change: AccessChange) -> None:
    """Refuse what is about nothing on the site. Raises UnknownError."""
    evses = {evse.id for evse in site.evses}
    rules: tuple[Rule, ...] = ()
    named: set[str] = set()
    match change:
        case TagsKept(tags):
            rules = tuple(tag.rule for tag in tags)
        case GroupKept(group):
            rules = (group.rule,)
        case Reserved(one):
            named = {one.evse}
        case Waits(one):
            named = set(one.wishes)
    for name in sorted(named - evses):
        raise UnknownError(f"the site has no EVSE {name[:64]!r}")
    places = {place for rule in rules for place in rule.places} - evses - {station.id for station in site.stations}
    for name in sorted(places):
        raise UnknownError(f"the site has no EVSE and no station {name[:64]!r}")


def _queue(waiting: tuple[Waiting, ...], one: Waiting) -> tuple[Waiting, ...]:
    """In the order in which they came."""
    for other in waiting:
        if (other.id == one.id) != (tag_key(other.tag) == tag_key(one.tag)):
            raise ValueError(f"the tag {other.tag} waits already")
    if one.evse is not None and all(other.id != one.id for other in waiting):
        # Its turn was decided while it left.
        raise UnknownError(f"nobody waits under the number {one.id}")
    others = [other for other in waiting if other.id != one.id]
    return tuple(sorted((*others, one), key=lambda each: (each.since, each.id)))


def _without_group(known: AccessBook, name: str) -> AccessBook:
    _must_be(known.groups, name, "group")
    inside = [group.label for group in known.groups.values() if group.parent == name]
    inside += [tag.label for tag in known.tags.values() if name in tag.groups]
    if inside:
        # A tag without its last group may do more than before, so nobody falls out of one by accident.
        raise ValueError(f"{', '.join(inside[:3])} and others are in the group {name}; take them out first")
    return replace(known, groups=_without(known.groups, name))


_K = TypeVar("_K")
_V = TypeVar("_V")


def _must_be(known: Mapping[_K, object], key: _K, what: str, text: str = "") -> None:
    if key not in known:
        raise UnknownError(f"there is no {what} {text or key!r:.80}")


def _without(known: Mapping[_K, _V], key: _K) -> dict[_K, _V]:
    return {name: value for name, value in known.items() if name != key}
