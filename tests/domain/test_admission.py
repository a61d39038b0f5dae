"""Who may charge where and when, and what is said to whom who may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.access.admission import Asked, AuthStatus, Usage, authorise, ends_now
from ems.domain.access.book import AccessBook, AccessMode, Doors
from ems.domain.access.reservation import Reservation, Waiting
from ems.domain.access.tag import (
    Budget,
    Group,
    Period,
    Person,
    Rule,
    Tag,
    as_reported,
    hours_of,
    hours_text,
    period_begin,
    period_span,
    spellings,
    tag_key,
)

BERLIN = ZoneInfo("Europe/Berlin")
UNUSED = Usage()
NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
TAGS = Doors(AccessMode.TAGS, zone=BERLIN)
FREE = Doors(AccessMode.FREE, {"C/1": AccessMode.TAGS}, zone=BERLIN)
ADA = Person("ada", "Ada Lovelace", cost_centre="R&D")
CARD = Tag("04A1B2C3", "Ada's card", person="ada")
ACCEPTED, BLOCKED, EXPIRED, INVALID, CONCURRENT = AuthStatus


def book(*tags: Tag, groups: tuple[Group, ...] = (), **kept: object) -> AccessBook:
    people = {"ada": ADA, "bob": Person("bob", is_blocked=True)}
    return AccessBook(people, {g.id: g for g in groups}, {t.key: t for t in tags}, **kept)  # type: ignore[arg-type]  # what else the book holds


def said(known: AccessBook, tag: str = CARD.id, at: datetime = NOON, evse: str = "A/1", doors: Doors = TAGS,
         usage: Usage = UNUSED) -> tuple[AuthStatus, str]:  # fmt: skip
    answer = authorise(Asked(tag, evse, at), known, doors, usage)
    return answer.status, answer.reason


def rule(*places: str, hours: tuple[str, ...] = ()) -> Rule:
    return Rule(frozenset(places), hours_of(hours))


@pytest.mark.parametrize(
    ("tag", "status", "words"),
    [
        (CARD, ACCEPTED, "the tag Ada's card is good"),
        (replace(CARD, is_blocked=True), BLOCKED, "the tag Ada's card is blocked"),
        (replace(CARD, person="bob"), BLOCKED, "bob is blocked"),
        (replace(CARD, valid_from=NOON), ACCEPTED, ""),
        (replace(CARD, valid_from=NOON + timedelta(seconds=1)), INVALID, "good from 2026-03-10 12:00 on"),
        (replace(CARD, valid_to=NOON + timedelta(seconds=1)), ACCEPTED, ""),
        (replace(CARD, valid_to=NOON), EXPIRED, "good until 2026-03-10 12:00"),
        (replace(CARD, rule=rule("A/1")), ACCEPTED, ""),
        (replace(CARD, rule=rule("A")), ACCEPTED, ""),
        (replace(CARD, rule=rule("B", "A/2")), BLOCKED, "the tag is not for A/1"),
        (replace(CARD, rule=rule(hours=("Mon-Fri 08:00-18:00",))), ACCEPTED, ""),
        (replace(CARD, rule=rule(hours=("Sat,Sun 08:00-18:00",))), BLOCKED, "the tag is for Sat,Sun 08:00-18:00"),
        (replace(CARD, budget=Budget(10e3)), ACCEPTED, ""),
    ],
)
def test_a_known_tag_may_charge_within_what_was_said_of_it(tag: Tag, status: AuthStatus, words: str) -> None:
    found, reason = said(book(tag))
    assert (found, words in reason) == (status, True), reason


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("04:A1:B2:C3", ("04A1B2C3", "04 A1 B2 C3", "04-A1-B2-C3")),
        ("04a1b2c3", ("04 a1 b2 c3", "04:a1:b2:c3", "04-a1-b2-c3")),
        ("04 A1 B2 C3 D4 E5 F6", ("04A1B2C3D4E5F6", "04:A1:B2:C3:D4:E5:F6", "04-A1-B2-C3-D4-E5-F6")),
        ("0123456789ABCDEF0123", ()),
        ("04A1-B2C3", ()),
        ("04:A1-B2 C3", ()),
        ("DE-ABC-123456", ()),
        ("VID:00112233", ()),
        ("04:A1:B2", ()),
        ("", ()),
    ],
)
def test_the_number_of_a_card_has_other_spellings_and_anything_else_has_none(
    text: str, others: tuple[str, ...]
) -> None:
    assert spellings(text) == others
    assert as_reported(text) == (others[0] if others and text != "04a1b2c3" else "")


@pytest.mark.parametrize(("known", "shown"), [("04:A1:B2:C3", "04a1b2c3"), ("04A1B2C3", "04-A1-B2-C3")])
def test_another_spelling_of_a_card_opens_nothing_but_is_named_in_the_refusal(known: str, shown: str) -> None:
    found = said(book(replace(CARD, id=known)), shown)
    assert found == (INVALID, f"nobody knows this tag, but {known} is known")


@pytest.mark.parametrize(
    ("tag", "status", "words"),
    [
        ("04a1b2c3", ACCEPTED, "good"),
        (" 04A1B2C3 ", ACCEPTED, "good"),
        ("04A1B2C4", INVALID, "nobody knows this tag"),
        ("04A1B2", INVALID, "nobody knows"),
        ("*", INVALID, "nobody knows"),
        ("%", INVALID, "nobody knows"),
        ("", INVALID, "no tag was presented"),
        (" " * 20, INVALID, "no tag was presented"),
        ("' OR 1=1 --", INVALID, "nobody knows"),
        ("<script>alert(1)</script>", INVALID, "nobody knows"),
        ("{0.__class__}%s{{7*7}}", INVALID, "nobody knows"),
        ("\x00\x1b[2J\n", INVALID, "nobody knows"),
        ("\ud800", INVALID, "nobody knows"),
        ("०४A1B2C3", INVALID, "nobody knows"),
        ("04A1B2C3" + "\u200b", INVALID, "nobody knows"),
        ("A" * 100_000, INVALID, "nobody knows"),
    ],
)
def test_only_the_very_tag_is_known_whatever_is_sent(tag: str, status: AuthStatus, words: str) -> None:
    """P17: hostile tags are strangers, and a wildcard stands for nothing."""
    found, reason = said(book(CARD), tag)
    assert (found, words in reason) == (status, True), reason


def test_what_a_station_adds_behind_twenty_characters_does_not_count() -> None:
    long = Tag("VID:0123456789ABCDEF")
    assert said(book(long), "vid:0123456789abcdef\x7fgarbage;x=1")[0] is ACCEPTED


@pytest.mark.parametrize("text", ["", " A", "A ", "A" * 21, "A\n", "\x00", "A\u202e", "\ud800"])
def test_a_tag_that_no_station_can_send_is_not_kept(text: str) -> None:
    with pytest.raises(ValueError, match="printable characters"):
        Tag(text)


NIGHT = replace(CARD, rule=rule(hours=("Fri 22:00-06:00",)))


@pytest.mark.parametrize(
    ("local", "allowed"),
    [
        ("2026-03-13T21:59:59", False),
        ("2026-03-13T22:00:00", True),
        ("2026-03-14T00:30:00", True),
        ("2026-03-14T05:59:59", True),
        ("2026-03-14T06:00:00", False),
        ("2026-03-13T05:00:00", False),  # the morning after a Thursday
        ("2026-03-14T23:00:00", False),  # a Saturday night
    ],
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_began(local: str, allowed: bool) -> None:
    at = datetime.fromisoformat(local).replace(tzinfo=BERLIN).astimezone(UTC)
    assert (said(book(NIGHT), at=at)[0] is ACCEPTED) is allowed


@pytest.mark.parametrize(
    ("utc", "hours", "allowed"),
    [
        ("2026-03-29T00:59:00+00:00", "01:30-03:30", True),  # 01:59, a minute before the clock is set
        ("2026-03-29T01:00:00+00:00", "01:30-03:30", True),  # 03:00
        ("2026-03-29T01:30:00+00:00", "01:30-03:30", False),  # 03:30
        ("2026-03-29T01:00:00+00:00", "02:00-02:30", False),  # hours that the clock skips never come
        ("2026-10-25T00:15:00+00:00", "02:00-02:30", True),  # 02:15 in summer time
        ("2026-10-25T01:15:00+00:00", "02:00-02:30", True),  # and once more
        ("2026-10-25T00:45:00+00:00", "02:00-02:30", False),
        ("2026-10-25T02:00:00+00:00", "02:00-03:00", False),
    ],
)
def test_hours_follow_the_clock_on_the_wall_when_it_is_set(utc: str, hours: str, allowed: bool) -> None:
    tag = replace(CARD, rule=rule(hours=(hours,)))
    assert (said(book(tag), at=datetime.fromisoformat(utc))[0] is ACCEPTED) is allowed


ALL = Group("all", stop_tag="HOUSE")
DAY = Group("day", "Day shift", rule=rule(hours=("06:00-14:00",)))
YARD = Group("yard", "Yard", parent="day", rule=rule("B"))
SHUT = Group("shut", "Former staff", is_blocked=True)
INNER = Group("inner", parent="shut")


@pytest.mark.parametrize(
    ("groups", "evse", "status", "words"),
    [
        (("day",), "A/1", ACCEPTED, ""),
        (("yard",), "B/1", ACCEPTED, ""),
        (("yard",), "A/1", BLOCKED, "the group Yard is not for A/1"),
        (("yard", "all"), "A/1", ACCEPTED, ""),  # one group that allows it is enough
        (("shut",), "A/1", BLOCKED, "the group Former staff is blocked"),
        (("inner",), "A/1", BLOCKED, "the group Former staff is blocked"),
        (("shut", "day"), "A/1", ACCEPTED, ""),
        (("shut", "yard"), "A/1", BLOCKED, "Former staff is blocked"),
    ],
)
def test_a_group_and_those_around_it_forbid_what_they_forbid(
    groups: tuple[str, ...], evse: str, status: AuthStatus, words: str
) -> None:
    known = book(replace(CARD, groups=groups), groups=(ALL, DAY, YARD, SHUT, INNER))
    found, reason = said(known, evse=evse)
    assert (found, words in reason) == (status, True), reason


def test_the_hours_of_a_group_count_for_the_groups_in_it() -> None:
    known = book(replace(CARD, groups=("yard",)), groups=(DAY, YARD))
    assert said(known, evse="B/1", at=NOON + timedelta(hours=3)) == (BLOCKED, "the group Day shift is for 06:00-14:00")


def test_members_may_end_each_others_sessions_where_their_group_says_so() -> None:
    known = book(replace(CARD, groups=("yard",)), groups=(replace(DAY, stop_tag="SHIFT1"), YARD))
    assert authorise(Asked(CARD.id, "B/1", NOON), known, TAGS).stop_tag == "SHIFT1"
    assert authorise(Asked(CARD.id, "B/1", NOON), book(CARD), TAGS).stop_tag == ""


@pytest.mark.parametrize(
    ("spent_wh", "status"), [(0.0, ACCEPTED), (9_998.0, ACCEPTED), (9_999.5, BLOCKED), (10e3, BLOCKED), (1e6, BLOCKED)]
)
def test_a_budget_that_is_used_up_lets_nobody_begin(spent_wh: float, status: AuthStatus) -> None:
    known = book(replace(CARD, budget=Budget(10e3, Period.WEEK)))
    found, reason = said(known, usage=Usage(spent_wh=spent_wh))
    assert found is status
    if status is BLOCKED:
        assert reason == "its budget of 10 kWh a week is used up"


@pytest.mark.parametrize(("spent", "status"), [(0, ACCEPTED), (4_999, ACCEPTED), (5_000, BLOCKED), (9_999, BLOCKED)])
def test_a_budget_of_money_lets_nobody_begin_or_go_on_when_it_is_used_up(spent: int, status: AuthStatus) -> None:
    known = book(replace(CARD, budget=Budget(cost_minor=5_000)))
    usage = Usage(spent_wh=1e9, spent_minor=spent)
    found, reason = said(known, usage=usage)
    words = ends_now(Asked(CARD.id, "A/1", NOON), known, TAGS, usage)
    assert (found, words == "") == (status, status is ACCEPTED)
    if status is BLOCKED:
        assert reason == words == "its budget of 50.00 EUR a month is used up"


def test_a_session_ends_when_its_budget_is_used_up_or_its_holder_is_blocked_but_not_at_closing_time() -> None:
    def words(tag: Tag, spent_wh: float = 0.0, doors: Doors = TAGS) -> str:
        return ends_now(Asked(tag.id, "A/1", NOON), book(tag), doors, Usage(spent_wh=spent_wh))

    assert words(replace(CARD, budget=Budget(10e3)), 9_999.0) == ""
    assert words(replace(CARD, budget=Budget(10e3)), 10_000.0) == "its budget of 10 kWh a month is used up"
    assert words(replace(CARD, budget=Budget(10e3)), 10_000.0, FREE) == ""
    assert words(replace(CARD, is_blocked=True)) == "the tag Ada's card is blocked"
    assert words(replace(CARD, is_blocked=True), doors=FREE) == "the tag Ada's card is blocked"
    assert words(NIGHT) == ""
    assert words(replace(CARD, valid_to=NOON - timedelta(hours=1))) == ""


@pytest.mark.parametrize(
    ("running", "at_once", "status"),
    [
        (frozenset(), 1, ACCEPTED),
        (frozenset({"A/1"}), 1, ACCEPTED),  # a start that is told again, or after a stop that was lost
        (frozenset({"B/1"}), 1, CONCURRENT),
        (frozenset({"B/1"}), 2, ACCEPTED),
        (frozenset({"B/1", "B/2"}), 2, CONCURRENT),
        (frozenset({"B/1", "B/2"}), 0, ACCEPTED),
    ],
)
def test_a_tag_charges_at_so_many_places_at_once(running: frozenset[str], at_once: int, status: AuthStatus) -> None:
    found, reason = said(book(replace(CARD, at_once=at_once)), usage=Usage(running))
    assert found is status
    if status is CONCURRENT:
        assert reason.startswith("the tag charges at B/1")


def test_who_presents_a_tag_to_end_a_session_is_not_asked_for_hours_validity_budget_or_other_sessions() -> None:
    tag = replace(NIGHT, budget=Budget(1e3))
    over = replace(CARD, valid_to=NOON - timedelta(minutes=1))
    for one in (tag, over):
        answer = authorise(Asked(one.id, "A/1", NOON, starts=False), book(one), TAGS, Usage(frozenset({"A/1"}), 5e3))
        assert answer.is_accepted, answer.reason


@pytest.mark.parametrize(
    ("tag", "evse", "status"),
    [
        ("STRANGER", "A/1", ACCEPTED),
        ("", "A/1", ACCEPTED),
        (NIGHT.id, "A/1", ACCEPTED),  # where everybody may charge, so may who has hours elsewhere
        ("STRANGER", "C/1", INVALID),
    ],
)
def test_where_everybody_may_charge_no_card_is_asked_for(tag: str, evse: str, status: AuthStatus) -> None:
    assert said(book(NIGHT), tag, evse=evse, doors=FREE)[0] is status


def test_what_is_blocked_is_refused_even_where_everybody_may_charge() -> None:
    assert said(book(replace(CARD, is_blocked=True)), doors=FREE)[0] is BLOCKED


def test_a_tag_of_a_vehicle_is_known_and_a_card_of_its_own_says_more() -> None:
    usage = Usage(vehicle="Bus 17")
    assert said(book(), "VID:0011", usage=usage) == (ACCEPTED, "it is a tag of Bus 17")
    assert said(book(Tag("VID:0011", is_blocked=True)), "VID:0011", usage=usage)[0] is BLOCKED


def test_somebody_here_can_start_a_session_with_any_tag_that_is_not_blocked() -> None:
    usage = Usage(has_pass=True)
    assert said(book(), "VISITOR", usage=usage)[0] is ACCEPTED
    assert said(book(replace(CARD, is_blocked=True)), usage=usage)[0] is BLOCKED


HELD = Reservation(1, "A/1", CARD.id, NOON, NOON + timedelta(hours=1), "Ada")
OTHER = Tag("0B0B")
TWIN = Tag("ADA2", person="ada")


@pytest.mark.parametrize(
    ("tag", "at", "status"),
    [
        (CARD.id, NOON, ACCEPTED),
        (CARD.id.lower(), NOON, ACCEPTED),
        (TWIN.id, NOON, ACCEPTED),  # another card of the same person
        (OTHER.id, NOON - timedelta(seconds=1), ACCEPTED),
        (OTHER.id, NOON, INVALID),
        (OTHER.id, NOON + timedelta(minutes=59), INVALID),
        (OTHER.id, NOON + timedelta(hours=1), ACCEPTED),
    ],
)
@pytest.mark.parametrize("doors", [TAGS, FREE])
def test_a_reserved_evse_is_for_its_holder(tag: str, at: datetime, status: AuthStatus, doors: Doors) -> None:
    found, reason = said(book(CARD, OTHER, TWIN, reservations={1: HELD}), tag, at, doors=doors)
    assert found is status
    if status is INVALID:
        assert reason == "A/1 is reserved for Ada, until 2026-03-10 13:00"


def test_a_colleague_stands_in_where_the_group_says_so() -> None:
    crew = Group("crew", stop_tag="CREW")
    ours = tuple(replace(tag, groups=("crew",)) for tag in (CARD, OTHER))
    assert said(book(*ours, groups=(crew,), reservations={1: HELD}), OTHER.id)[0] is ACCEPTED


def test_an_evse_is_kept_for_whose_turn_it_is() -> None:
    turn = Waiting(1, CARD.id, NOON, evse="A/1", until=NOON + timedelta(minutes=10))
    known = book(CARD, OTHER, waiting=(turn,))
    assert said(known, OTHER.id) == (
        INVALID, "A/1 is kept for Ada Lovelace, whose turn it is, until 2026-03-10 12:10",
    )  # fmt: skip
    assert said(known)[0] is ACCEPTED
    assert said(known, OTHER.id, NOON + timedelta(minutes=10))[0] is ACCEPTED


@pytest.mark.parametrize(
    ("period", "begin"),
    [(Period.DAY, "2026-03-29T22:00"), (Period.WEEK, "2026-03-29T22:00"), (Period.MONTH, "2026-02-28T23:00")],
)
def test_a_period_begins_at_midnight_of_the_site(period: Period, begin: str) -> None:
    """A Monday, in the night after the clock was set."""
    now = datetime(2026, 3, 30, 1, 0, tzinfo=UTC)
    assert period_begin(period, now, BERLIN) == datetime.fromisoformat(begin).replace(tzinfo=UTC)
    began, ends = period_span(period, now, BERLIN)
    assert period_begin(period, ends - timedelta(seconds=1), BERLIN) == began
    assert period_begin(period, ends, BERLIN) == ends


@pytest.mark.parametrize(
    "text", ["Mon-Fri 06:00-22:00", "Mon,Wed-Fri,Sun 06:00-22:00", "22:00-06:00", "Sat,Sun 00:00-24:00", "00:00-24:00"]
)
def test_hours_are_shown_as_they_can_be_written(text: str) -> None:
    (window,) = hours_of((text,))
    assert hours_text(window) == text


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: book(replace(CARD, person="eve")), "there is no person 'eve'"),
        (lambda: book(replace(CARD, groups=("x",))), "there is no group 'x'"),
        (lambda: book(groups=(Group("a", parent="b"), Group("b", parent="a"))), "in itself"),
        (lambda: book(groups=(Group("a", parent="a"),)), "in itself"),
        (lambda: Tag("A", budget=Budget(0.0)), "block the tag"),
        (lambda: Tag("A", budget=Budget(float("nan"))), "finite"),
        (lambda: Tag("A", budget=Budget()), "of energy or of money"),
        (lambda: Tag("A", budget=Budget(cost_minor=0)), "block the tag"),
        (lambda: Tag("A", valid_from=NOON, valid_to=NOON), "after valid_from"),
        (lambda: Tag("A", at_once=-1), "at_once"),
        (lambda: Tag("A", name="=cmd|'\n"), "printable"),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@given(st.text(max_size=40), st.sampled_from([TAGS, FREE]), st.booleans())
def test_every_text_gets_an_answer_and_its_spelling_does_not_matter(text: str, doors: Doors, starts: bool) -> None:
    known = book(CARD, OTHER, reservations={1: HELD})
    answers = {
        authorise(Asked(each, "A/1", NOON, starts), known, doors).status
        for each in (text, tag_key(text), f" {text}")
        if tag_key(each) == tag_key(text)
    }
    assert len(answers) == 1
