"""Who may charge where: what the site says of its EVSEs, and the book of people, tags, groups and reservations."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ems.domain.access.reservation import Hold, Reservation, Waiting
from ems.domain.access.tag import MAX_TAG, Group, Holder, Person, Tag, spellings, tag_key

MAX_ENTRIES = {"tags": 10_000, "people": 10_000, "groups": 500, "reservations": 2_000, "people who wait": 500}
MAX_DEPTH = 8
"""Groups within groups."""

MOST_NUMBER = 999_999
"""Numbers begin anew after it; stations that are told of turns count those from a million on."""

CLAIM = timedelta(minutes=10)


class AccessMode(StrEnum):
    """Who may charge at an EVSE: everybody (free-vend), or known tags only."""

    FREE = "free"
    TAGS = "tags"


@dataclass(frozen=True, slots=True)
class Doors:
    """What the site says. `modes` by EVSE where it is not `mode`. `free_tag`: with it the controller itself starts a
    session at a free EVSE when a vehicle is plugged in, for stations that wait for a card (empty: it does not).
    `local_lists`: stations are told the tags that are good, for when they are offline. `claim`: how long an EVSE is
    kept for whose turn it is.
    """

    mode: AccessMode = AccessMode.FREE
    modes: Mapping[str, AccessMode] = field(default_factory=dict)
    free_tag: str = ""
    local_lists: bool = True
    claim: timedelta = CLAIM
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    currency: str = "EUR"

    def mode_of(self, evse: str) -> AccessMode:
        """Who may charge at an EVSE."""
        return self.modes.get(evse, self.mode)


@dataclass(frozen=True, slots=True)
class AccessBook:
    """People and groups by id, tags by `tag_key`, reservations by number; who waits, first come first; and the number
    that was given last, of each: a number stands on a ticket, so nobody else gets it soon after.

    Raises ValueError when something names what is not there, when groups go round in a circle, or beyond the bounds.
    """

    people: Mapping[str, Person] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    tags: Mapping[str, Tag] = field(default_factory=dict)
    reservations: Mapping[int, Reservation] = field(default_factory=dict)
    waiting: tuple[Waiting, ...] = ()
    last_reservation: int = 0
    last_waiting: int = 0
    _held: Mapping[str, Sequence[Reservation]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        kept: tuple[Sized, ...] = (self.tags, self.people, self.groups, self.reservations, self.waiting)
        for (what, most), entries in zip(MAX_ENTRIES.items(), kept, strict=True):
            if len(entries) > most:
                raise ValueError(f"at most {most} {what} are kept")
        for group in self.groups.values():
            self._must_be_a_tree(group)
        for tag in self.tags.values():
            if tag.person is not None and tag.person not in self.people:
                raise ValueError(f"tag {tag.id}: there is no person {tag.person!r}; add them first")
            for name in tag.groups:
                if name not in self.groups:
                    raise ValueError(f"tag {tag.id}: there is no group {name!r}; add it first")
        held: dict[str, list[Reservation]] = {}
        for one in self.reservations.values():
            held.setdefault(one.evse, []).append(one)
        object.__setattr__(self, "_held", held)

    @property
    def next_reservation(self) -> int:
        """The number of one that is to come."""
        return _number_after(self.last_reservation, self.reservations)

    @property
    def next_waiting(self) -> int:
        """The number of somebody who is to come."""
        return _number_after(self.last_waiting, {one.id for one in self.waiting})

    def tag(self, text: str) -> Tag | None:
        """The tag that somebody presents; None when nobody knows it."""
        return self.tags.get(tag_key(text))

    def alike(self, text: str) -> Tag | None:
        """A tag of the same card, if it is that, but written otherwise."""
        return next(filter(None, map(self.tag, spellings(text.strip()))), None)

    def holder(self, text: str) -> Holder | None:
        """Whose it is; None when nobody knows it."""
        tag = self.tag(text)
        if tag is None:
            return None
        person = None if tag.person is None else self.people[tag.person]
        return Holder(
            tag=tag.id,
            name=tag.label if person is None else person.label,
            person=tag.person,
            groups=tag.groups,
            cost_centre="" if person is None else person.cost_centre,
            service_class=tag.service_class,
        )

    def lineage(self, name: str) -> Iterator[Group]:
        """A group and those that it is in, from the inside outwards."""
        known: str | None = name
        while known is not None:
            group = self.groups[known]
            yield group
            known = group.parent

    def stop_tag(self, tag: Tag) -> str:
        """The tag whose holders may end its sessions, besides itself; empty where nobody else may."""
        found = (group.stop_tag for name in tag.groups for group in self.lineage(name))
        return next((one for one in found if one), "")[:MAX_TAG]

    def are_one(self, one: str, other: str) -> bool:
        """Whether two tags are the same, of the same person, or of a group whose members stand in for each other."""
        if tag_key(one) == tag_key(other):
            return True
        both = (self.tag(one), self.tag(other))
        if both[0] is None or both[1] is None:
            return False
        if both[0].person is not None and both[0].person == both[1].person:
            return True
        shared = self.stop_tag(both[0])
        return shared != "" and tag_key(shared) == tag_key(self.stop_tag(both[1]))

    def holds(self, evse: str, at: datetime) -> Iterator[Hold]:
        """Who has an EVSE for themselves at a moment."""
        for one in self._held.get(evse, ()):
            if one.holds_at(at):
                yield Hold(one.tag, one.ends, f"{evse} is reserved for {self._name(one.name, one.tag)}")
        for waits in self.waiting:
            if waits.holds(evse, at) and waits.until is not None:
                words = f"{evse} is kept for {self._name(waits.name, waits.tag)}, whose turn it is"
                yield Hold(waits.tag, waits.until, words)

    def is_held(self, evse: str, at: datetime) -> bool:
        """Whether somebody has an EVSE for themselves at a moment."""
        return next(self.holds(evse, at), None) is not None

    def clash(self, new: Reservation) -> Reservation | None:
        """Another reservation of the same EVSE at the same time."""
        others = (one for one in self._held.get(new.evse, ()) if one.id != new.id)
        return next((one for one in others if one.starts < new.ends and new.starts < one.ends), None)

    def _name(self, name: str, tag: str) -> str:
        holder = self.holder(tag)
        return name or ("somebody else" if holder is None else holder.name)

    def _must_be_a_tree(self, group: Group) -> None:
        seen = {group.id}
        known = group.parent
        while known is not None:
            if known not in self.groups:
                raise ValueError(f"group {group.id}: there is no group {known!r} that it could be in; add it first")
            if known in seen or len(seen) > MAX_DEPTH:
                raise ValueError(f"group {group.id} is in itself, or in more than {MAX_DEPTH} others")
            seen.add(known)
            known = self.groups[known].parent


def _number_after(last: int, taken: Container[int]) -> int:
    number = last % MOST_NUMBER + 1
    while number in taken:
        number = number % MOST_NUMBER + 1
    return number
