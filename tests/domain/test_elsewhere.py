"""A reservation ends when whoever it is for has come to another EVSE, and not before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ems.domain.access.book import AccessBook
from ems.domain.access.elsewhere import needed_no_more
from ems.domain.access.reservation import Reservation
from ems.domain.access.tag import Tag
from ems.domain.session import Session, Transaction

NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
KEPT = Reservation(7, "A/1", "Card", NOON, NOON + timedelta(hours=2))


def session(evse: str, minute: float, tag: str | None = "CARD") -> Session:
    at = NOON + timedelta(minutes=minute)
    return Session(evse, at, 60.0 * minute, None if tag is None else Transaction(1, at, 0.0, tag))


@pytest.mark.parametrize(
    ("sessions", "minute", "is_over"),
    [
        ([], 30, False),
        ([session("B/1", 10)], 30, True),
        ([session("B/1", 0)], 0, True),
        # It has come, or somebody else has, or nobody knows who.
        ([session("A/1", 10)], 30, False),
        ([session("A/1", 10), session("B/1", 20)], 30, False),
        ([session("B/1", 10, "OTHER")], 30, False),
        ([session("B/1", 10, None)], 30, False),
        # It charged there before; the reservation is to come, or over by itself.
        ([session("B/1", -10)], 30, False),
        ([session("B/1", -20)], -10, False),
        ([session("B/1", 10)], 120, False),
    ],
)
def test_what_is_kept_for_who_has_come_elsewhere(sessions: list[Session], minute: float, is_over: bool) -> None:
    book = AccessBook(tags={"card": Tag("CARD")}, reservations={7: KEPT})
    found = list(needed_no_more(book, sessions, NOON + timedelta(minutes=minute)))
    assert found == ([KEPT] if is_over else [])


@pytest.mark.parametrize(("at_once", "is_over"), [(0, False), (1, True), (2, False)])
def test_of_a_tag_for_several_vehicles_another_may_come(at_once: int, is_over: bool) -> None:
    book = AccessBook(tags={"card": Tag("CARD", at_once=at_once)}, reservations={7: KEPT})
    assert bool(list(needed_no_more(book, [session("B/1", 10)], NOON + timedelta(minutes=30)))) is is_over


def test_a_tag_that_nobody_knows_is_one_vehicle() -> None:
    book = AccessBook(reservations={7: replace(KEPT, tag="GUEST")})
    assert list(needed_no_more(book, [session("B/1", 10, "guest")], NOON + timedelta(minutes=30)))
