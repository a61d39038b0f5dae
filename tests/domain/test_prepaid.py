"""Bookings always sum to the balance, which is never below zero, and nothing is charged that was not delivered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.billing.prepaid import (
    Ask,
    Booking,
    BookingKind,
    ByHand,
    Held,
    PaidBack,
    PrepaidAccount,
    Settled,
    ToppedUp,
    entries,
    key_of,
    too_little,
)
from ems.domain.billing.price_list import Fee, PriceList, Unit

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NEW = PrepaidAccount("ada", "EUR", NOW)
PRICES = PriceList("public", "EUR", (Fee(Unit.KWH, Decimal("0.50")),), hold=Decimal(40))

AMOUNTS = st.integers(-3000, 8000)
SESSIONS = st.sampled_from(("s1", "s2", "s3"))
ASKS: st.SearchStrategy[Ask] = st.one_of(
    st.builds(ByHand, AMOUNTS.filter(bool), st.just("why"), st.uuids().map(str), st.just("eve")),
    st.builds(ToppedUp, st.integers(1, 5000), st.uuids().map(str)),
    st.builds(Held, SESSIONS, st.integers(0, 5000), st.integers(0, 3)),
    st.builds(Settled, SESSIONS, st.integers(0, 9000)),
    st.builds(PaidBack, st.uuids().map(str), st.just("p"), st.integers(1, 2000)),
)


def told(asks: list[Ask]) -> tuple[PrepaidAccount, list[Booking], dict[str, int]]:
    """An account after all of that, each under its key once as the store does it; and what sessions cost."""
    known = NEW
    booked: list[Booking] = []
    cost: dict[str, int] = {}
    keys: set[str] = set()
    for ask in asks:
        if key_of(ask) in keys:
            continue
        try:
            found = entries(known, ask, NOW + timedelta(seconds=len(booked)))
        except ValueError:
            continue
        if isinstance(ask, Settled):
            cost[ask.session] = ask.cost
        keys.add(key_of(ask))
        keys.update(one.key for one in found)
        for one in found:
            known = known.after(one)
            assert known.balance >= 0, one
        booked += found
    return known, booked, cost


@given(st.lists(ASKS, max_size=40))
def test_bookings_sum_to_the_balance_which_is_never_below_zero(asks: list[Ask]) -> None:
    known, booked, _ = told(asks)
    assert sum(one.amount for one in booked) == known.balance >= 0
    assert [one.number for one in booked] == list(range(1, len(booked) + 1))
    assert len({one.key for one in booked}) == len(booked)


@given(st.lists(ASKS, max_size=40))
def test_nothing_is_charged_that_was_not_delivered_and_what_was_held_comes_back(asks: list[Ask]) -> None:
    known, booked, cost = told(asks)
    for session, paid in cost.items():
        mine = [one for one in booked if one.session == session]
        charged = -sum(one.amount for one in mine if one.kind is BookingKind.CHARGE)
        assert 0 <= charged <= paid
        if session not in known.holds:
            assert -sum(one.amount for one in mine) == charged, "of holds nothing is left"


def test_a_hold_takes_what_there_is_and_a_session_costs_at_most_that_and_what_is_left() -> None:
    account, booked, _ = told([ByHand(1000, "cash", "1", "eve"), Held("s1", 4000), Settled("s1", 1500)])
    assert [(one.kind.value, one.amount) for one in booked] == [
        ("by-hand", 1000), ("hold", -1000), ("release", 1000), ("charge", -1000),
    ]  # fmt: skip
    assert (account.balance, account.held) == (0, 0)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (ByHand(0, "nothing", "1", "eve"), "more or less than nothing"),
        (ByHand(10**12, "billions", "1", "eve"), "billions"),
        (ByHand(5, "  ", "1", "eve"), "say why"),
        (ByHand(5, "x\ny", "1", "eve"), "say why"),
        (ByHand(5, "x", "", "eve"), "a key is"),
        (ByHand(5, "x", "ä", "eve"), "a key is"),
        (ByHand(-5, "x", "1", "eve"), "only 0.00 EUR are left"),
        (PaidBack("r", "p", 1), "only 0.00 EUR are left"),
    ],
)
def test_what_cannot_be_booked_is_said(ask: Ask, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        entries(NEW, ask, NOW)


def test_an_account_that_pays_for_less_than_a_kwh_lets_nobody_begin() -> None:
    for cents, words in ((0, "0.00 EUR are left"), (50, "top it up"), (500, "")):
        account = told([ByHand(cents, "cash", "1", "eve")])[0] if cents else NEW
        found = too_little(account, PRICES, 11_000, "Ada")
        assert words in found
        assert bool(words) == bool(found)
