"""Bills of a month: each session on one of them, closed ones as they were, what comes later in the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from ems.adapters.store import prepaid, statements
from ems.adapters.store.store import Store
from ems.domain.billing.prepaid import ByHand, PrepaidAccount, Settled, ToppedUp
from ems.domain.billing.statement import BillingGroup, Correction, Month, Statement
from ems.domain.unknown import UnknownError
from tests.adapters.web.money_office import PRICES, paid, sold

Opened = Callable[[], Store]
ZONE = ZoneInfo("Europe/Berlin")
OCTOBER, NOVEMBER, DECEMBER = (Month(2026, month) for month in (10, 11, 12))
LATER = datetime(2027, 1, 5, tzinfo=UTC)


def billed(store: Store, *groups: str) -> None:
    for name in groups or ("fleet",):
        group = BillingGroup(name, f"{name} Ltd", "1 Yard", "PO 1")
        asyncio.run(store.money.change(partial(statements.kept, group=group)))


def bill(store: Store, month: Month, group: str = "fleet") -> Statement:
    asyncio.run(store.flush())
    return asyncio.run(
        store.money.read(partial(statements.read_statement, group=group, month=month, currency="EUR", zone=ZONE))
    )


def close(store: Store, month: Month, group: str = "fleet", at: datetime = LATER) -> Statement:
    asyncio.run(store.flush())
    job = partial(statements.closed, group=group, month=month, currency="EUR", zone=ZONE, who="eve", at=at)
    return asyncio.run(store.money.change(job))


def correct(store: Store, amount: int, month: Month = NOVEMBER, key: str = "k") -> None:
    told = Correction(key, "fleet", LATER, month, amount, Decimal(19), "meter was wrong", "eve")
    asyncio.run(store.money.change(partial(statements.corrected, told=told)))


def test_a_session_belongs_to_the_month_of_its_start_on_the_clock_of_the_site(opened: Opened) -> None:
    store = opened()
    billed(store)
    last = sold(store, datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC), groups=("fleet",))
    first = sold(store, datetime(2026, 10, 31, 23, tzinfo=UTC), groups=("fleet", "others"), person="ada")
    sold(store, datetime(2026, 11, 2, tzinfo=UTC), groups=("others",))
    assert [line.session for line in bill(store, OCTOBER).lines] == [last.session]
    (line,) = bill(store, NOVEMBER).lines
    assert (line.session, line.words, line.amount, line.vat) == (first.session, "ada", first.total, first.vat)
    assert bill(store, DECEMBER).lines == ()


def test_what_was_paid_otherwise_is_on_no_bill(opened: Opened) -> None:
    store = opened()
    billed(store)
    at = datetime(2026, 11, 3, 12, tzinfo=UTC)
    paid(store, 1, at, sold(store, at, groups=("fleet",)))
    prepaid_one = sold(store, at.replace(hour=13), groups=("fleet",))
    account = PrepaidAccount("ada", "EUR", at, link="x")
    asyncio.run(store.money.change(partial(prepaid.opened, known=account, told=None, audit=None)))
    for ask in (ByHand(5000, "cash", "k", "eve"), Settled(prepaid_one.session, prepaid_one.total)):
        asyncio.run(store.money.change(partial(prepaid.booked, person="ada", ask=ask, at=at)))
    assert bill(store, NOVEMBER).lines == ()


def test_a_closed_month_does_not_change_and_what_is_reported_later_goes_into_the_next(opened: Opened) -> None:
    store = opened()
    billed(store)
    first = sold(store, datetime(2026, 11, 3, 12, tzinfo=UTC), groups=("fleet",))
    before = close(store, NOVEMBER)
    assert (before.total, before.number, before.who) == (first.total, "2026-11/fleet", "eve")
    late = sold(store, datetime(2026, 11, 30, 12, tzinfo=UTC), groups=("fleet",))
    billed(store)
    asyncio.run(store.money.change(partial(statements.kept, group=BillingGroup("fleet", "Another name"))))
    assert bill(store, NOVEMBER) == before == close(store, NOVEMBER)
    assert [line.session for line in bill(store, DECEMBER).lines] == [late.session]
    correct(store, -500)
    correct(store, -500)
    december = close(store, DECEMBER)
    assert [(line.session, line.amount) for line in december.lines] == [(late.session, late.total), (None, -500)]
    assert december.total == late.total - 500
    assert bill(store, Month(2027, 1)).lines == (), "a correction is made once"
    found = asyncio.run(store.money.read(partial(statements.read_statements, group="fleet")))
    assert [one.month for one in found] == [DECEMBER, NOVEMBER]


@pytest.mark.parametrize(
    ("amount", "month", "key", "said"),
    [(-5, DECEMBER, "k2", "is not closed"), (-6, NOVEMBER, "k", "another correction")],
)
def test_a_correction_is_of_a_closed_month_and_has_a_key_of_its_own(
    reopened: Opened, amount: int, month: Month, key: str, said: str
) -> None:
    store = reopened()
    billed(store)
    close(store, NOVEMBER)
    correct(store, -500)
    with pytest.raises(ValueError, match=said):
        correct(store, amount, month, key)


def test_months_are_closed_one_after_the_other_when_they_are_over(reopened: Opened) -> None:
    store = reopened()
    billed(store)
    sold(store, datetime(2026, 10, 5, tzinfo=UTC), groups=("fleet",))
    with pytest.raises(ValueError, match="close 2026-10 first"):
        close(store, NOVEMBER)
    with pytest.raises(ValueError, match="is not over"):
        close(store, OCTOBER, at=datetime(2026, 10, 31, 22, 59, tzinfo=UTC))
    close(store, OCTOBER)
    close(store, DECEMBER)
    with pytest.raises(ValueError, match="2026-12 is closed already"):
        close(store, NOVEMBER)


def test_of_two_groups_that_are_billed_one_pays(reopened: Opened) -> None:
    store = reopened()
    billed(store, "fleet", "board")
    sold(store, datetime(2026, 11, 5, tzinfo=UTC), groups=("fleet", "board"))
    assert len(bill(store, NOVEMBER, "board").lines) == 1
    assert len(bill(store, NOVEMBER, "fleet").lines) == 0


def test_a_group_that_is_billed_no_more_keeps_what_was_closed(reopened: Opened) -> None:
    store = reopened()
    billed(store)
    before = close(store, NOVEMBER)
    asyncio.run(store.money.change(partial(statements.removed, group="fleet")))
    assert bill(store, NOVEMBER) == before
    with pytest.raises(UnknownError, match="is not billed by the month"):
        bill(store, DECEMBER)


def test_a_top_up_is_in_the_account_from_the_moment_in_which_it_is_taken(opened: Opened) -> None:
    """Both are one transaction; told again it is booked once."""
    store = opened()
    at = datetime(2026, 11, 3, 12, tzinfo=UTC)
    account = PrepaidAccount("ada", "EUR", at, link="x")
    asyncio.run(store.money.change(partial(prepaid.opened, known=account, told=None, audit=None)))
    known = paid(store, 1, at, account="ada")
    again = partial(prepaid.booked, person="ada", ask=ToppedUp(4000, known.id), at=at)
    assert asyncio.run(store.money.change(again)).balance == 4000
    found = asyncio.run(store.money.read(partial(prepaid.read_bookings, person="ada", most=9)))
    assert [(one.kind.value, one.amount, one.payment) for one in found] == [("top-up", 4000, known.id)]


def test_sessions_that_an_account_should_have_paid_for_are_found(reopened: Opened) -> None:
    store = reopened()
    at = datetime(2026, 11, 3, 12, tzinfo=UTC)
    account = PrepaidAccount("ada", "EUR", at, link="x")
    asyncio.run(store.money.change(partial(prepaid.opened, known=account, told=None, audit=None)))
    sold(store, at.replace(hour=11), person="ada")
    missed = sold(store, at.replace(hour=13), person="ada")
    sold(store, at.replace(hour=14), person="bob")
    asyncio.run(store.flush())
    assert asyncio.run(store.money.read(prepaid.read_unsettled)) == (("ada", missed.session, missed.total),)
    assert missed.currency == PRICES.currency
