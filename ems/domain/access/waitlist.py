"""Whose turn it is when an EVSE becomes free: first come, first served, within a window."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from ems.domain.access.admission import Asked, authorise
from ems.domain.access.book import AccessBook, Doors
from ems.domain.access.change import Waits, WaitsNoMore
from ems.domain.access.reservation import Left, Waiting
from ems.domain.access.tag import tag_key


class Floor(NamedTuple):
    """What is to be seen at the EVSEs: which are free to plug into, which are out of order, and where tags (`tag_key`)
    charge now.
    """

    free: Sequence[str]
    broken: Container[str]
    charging: Mapping[str, str]


def next_turns(book: AccessBook, doors: Doors, floor: Floor, now: datetime) -> Iterator[Waits | WaitsNoMore]:
    """What changes on the waitlist: who is served or missed their turn leaves it, and who comes first of those for whom
    a free EVSE would do, and may charge there, gets it.

    A turn at an EVSE that is out of order begins anew elsewhere. Nobody is passed over for good: who cannot use what is
    free keeps their place.
    """
    waiting: list[Waiting] = []
    for one in book.waiting:
        if tag_key(one.tag) in floor.charging:
            yield WaitsNoMore(one.id, Left.SERVED)
        elif one.until is not None and one.until <= now:
            yield WaitsNoMore(one.id, Left.MISSED)
        elif one.evse in floor.broken:
            waiting.append(replace(one, evse=None, until=None))
            yield Waits(waiting[-1])
        else:
            waiting.append(one)
    given = {one.evse for one in waiting if one.evse is not None}
    free = [evse for evse in floor.free if evse not in given and _is_open(book, doors, evse, now)]
    for one in waiting:
        if one.evse is not None:
            continue
        fitting = next((evse for evse in free if one.wants(evse) and _may(book, doors, one, evse, now)), None)
        if fitting is not None:
            free.remove(fitting)
            yield Waits(replace(one, evse=fitting, until=now + doors.claim))


def place_of(book: AccessBook, number: int) -> int | None:
    """How many of those who wait come before them, for whom no EVSE is kept yet; None when it is their turn."""
    before = 0
    for one in book.waiting:
        if one.id == number:
            return before if one.evse is None else None
        before += one.evse is None
    return None


def _is_open(book: AccessBook, doors: Doors, evse: str, now: datetime) -> bool:
    """Nobody has it for themselves before a turn would be over."""
    ends = now + doors.claim
    soon = (one for one in book.reservations.values() if one.evse == evse and one.starts < ends and now < one.ends)
    return next(soon, None) is None


def _may(book: AccessBook, doors: Doors, one: Waiting, evse: str, now: datetime) -> bool:
    return authorise(Asked(one.tag, evse, now), book, doors).is_accepted
