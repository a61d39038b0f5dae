"""The porter answers from memory, remembers strangers, counts budgets, and ends what may not go on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ems.domain.access.book import AccessBook, AccessMode, Doors
from ems.domain.access.card import Card, TagCost, TagUse
from ems.domain.access.reservation import Reservation
from ems.domain.access.tag import Budget, Group, Period, Tag
from ems.domain.apply import apply
from ems.domain.events import Event, MeterValues, StationConnected, StatusChanged, TransactionEnded, TransactionStarted
from ems.domain.fleet import Fleet
from ems.domain.instant import Instant
from ems.domain.session import Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.domain.vehicle import Vehicle
from ems.runtime.porter import Porter
from ems.runtime.stranger_cards import MAX_CARDS
from tests.runtime.world import site

BEGIN = Instant(1000.0, datetime(2026, 3, 10, 11, 0, tzinfo=UTC))
DOORS = Doors(AccessMode.TAGS, zone=ZoneInfo("Europe/Berlin"), free_tag="FREE")


class Gatehouse:
    """A site of two stations, a porter, and time that moves when told to."""

    def __init__(self, *tags: Tag, doors: Doors = DOORS, groups: Iterable[Group] = (), **kept: object) -> None:
        self.now_ = BEGIN
        self.state = SiteState.initial(site())
        self.stopped: list[str] = []
        book = AccessBook({}, {g.id: g for g in groups}, {tag.key: tag for tag in tags}, **kept)  # type: ignore[arg-type]  # what else the book holds
        self.porter = Porter(book, Fleet(), doors, self, lambda: self.state, self.stopped.append)
        self.tell(*(StationConnected(name, self.now_, 1) for name in "AB"))

    def now(self) -> Instant:
        return self.now_

    def tell(self, *events: Event) -> None:
        for event in events:
            self.state = apply(self.state, event)
        self.porter.tick(events, self.state, self.now_.monotonic_s)

    def after(self, seconds: float) -> None:
        """Time passes, second by second."""
        for _ in range(round(seconds)):
            self.now_ = self.now_.later(1.0)
            self.porter.tick((), self.state, self.now_.monotonic_s)

    def start(self, evse: str, number: int, tag: str | None, at: datetime | None = None) -> bool:
        """A start as a station reports it; whether its tag is accepted."""
        register = self.state.evse(evse).register_wh or 0.0
        transaction = Transaction(number, at or self.now_.utc, register, tag)
        answer = self.porter.started(evse, transaction)
        self.tell(StatusChanged(evse, self.now_, EvseStatus.CHARGING), TransactionStarted(evse, self.now_, transaction))
        return answer.is_accepted

    def meter(self, evse: str, wh: float) -> None:
        self.tell(MeterValues(evse, self.now_.monotonic_s, register_wh=wh))

    def end(self, evse: str, number: int, wh: float | None) -> None:
        self.tell(TransactionEnded(evse, self.now_, number, wh, "Local", False))


CARD = Tag("CARD")


def test_a_session_with_a_refused_tag_runs_until_it_is_ended() -> None:
    house = Gatehouse(CARD)
    assert not house.start("A/1", 1, "STRANGER")
    assert house.state.evse("A/1").session is not None, "while current flows it counts"
    house.after(9)
    assert house.stopped == [], "the station may end it by itself"
    house.after(8)
    assert house.stopped == ["A/1"]
    assert [(one.evse, one.reason) for one in house.porter.endings] == [("A/1", "nobody knows this tag")]
    house.after(50)
    assert house.stopped == ["A/1"]
    house.after(15)
    assert house.stopped == ["A/1"] * 2, "one that does not end is told again"


def test_a_station_that_ends_a_refused_session_by_itself_is_left_alone() -> None:
    house = Gatehouse(CARD)
    house.start("A/1", 1, "STRANGER")
    house.after(3)
    house.end("A/1", 1, 0.0)
    house.after(120)
    assert (house.stopped, house.porter.endings) == ([], ())


def test_an_empty_tag_is_refused_where_one_is_needed_and_ended_too() -> None:
    house = Gatehouse(CARD)
    assert not house.start("A/1", 1, None)
    house.after(20)
    assert house.stopped == ["A/1"]


def test_what_a_station_had_begun_before_anybody_was_asked_goes_on() -> None:
    """Q92: it only names a transaction; whose it is nobody knows."""
    house = Gatehouse(CARD)
    house.tell(TransactionStarted("A/1", BEGIN, Transaction(5, BEGIN.utc, 0.0)))
    house.after(60)
    assert house.stopped == []


@pytest.mark.parametrize(("tag", "stopped"), [("OLD", []), ("VISITOR", []), ("LOST", ["A/1"])])
def test_after_a_restart_what_runs_goes_on_unless_it_is_blocked(tag: str, stopped: list[str]) -> None:
    """A visitor may have been started with a pass that nobody remembers."""
    old = Tag("OLD", valid_to=BEGIN.utc - timedelta(minutes=1))
    house = Gatehouse(old, Tag("LOST", is_blocked=True))
    began = BEGIN.utc - timedelta(hours=1)
    house.tell(TransactionStarted("A/1", BEGIN, Transaction(5, began, 0.0, tag)))
    house.after(30)
    assert house.stopped == stopped


def test_a_start_that_was_kept_while_offline_is_judged_by_its_own_time() -> None:
    house = Gatehouse(replace(CARD, valid_to=BEGIN.utc - timedelta(minutes=1)))
    assert house.start("A/1", 1, "CARD", at=BEGIN.utc - timedelta(hours=1))
    assert not house.start("B/1", 2, "CARD")


def test_a_tag_that_charges_elsewhere_is_told_so_at_the_start_but_not_before() -> None:
    house = Gatehouse(CARD)
    assert house.start("A/1", 1, "CARD")
    assert house.porter.authorise("B", "CARD").is_accepted
    assert house.porter.started("B/1", Transaction(2, BEGIN.utc, 0.0, "card")).status == "ConcurrentTx"


def test_two_starts_in_the_same_second_are_not_both_accepted() -> None:
    house = Gatehouse(CARD)
    assert house.porter.started("A/1", Transaction(1, BEGIN.utc, 0.0, "CARD")).is_accepted
    assert not house.porter.started("B/1", Transaction(2, BEGIN.utc, 0.0, "CARD")).is_accepted


def test_a_start_that_is_told_again_gets_the_same_answer() -> None:
    house = Gatehouse(CARD)
    told = [house.porter.started("A/1", Transaction(1, BEGIN.utc, 0.0, "CARD")).status for _ in range(3)]
    assert told == ["Accepted"] * 3


def test_a_start_that_is_told_again_when_it_is_over_keeps_nobody_from_charging_elsewhere() -> None:
    """Q88: stations repeat what they could not tell before they lost their link."""
    house = Gatehouse(CARD)
    house.start("A/1", 1, "CARD")
    house.after(20)
    house.end("A/1", 1, 5e3)
    assert house.porter.started("A/1", Transaction(1, BEGIN.utc, 0.0, "CARD")).is_accepted
    assert house.start("B/1", 2, "CARD")


def test_the_tag_that_began_a_session_or_a_colleague_may_end_it_at_any_hour() -> None:
    crew = Group("crew", stop_tag="CREW")
    late = replace(CARD, groups=("crew",), budget=Budget(1000.0))
    house = Gatehouse(late, Tag("MATE", groups=("crew",)), groups=(crew,))
    house.start("A/1", 1, "CARD")
    house.meter("A/1", 999.9)
    house.after(6)
    told = house.porter.authorise("A", "CARD")
    assert (told.is_accepted, told.stop_tag) == (True, "CREW")
    assert not house.porter.authorise("B", "CARD").is_accepted, "its budget is used up"


def test_a_budget_that_is_used_up_ends_the_session_and_lets_no_other_begin() -> None:
    house = Gatehouse(replace(CARD, budget=Budget(10e3, Period.DAY)))
    assert house.start("A/1", 1, "CARD")
    house.meter("A/1", 6e3)
    house.after(30)
    house.end("A/1", 1, 6e3)
    assert house.start("A/1", 2, "CARD")
    house.meter("A/1", 9_990.0)
    house.after(60)
    assert house.stopped == []
    house.meter("A/1", 10_000.0)
    house.after(30)
    assert house.stopped == ["A/1"]
    house.end("A/1", 2, 4_100.0)
    assert not house.start("A/1", 3, "CARD")
    house.end("A/1", 3, 0.0)
    house.now_ = house.now_.later(13 * 3600.0)
    assert house.start("A/1", 4, "CARD"), "the next day the budget is whole again"


def test_a_budget_of_money_counts_what_the_till_says() -> None:
    house = Gatehouse(replace(CARD, budget=Budget(cost_minor=1_000)))
    cost = 600
    house.porter.cost_of = lambda _: cost
    before = TagCost("A/1@20260309T110000Z", "card", BEGIN.utc - timedelta(days=1), 390)
    house.porter.remember((), (), [before])
    assert house.start("A/1", 1, "CARD")
    house.after(30)
    assert (house.porter.spent("CARD", house.now_.utc).spent_minor, house.stopped) == (990, [])
    cost = 610
    house.after(20)
    assert house.stopped == ["A/1"]
    house.end("A/1", 1, 5e3)
    assert not house.start("B/1", 2, "CARD")


def test_a_budget_is_of_the_period_in_which_the_card_began_whenever_the_vehicle_came() -> None:
    """It was plugged in before midnight, and the card held up after that."""
    house = Gatehouse(replace(CARD, budget=Budget(period=Period.DAY, cost_minor=1_000)))
    house.porter.cost_of = lambda _: 1_000
    house.tell(StatusChanged("A/1", house.now_, EvseStatus.PREPARING))
    house.now_ = house.now_.later(13 * 3600.0)
    assert house.start("A/1", 1, "CARD")
    house.after(20)
    assert house.stopped == ["A/1"]


def test_what_is_charged_after_midnight_ends_no_session_of_the_day_before() -> None:
    house = Gatehouse(replace(CARD, budget=Budget(10e3, Period.DAY, 1_000), at_once=2))
    costs = {"A/1": 600, "B/1": 600}
    house.porter.cost_of = lambda evse: costs[evse]
    assert house.start("A/1", 1, "CARD")
    house.meter("A/1", 6e3)
    house.now_ = house.now_.later(13 * 3600.0)
    assert house.start("B/1", 2, "CARD")
    house.meter("B/1", 6e3)
    house.after(30)
    assert house.stopped == []
    house.meter("B/1", 10e3)
    house.after(30)
    assert house.stopped == ["B/1"]


def test_what_was_taken_before_a_restart_counts_for_the_budget() -> None:
    house = Gatehouse(replace(CARD, budget=Budget(10e3)))
    begun = BEGIN.utc - timedelta(days=3)
    house.porter.remember([TagUse(1, "card", begun, 9_999.9), TagUse(2, "OTHER", begun, 5e6)], ())
    assert not house.porter.authorise("A", "CARD").is_accepted


def test_blocking_a_tag_ends_its_session_and_unblocking_in_time_does_not() -> None:
    house = Gatehouse(CARD)
    house.start("A/1", 1, "CARD")
    house.porter.book = AccessBook(tags={"card": replace(CARD, is_blocked=True)})
    house.after(5)
    house.porter.book = AccessBook(tags={"card": CARD})
    house.after(60)
    assert house.stopped == []
    house.porter.book = AccessBook(tags={"card": replace(CARD, is_blocked=True)})
    house.after(12)
    assert house.stopped == ["A/1"]


def test_a_card_that_nobody_knows_is_remembered_until_it_is_adopted() -> None:
    house = Gatehouse(CARD)
    house.porter.authorise("A", "stranger1")
    house.after(5)
    house.start("B/1", 1, "STRANGER1")
    assert list(house.porter.cards.all()) == [Card("STRANGER1", "B/1", house.now_.utc, 2)]
    assert [card.count for card in house.porter.cards.newly_presented()] == [2]
    assert house.porter.cards.newly_presented() == ()
    house.porter.book = AccessBook(tags={"stranger1": Tag("Stranger1")})
    assert list(house.porter.cards.all()) == []
    assert house.porter.authorise("A", "STRANGER1").is_accepted


def test_no_crowd_of_strangers_fills_the_memory() -> None:
    house = Gatehouse(doors=Doors())
    for number in range(10 * MAX_CARDS):
        house.porter.authorise("A", f"X{number}")
    assert len(house.porter.cards.all()) == MAX_CARDS
    assert len(house.porter.cards.newly_presented()) == MAX_CARDS
    assert house.porter.cards.all()[0].tag == f"X{10 * MAX_CARDS - 1}"


@pytest.mark.parametrize("tag", ["CARD", "FREE", "", "   "])
def test_who_is_known_or_nobody_is_no_stranger(tag: str) -> None:
    house = Gatehouse(CARD)
    house.porter.authorise("A", tag)
    assert house.porter.cards.all() == ()


def test_a_tag_of_a_vehicle_is_good_and_no_stranger() -> None:
    house = Gatehouse()
    house.porter.authorise("A", "VID:01")
    house.porter.fleet = Fleet({"Bus 17": Vehicle("Bus 17", id_tags=("vid:01",))})
    assert house.porter.cards.all() == ()
    assert house.start("A/1", 1, "VID:01")


def test_a_pass_lets_a_visitor_begin_there_and_only_for_a_while() -> None:
    house = Gatehouse(reservations={1: Reservation(1, "A/1", "CARD", BEGIN.utc, BEGIN.utc + timedelta(hours=1))})
    house.porter.admit("VISITOR", "A/1", BEGIN.utc + timedelta(minutes=2))
    assert not house.porter.started("B/1", Transaction(1, BEGIN.utc, 0.0, "VISITOR")).is_accepted
    assert house.start("A/1", 2, "VISITOR")
    house.after(300)
    assert house.stopped == [], "a session that began with a pass goes on when the pass is over"
    assert not house.porter.started("A/1", Transaction(3, house.now_.utc, 0.0, "VISITOR")).is_accepted


def test_a_station_that_is_not_of_the_site_lets_nobody_charge() -> None:
    assert not Gatehouse(CARD).porter.authorise("Z", "CARD").is_accepted
