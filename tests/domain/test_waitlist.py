"""Whose turn it is, and how the book of tags and reservations changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.access.book import AccessBook, AccessMode, Doors
from ems.domain.access.change import (
    AccessChange,
    GroupKept,
    GroupRemoved,
    PersonKept,
    PersonRemoved,
    ReservationRemoved,
    Reserved,
    TagRemoved,
    TagsKept,
    Waits,
    WaitsNoMore,
    changed_access,
)
from ems.domain.access.reservation import Left, Reservation, Waiting
from ems.domain.access.tag import Group, Person, Rule, Tag
from ems.domain.access.waitlist import Floor, next_turns, place_of
from ems.domain.unknown import UnknownError

NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
DOORS = Doors(AccessMode.TAGS)
HOUR = timedelta(hours=1)


def waiting(number: int, *wishes: str) -> Waiting:
    return Waiting(number, f"T{number}", NOON - timedelta(minutes=60 - number), wishes=frozenset(wishes))


def book(*people: Waiting, **kept: object) -> AccessBook:
    tags = {f"t{n}": Tag(f"T{n}") for n in range(9)}
    return AccessBook(tags=tags, waiting=people, **kept)  # type: ignore[arg-type]  # what else the book holds


def turns(known: AccessBook, *free: str, now: datetime = NOON, broken: str = "", charging: str = "") -> list[object]:
    """(number, EVSE) of who gets one, (number, why) of who leaves."""
    floor = Floor(free, {broken}, {charging: "X/1"} if charging else {})
    told = next_turns(known, DOORS, floor, now)
    return [
        (change.waiting.id, change.waiting.evse) if isinstance(change, Waits) else (change.waiting, change.why)
        for change in told
    ]


def test_who_came_first_gets_what_becomes_free_for_a_while() -> None:
    known = book(waiting(1), waiting(2), waiting(3))
    assert turns(known) == []
    assert turns(known, "A/1") == [(1, "A/1")]
    assert turns(known, "A/1", "B/1") == [(1, "A/1"), (2, "B/1")]
    (told,) = next_turns(known, DOORS, Floor(["A/1"], (), {}), NOON)
    assert isinstance(told, Waits)
    assert told.waiting.until == NOON + timedelta(minutes=10)


def test_who_wants_another_evse_keeps_the_place() -> None:
    known = book(waiting(1, "B/1"), waiting(2))
    assert turns(known, "A/1") == [(2, "A/1")]
    assert place_of(known, 1) == 0
    assert turns(known, "A/1", "B/1") == [(1, "B/1"), (2, "A/1")]


def test_a_turn_is_kept_then_missed_then_the_next_one_s() -> None:
    mine = replace(waiting(1), evse="A/1", until=NOON + timedelta(minutes=10))
    known = book(mine, waiting(2))
    assert turns(known, "A/1") == []
    assert (place_of(known, 1), place_of(known, 2), place_of(known, 3)) == (None, 0, None)
    assert turns(known, "A/1", now=NOON + timedelta(minutes=10)) == [(1, Left.MISSED), (2, "A/1")]


def test_who_charges_waits_no_more() -> None:
    mine = replace(waiting(1), evse="A/1", until=NOON + timedelta(minutes=10))
    assert turns(book(mine), charging="t1") == [(1, Left.SERVED)]
    assert turns(book(waiting(1)), charging="t1") == [(1, Left.SERVED)]


def test_a_turn_at_an_evse_that_breaks_begins_anew_elsewhere() -> None:
    mine = replace(waiting(1), evse="A/1", until=NOON + timedelta(minutes=10))
    assert turns(book(mine, waiting(2)), "B/1", broken="A/1") == [(1, None), (1, "B/1")]


def test_a_free_evse_that_is_reserved_soon_is_nobodys_turn() -> None:
    soon = Reservation(1, "A/1", "T7", NOON + timedelta(minutes=5), NOON + HOUR)
    assert turns(book(waiting(1), reservations={1: soon}), "A/1") == []
    later = replace(soon, starts=NOON + timedelta(minutes=10))
    assert turns(book(waiting(1), reservations={1: later}), "A/1") == [(1, "A/1")]


def test_who_may_not_charge_there_does_not_hold_up_the_others() -> None:
    stranger = replace(waiting(1), tag="STRANGER")
    assert turns(book(stranger, waiting(2)), "A/1") == [(2, "A/1")]


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(["A/1", "B/1", "C/1"])), st.sampled_from([None, "A/1", "B/1"])), max_size=6
    ),
    st.lists(st.sampled_from(["A/1", "B/1", "C/1"]), unique=True),
)
def test_no_evse_is_given_twice_and_nobody_who_came_later_is_preferred(
    people: list[tuple[set[str], str | None]], free: list[str]
) -> None:
    taken: set[str] = set()
    known = []
    for number, (wishes, evse) in enumerate(people):
        one = waiting(number, *wishes)
        if evse is not None and evse not in taken:
            taken.add(evse)
            one = replace(one, evse=evse, until=NOON + HOUR)
        known.append(one)
    before = book(*known)
    after = before
    for change in next_turns(before, DOORS, Floor(free, (), {}), NOON):
        after = changed_access(after, change, NOON)
    held = [one.evse for one in after.waiting if one.evse is not None]
    assert len(held) == len(set(held))
    left = set(free) - set(held)
    for one in after.waiting:
        assert one.evse is not None or not any(one.wants(evse) for evse in left)
    new = {one.id: one.evse for one in after.waiting if one not in before.waiting}
    for one in after.waiting:
        if one.evse is None:
            assert not any(one.wants(evse or "") for number, evse in new.items() if number > one.id)


ADA = Person("ada")
KNOWN = AccessBook(
    {"ada": ADA},
    {"crew": Group("crew"), "night": Group("night", parent="crew")},
    {"a1": Tag("A1", person="ada", groups=("night",))},
    {1: Reservation(1, "A/1", "A1", NOON, NOON + HOUR)},
)


def test_a_person_who_goes_leaves_the_tags_without_anybody() -> None:
    assert changed_access(KNOWN, PersonRemoved("ada"), NOON).tags["a1"].person is None


def test_tags_come_all_together_with_people_who_are_new() -> None:
    change = TagsKept((Tag("B2", person="bob"), Tag("A1", name="new")), (Person("bob"), Person("ada", "another")))
    after = changed_access(KNOWN, change, NOON)
    assert (after.tags["b2"].person, after.tags["a1"].name, after.people["ada"].name) == ("bob", "new", "")


def test_the_spelling_of_a_tag_may_change_but_it_stays_the_same_tag() -> None:
    after = changed_access(KNOWN, TagsKept((Tag("a1"),)), NOON)
    assert [tag.id for tag in after.tags.values()] == ["a1"]


def test_reservations_that_are_long_over_are_forgotten_with_the_next_change() -> None:
    after = changed_access(KNOWN, PersonKept(Person("eve")), NOON + HOUR + timedelta(days=1, seconds=1))
    assert after.reservations == {}
    assert changed_access(KNOWN, PersonKept(Person("eve")), NOON + HOUR).reservations == KNOWN.reservations


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (PersonRemoved("eve"), UnknownError, "no person 'eve'"),
        (TagRemoved("zz"), UnknownError, "no tag 'zz'"),
        (GroupRemoved("x"), UnknownError, "no group 'x'"),
        (ReservationRemoved(9), UnknownError, "no reservation 9"),
        (WaitsNoMore(9), UnknownError, "number 9"),
        (GroupRemoved("night"), ValueError, "A1 and others are in the group night"),
        (GroupRemoved("crew"), ValueError, "night and others are in the group crew"),
        (GroupKept(Group("crew", parent="night")), ValueError, "in itself"),
        (TagsKept((Tag("C3", person="eve"),)), ValueError, "there is no person 'eve'"),
        (Reserved(Reservation(2, "A/1", "B", NOON - HOUR, NOON)), ValueError, "over already"),
        (
            Reserved(Reservation(2, "A/1", "B", NOON + HOUR / 2, NOON + 2 * HOUR)),
            ValueError,
            "reserved already, for A1",
        ),
        (Reserved(Reservation(2, "A/1", "B", NOON + 400 * 24 * HOUR, NOON + 401 * 24 * HOUR)), ValueError, "a year"),
    ],
)
def test_a_change_that_cannot_be_says_why(change: AccessChange, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        changed_access(KNOWN, change, NOON)


def test_reservations_may_touch_and_be_moved() -> None:
    after = changed_access(KNOWN, Reserved(Reservation(2, "A/1", "B", NOON + HOUR, NOON + 2 * HOUR)), NOON)
    moved = changed_access(after, Reserved(replace(after.reservations[2], ends=NOON + 3 * HOUR)), NOON)
    assert moved.reservations[2].ends == NOON + 3 * HOUR


def test_nobody_waits_twice() -> None:
    known = changed_access(KNOWN, Waits(Waiting(1, "A1", NOON)), NOON)
    with pytest.raises(ValueError, match="waits already"):
        changed_access(known, Waits(Waiting(2, "a1", NOON)), NOON)


def test_a_rule_is_bounded() -> None:
    with pytest.raises(ValueError, match="use groups"):
        Rule(frozenset(str(n) for n in range(501)))


def test_a_turn_that_was_decided_while_somebody_left_is_nobodys() -> None:
    turn = Waits(replace(waiting(1), evse="A/1", until=NOON + timedelta(minutes=10)))
    with pytest.raises(UnknownError, match="nobody waits under the number 1"):
        changed_access(book(waiting(2)), turn, NOON)
    newcomer = replace(waiting(3), id=1)
    with pytest.raises(ValueError, match="the tag T3 waits already"):
        changed_access(book(newcomer), turn, NOON)


def test_a_number_on_a_ticket_is_nobody_elses_after_its_holder_left() -> None:
    known = KNOWN
    given = []
    for tag in "ABC":
        given.append(known.next_waiting)
        known = changed_access(known, Waits(Waiting(known.next_waiting, tag, NOON)), NOON)
        known = changed_access(known, WaitsNoMore(given[-1]), NOON)
    assert given == [1, 2, 3]
    with pytest.raises(UnknownError, match="nobody waits under the number 2"):
        changed_access(known, WaitsNoMore(2), NOON)


def test_a_turn_takes_no_new_number() -> None:
    known = changed_access(AccessBook(), Waits(Waiting(1, "A", NOON)), NOON)
    known = changed_access(known, Waits(Waiting(2, "B", NOON)), NOON)
    known = changed_access(known, Waits(Waiting(1, "A", NOON, evse="A/1", until=NOON + HOUR)), NOON)
    assert known.next_waiting == 3


def test_a_reservation_that_was_taken_back_leaves_its_number_to_nobody() -> None:
    known = AccessBook()
    given = []
    for _ in range(3):
        given.append(known.next_reservation)
        held = Reservation(known.next_reservation, "A/1", "A", NOON, NOON + HOUR)
        known = changed_access(known, Reserved(held), NOON)
        known = changed_access(known, Reserved(replace(held, ends=NOON + 2 * HOUR)), NOON)
        known = changed_access(known, ReservationRemoved(held.id), NOON)
    assert given == [1, 2, 3]


@pytest.mark.parametrize(
    ("last", "taken", "number"), [(0, (), 1), (7, (8, 9), 10), (999_998, (), 999_999), (999_999, (1,), 2)]
)
def test_numbers_begin_anew_after_six_digits_and_pass_over_those_in_use(
    last: int, taken: tuple[int, ...], number: int
) -> None:
    known = AccessBook(waiting=tuple(waiting(one) for one in taken), last_waiting=last)
    assert known.next_waiting == number
    held = {one: Reservation(one, f"A/{one}", "A", NOON, NOON + HOUR) for one in taken}
    assert AccessBook(reservations=held, last_reservation=last).next_reservation == number
