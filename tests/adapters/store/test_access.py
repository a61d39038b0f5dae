"""People, tags, reservations and the waitlist outlive a restart; so do strange cards, budgets and lists."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ems.adapters.store.cards import KEPT_CARDS
from ems.adapters.store.recovery import Recovered
from ems.adapters.store.store import Store
from ems.domain.access.book import AccessBook
from ems.domain.access.card import Card, TagCost, TagUse
from ems.domain.access.reservation import Reservation, Waiting
from ems.domain.access.tag import Budget, Group, Holder, Period, Person, Rule, Tag, hours_of
from ems.domain.daybook import Daybook
from ems.domain.session import Session, Transaction
from tests.adapters.store.clocks import BEGIN, HandClock

NOW = BEGIN.utc
HOUR = timedelta(hours=1)
NASTY = "=cmd|'/c calc'!A1"
"""A name that is a formula to a spreadsheet is a name."""

BOOK = AccessBook(
    {"ada": Person("ada", "Ada 😀 Lovelace", "R&D", is_blocked=True), "x": Person("x", NASTY)},
    {
        "crew": Group("crew", stop_tag="CREW"),
        "night": Group("night", "Night", "crew", Rule(hours=hours_of(("22:00-06:00",)))),
    },
    {
        "04a1": Tag(
            "04A1", "Ada's card", "ada", ("night", "crew"), NOW, NOW + HOUR, Rule(frozenset({"CP-01", "CP-02/1"})),
            Budget(12_345.5, Period.WEEK, 99), -3, 0, is_blocked=True,
        ),
        "'; drop table --": Tag("'; DROP TABLE --"),
    },
    {7: Reservation(7, "CP-01/1", "04A1", NOW, NOW + HOUR, "Ada")},
    (
        Waiting(1, "04A1", NOW, "Ada", frozenset({"CP-01/1"})),
        Waiting(2, "B", NOW + HOUR, evse="CP-01/1", until=NOW + HOUR),
    ),
    last_reservation=9, last_waiting=12,
)  # fmt: skip


def kept(where: str | Path, clock: HandClock, *books: AccessBook) -> Recovered:
    """One book after the other is stored; what the next run finds."""
    store = Store(where, clock)
    known = store.open().daybook
    for book in books:
        after = replace(known, access=book)
        asyncio.run(store.daybook.keep(known, after, NOW, "somebody", "TagsKept"))
        known = after
    store.close()
    again = Store(where, clock)
    found = again.open()
    again.close()
    return found


def test_a_book_is_there_again_after_a_restart(nothing: str | Path, clock: HandClock) -> None:
    assert kept(nothing, clock, BOOK).daybook == Daybook(access=BOOK)


def test_what_is_taken_out_is_gone(nothing: str | Path, clock: HandClock) -> None:
    less = AccessBook(groups={"crew": BOOK.groups["crew"]})
    assert kept(nothing, clock, BOOK, less).daybook.access == less


def test_where_no_number_was_noted_the_highest_in_use_is_the_last(tmp_path: Path, clock: HandClock) -> None:
    where = tmp_path / "ems.db"
    found = kept(where, clock, replace(BOOK, last_reservation=0, last_waiting=0)).daybook.access
    assert (found.next_reservation, found.next_waiting) == (8, 3)


@pytest.mark.parametrize(
    ("spoilt", "left"),
    [
        ("UPDATE tag SET budget_period = 'year' WHERE id = '04A1'", {"'; drop table --"}),
        ("UPDATE tag SET groups = '{}' WHERE id = '04A1'", {"'; drop table --"}),
        ("UPDATE tag SET id = '' WHERE id = '04A1'", {"'; drop table --"}),
        ("DELETE FROM person", {"'; drop table --"}),
        ("DELETE FROM tag_group WHERE id = 'crew'", {"'; drop table --"}),
        ("UPDATE tag_group SET hours = 'x'", {"'; drop table --"}),
    ],
)
def test_a_row_that_makes_no_sense_lets_nobody_in_and_spoils_nothing_else(
    tmp_path: Path, clock: HandClock, spoilt: str, left: set[str]
) -> None:
    """A tag whose group cannot be read is no tag without limits."""
    where = tmp_path / "ems.db"
    kept(where, clock, BOOK)
    store = Store(where, clock)
    with store.database.connect() as connection:
        connection.exec_driver_sql(spoilt)
        connection.commit()
    found = kept(where, clock).daybook.access
    assert set(found.tags) == left
    assert set(found.reservations) == {7}


def test_cards_budgets_and_lists_are_remembered(nothing: str | Path, clock: HandClock) -> None:
    store = Store(nothing, clock)
    store.open()
    store.cards.seen([Card("X1", "CP-01/1", NOW, 3), Card("X2", "CP-01/1", NOW + HOUR)])
    store.cards.seen([Card("x1", "CP-02/1", NOW + 2 * HOUR, 4)])
    store.cards.seen([Card("GONE", "CP-01/1", NOW)])
    store.cards.forgotten("gone")
    store.cards.listed("CP-01", 7, "abc")
    old = Transaction(1, NOW - timedelta(days=40), 0.0, "04A1")
    mine = Transaction(2, NOW - HOUR, 0.0, "04A1")
    for one in (old, mine):
        asyncio.run(store.ledger.transaction_started("CP-01/1", one))
        asyncio.run(store.ledger.transaction_ended("CP-01/1", one.id, NOW, 4_200.0))
    store.close()
    found = kept(nothing, clock).remembered
    assert found.cards == (Card("X2", "CP-01/1", NOW + HOUR), Card("x1", "CP-02/1", NOW + 2 * HOUR, 4))
    assert found.uses == (TagUse(2, "04A1", NOW - HOUR, 4_200.0),)
    assert found.lists == {"CP-01": (7, "abc")}


@pytest.mark.parametrize("presents_late", [False, True])
def test_what_sessions_cost_with_a_tag_is_remembered(tmp_path: Path, clock: HandClock, presents_late: bool) -> None:
    store = Store(tmp_path / "ems.db", clock)
    store.open()
    known = Session("CP-01/1", NOW - HOUR, BEGIN.monotonic_s, holder=Holder("04A1", "Ada"))
    store.ledger.session_changed(known)
    began = NOW - HOUR / 2
    if presents_late:
        asyncio.run(store.ledger.transaction_started("CP-01/1", Transaction(2, began, 0.0, "04A1")))
    asyncio.run(store.flush())
    at, end = (int(moment.timestamp() * 1000) for moment in (NOW - HOUR, NOW))
    with store.database.connect() as connection:
        told = (known.id, "CP-01/1", at, end, 1000, "day", "Day", "EUR", 1900, 612, 98)
        connection.exec_driver_sql(f"INSERT INTO receipt VALUES ({', '.join('?' * len(told))})", told)
        connection.commit()
    store.close()
    found = kept(tmp_path / "ems.db", clock).remembered.costs
    assert found == (TagCost(known.id, "04A1", began if presents_late else NOW - HOUR, 612),)


def test_of_a_crowd_of_cards_the_newest_are_kept(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path / "ems.db", clock)
    store.open()
    for number in range(3 * KEPT_CARDS):
        store.cards.seen([Card(f"X{number}", "CP-01/1", NOW + timedelta(seconds=number))])
    asyncio.run(store.flush())
    store.close()
    found = kept(tmp_path / "ems.db", clock).remembered.cards
    assert (len(found), found[-1].tag) == (KEPT_CARDS, f"X{3 * KEPT_CARDS - 1}")


def test_a_session_is_stored_with_whose_tag_began_it(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path / "ems.db", clock)
    store.open()
    holder = Holder("04A1", "Ada", "ada", ("crew",), "R&D")
    store.ledger.session_changed(Session("CP-01/1", NOW, BEGIN.monotonic_s, holder=holder))
    asyncio.run(store.flush())
    with store.database.connect() as connection:
        row = connection.exec_driver_sql("SELECT tag, person, cost_centre FROM session").one()
    store.close()
    assert tuple(row) == ("04A1", "ada", "R&D")
