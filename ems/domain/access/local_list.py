"""The tags that a station may accept by itself while it is offline (OCPP 1.6, section 3.5.2).

A list knows no hours and no budgets. So a tag stands there when it may charge at the station at any time; what it does
offline is judged when its start is reported, as any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ems.domain.access.book import AccessBook, AccessMode, Doors
from ems.domain.access.tag import MAX_TAG, Tag, tag_key
from ems.domain.remote.request import ListedTag, SendLocalList


class Step(StrEnum):
    """How far a station is with its list."""

    UNKNOWN = "not yet asked"
    NOT_NEEDED = "everybody may charge here"
    EMPTY = "no tag is good here yet"
    NOT_SUPPORTED = "the station keeps no list"
    IN_STEP = "in step"
    WAITS = "waits until nobody charges"
    SENDING = "being sent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ListState:
    """What is known of a station's list: its version, how many tags stand in it, how many did not fit."""

    step: Step = Step.UNKNOWN
    version: int | None = None
    tags: int = 0
    left_out: int = 0
    detail: str = ""


class Capacity(NamedTuple):
    """What a station takes: tags in all and in one message; None where it does not say."""

    tags: int | None = None
    each: int | None = None


def wanted(
    book: AccessBook, vehicle_tags: Collection[str], doors: Doors, evses: Sequence[str], now: datetime
) -> tuple[ListedTag, ...]:
    """The list of a station with these EVSEs, the most important first; empty where everybody may charge."""
    asked = [evse for evse in evses if doors.mode_of(evse) is AccessMode.TAGS]
    if not asked or not doors.local_lists:
        return ()
    good = [tag for tag in book.tags.values() if _is_good(book, tag, asked, now)]
    good.sort(key=lambda tag: (-(tag.service_class or 0), tag.key))
    listed = [ListedTag(tag.id, True, tag.valid_to, book.stop_tag(tag) or None) for tag in good]
    others = sorted({tag for tag in vehicle_tags if tag_key(tag) not in book.tags and len(tag) <= MAX_TAG})
    return (*listed, *(ListedTag(tag) for tag in others))


def _is_good(book: AccessBook, tag: Tag, evses: Sequence[str], now: datetime) -> bool:
    if tag.is_blocked or (tag.person is not None and book.people[tag.person].is_blocked):
        return False
    if (tag.valid_from is not None and now < tag.valid_from) or (tag.valid_to is not None and now >= tag.valid_to):
        return False
    return any(tag.rule.holds_at(evse) and _lets_in(book, tag, evse) for evse in evses)


def _lets_in(book: AccessBook, tag: Tag, evse: str) -> bool:
    def opens(name: str) -> bool:
        return all(not group.is_blocked and group.rule.holds_at(evse) for group in book.lineage(name))

    return not tag.groups or any(opens(name) for name in tag.groups)


def messages(
    known: Mapping[str, ListedTag] | None, new: Sequence[ListedTag], version: int, each: int
) -> Iterator[SendLocalList]:
    """What must be sent to a station that has `known` (None: nobody knows what) in `version`, at most `each` tags in
    one message. Every message raises the version: a station that missed one says so (section 6.41).
    """
    if known is None or 2 * len(_difference(known, new)) > max(len(new), each):
        yield SendLocalList(version + 1, tuple(new[:each]), whole=True)
        left, version = tuple(new[each:]), version + 1
    else:
        left = _difference(known, new)
    for number, first in enumerate(range(0, len(left), each), version + 1):
        yield SendLocalList(number, left[first : first + each], whole=False)


def _difference(known: Mapping[str, ListedTag], new: Sequence[ListedTag]) -> tuple[ListedTag, ...]:
    there = {tag.id_tag for tag in new}
    gone = (ListedTag(name, accepted=None) for name in known if name not in there)
    return (*gone, *(tag for tag in new if known.get(tag.id_tag) != tag))
