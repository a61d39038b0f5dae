"""Who paid in advance charges for what is in the account: once, whatever fails and whenever it is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ems.domain.access.tag import Tag
from ems.domain.billing.energy_cap import cap_wh
from ems.domain.billing.prepaid import Ask, Booking, BookingKind, ByHand, PrepaidAccount, entries, key_of
from ems.domain.billing.price_list import PriceList
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.domain.unknown import UnknownError
from ems.ports.controller import NotStoredError
from ems.runtime.purser import Purser, Ways
from ems.runtime.till import Till
from tests.runtime.forecourt import EVSE, PUBLIC, Forecourt, played

ADA = Tag("04A1", person="ada")
BOB = Tag("0B0B", person="bob")
TAGS = {"04A1": ADA, "0B0B": BOB}
WHOLE = replace(PUBLIC, hold=None)


class Ledger:
    """Implements `PrepaidBook`: what a disk would hold. `refuses`: so many bookings fail."""

    def __init__(self, court: PrepaidCourt) -> None:
        self.court = court
        self.known: dict[str, PrepaidAccount] = {}
        self.bookings: list[Booking] = []
        self.refuses = 0

    def opened(self, person: str, cents: int) -> None:
        self.known[person] = PrepaidAccount(person, "EUR", self.court.clock.now().utc - timedelta(days=1))
        if cents:
            self._book(person, ByHand(cents, "cash", f"{person}-0", "eve"), self.court.clock.now().utc)

    async def accounts(self) -> Sequence[PrepaidAccount]:
        return tuple(self.known.values())

    async def book(self, person: str, ask: Ask, at: datetime) -> PrepaidAccount:
        await self.court._point(f"before {type(ask).__name__}")
        if self.refuses:
            self.refuses -= 1
            raise NotStoredError("the disk is full")
        if person not in self.known:
            raise UnknownError("no account")
        after = self._book(person, ask, at)
        await self.court._point(f"after {type(ask).__name__}")
        return after

    def _book(self, person: str, ask: Ask, at: datetime) -> PrepaidAccount:
        if all(one.key != key_of(ask) for one in self.bookings):
            for one in entries(self.known[person], ask, at):
                self.known[person] = self.known[person].after(one)
                self.bookings.append(one)
        return self.known[person]

    async def receipt(self, session: str) -> Receipt | None:
        return self.court.receipts.get(session)

    async def unsettled(self) -> Sequence[tuple[str, str, int]]:
        charged = {one.session for one in self.bookings if one.kind is BookingKind.CHARGE}
        made = self.court.receipts.items()
        people = ((self.court.people.get(name, ""), name, one.total) for name, one in made if name not in charged)
        return [one for one in people if one[0] in self.known and one[2]]

    def sum(self, *kinds: BookingKind) -> int:
        return sum(one.amount for one in self.bookings if one.kind in kinds)


class PrepaidCourt(Forecourt):
    """The same charger, where drivers hold up a card that has an account."""

    def __init__(self, prices: PriceList = PUBLIC, cents: int = 5000) -> None:
        self.people: dict[str, str] = {}
        self.ledger = Ledger(self)
        self.tags = dict(TAGS)
        super().__init__(prices)
        self.ledger.opened("ada", cents)

    def boot(self) -> None:
        self.till = Till(lambda: self.daybook, self, tuple(self.tabs.values()))
        ways = Ways(
            self.ledger,
            self.till,
            self.clock,
            self._inbox.append,
            self.stop,
            lambda text: self.tags.get(text.upper()),
            lambda _tag: frozenset(),
            lambda: self.daybook.prices.lists,
            lambda: self.state,
        )
        self.purser = Purser(ways)
        self.cashier: Any = self.purser

    def closed(self, known: Tab, made: Receipt | None) -> None:
        self.people[known.usage.session] = "ada"
        super().closed(known, made)

    async def charged(self, tag: str = "04A1", hours: float = 3.0) -> None:
        """A driver comes, holds a card up and charges; then everything has settled."""
        await asyncio.sleep(6.0)
        self._tag = tag
        self._begin()
        await asyncio.sleep(3600.0 * hours)

    @property
    def cost(self) -> int:
        return sum(made.total for made in self.receipts.values())


def court(prices: PriceList = PUBLIC, cents: int = 5000, **changes: Any) -> Callable[[], PrepaidCourt]:
    def built() -> PrepaidCourt:
        here = PrepaidCourt(prices, cents)
        for name, value in changes.items():
            setattr(here, name, value)
        return here

    return built


def told(here: PrepaidCourt) -> list[tuple[str, int]]:

    return [(one.kind.value, one.amount) for one in here.ledger.bookings]


def balance(here: PrepaidCourt) -> int:

    return here.ledger.known["ada"].balance


def test_a_part_is_held_at_the_start_and_what_it_cost_is_taken_at_the_end() -> None:
    _, here = played(lambda here: here.charged(), court())
    assert told(here) == [("by-hand", 5000), ("hold", -4000), ("release", 4000), ("charge", -183)]
    assert (balance(here), here.cost) == (4817, 183)


@pytest.mark.parametrize(("hold", "parts"), [(None, [300]), (Decimal(2), [200, 100])])
def test_all_of_an_account_is_charged_for_whether_it_is_held_in_parts_or_without_a_hold_in_the_prices_at_once(
    hold: Decimal | None, parts: list[int]
) -> None:
    _, here = played(lambda here: here.charged(), court(replace(PUBLIC, hold=hold), 300, stays_s=7200.0))
    assert [-amount for kind, amount in told(here) if kind == "hold"] == parts
    assert balance(here) >= 0
    assert 250 <= here.cost <= 300, "it is stopped before it costs more than there is"
    assert "stop" in here.calls


def test_while_there_is_more_in_the_account_more_is_held_and_nobody_is_stopped() -> None:
    small = replace(PUBLIC, hold=Decimal(2))
    _, here = played(lambda here: here.charged(), court(small, 2000, stays_s=3600.0))
    assert told(here).count(("hold", -200)) >= 3
    assert here.calls == [], "never stopped"
    assert 540 <= here.cost <= 550, "11 kW for an hour at 0.50, but for the seconds in which more is booked"
    assert balance(here) == 2000 - here.cost


@pytest.mark.parametrize("cents", [0, 40])
def test_who_has_nothing_left_is_stopped_and_pays_what_flowed_until_then(cents: int) -> None:
    _, here = played(lambda here: here.charged(), court(cents=cents))
    assert "stop" in here.calls
    assert balance(here) == max(0, cents - here.cost)
    assert here.cost <= 5


def test_who_comes_again_with_the_same_cable_is_refused_with_nothing_and_charges_on_with_more() -> None:
    """What the first transaction took is not there for the second."""
    words: list[str] = []

    async def story(here: PrepaidCourt) -> None:
        async def ask() -> None:
            await asyncio.sleep(3600.0)
            words.append(here.purser.refusal(ADA, EVSE, "Ada"))
            here.ledger._book("ada", ByHand(300, "cash", "ada-1", "eve"), here.clock.now().utc)
            here.purser.renewed()
            await asyncio.sleep(10.0)
            words.append(here.purser.refusal(ADA, EVSE, "Ada"))
            here._begin()

        asking = asyncio.create_task(ask())
        await here.charged()
        await asking

    _, here = played(story, court(WHOLE, 300, stays_s=86_400.0, lingers_s=7200.0))
    assert words == ["0.00 EUR are left in the prepaid account of Ada: top it up", ""]
    assert [one for one in told(here) if one[0] == "hold"] == [("hold", -300), ("hold", -300)]
    (made,) = here.receipts.values()
    most = cap_wh(WHOLE, 600, 32 * 3 * 230.0)
    assert most is not None
    assert most <= made.energy_wh <= most + 100


def test_what_begins_within_an_account_without_money_is_refused_in_words() -> None:
    async def story(here: PrepaidCourt) -> str:
        await asyncio.sleep(6.0)
        return here.purser.refusal(ADA, EVSE, "Ada")

    words, _ = played(story, court(cents=40))
    assert words == "0.40 EUR are left in the prepaid account of Ada: top it up"
    assert played(story, court(cents=500))[0] == ""


def test_where_it_is_free_nothing_is_booked() -> None:
    free = PriceList("public", "EUR", (), hold=Decimal(40))
    _, here = played(lambda here: here.charged(), court(free, 0))
    assert told(here) == []
    assert here.calls == []


def test_who_has_no_account_is_left_alone() -> None:
    _, here = played(lambda here: here.charged("0B0B"), court())
    assert told(here) == [("by-hand", 5000)]


def test_somebody_else_at_the_same_cable_is_not_for_the_account_to_pay() -> None:
    async def story(here: PrepaidCourt) -> None:
        await asyncio.sleep(6.0)
        here._tag = "04A1"
        here._begin()
        await asyncio.sleep(600.0)
        here.another("0B0B")
        await asyncio.sleep(7200.0)

    _, here = played(story, court())
    charged = -here.ledger.sum(BookingKind.CHARGE)
    assert 90 <= charged <= 92, "ten minutes at 11 kW and 0.50"
    assert here.calls == ["stop"], "nobody would pay for what comes then"


def test_a_disk_that_refuses_is_tried_again() -> None:
    def built() -> PrepaidCourt:
        here = court()()
        here.ledger.refuses = 5
        return here

    _, here = played(lambda here: here.charged(), built)
    assert told(here)[1:] == [("hold", -4000), ("release", 4000), ("charge", -183)]


POINTS = ("before Held", "after Held", "before Settled", "after Settled")


@pytest.mark.parametrize("at", range(1, 1 + len(POINTS)))
def test_killed_at_any_moment_it_charges_once_what_was_delivered(at: int) -> None:
    """The station goes on while the controller is dead, and tells it afterwards."""
    _, here = played(lambda here: here.charged(), court(kill_at=at))
    assert here.points[: len(POINTS)][at - 1] == POINTS[at - 1]
    assert -here.ledger.sum(BookingKind.CHARGE) == here.cost > 0
    assert here.ledger.known["ada"].held == 0
    assert balance(here) == 5000 - here.cost == sum(amount for _, amount in told(here))
    charges = [one for one in here.ledger.bookings if one.kind is BookingKind.CHARGE]
    assert len(charges) == len(here.receipts)


def test_killed_before_anything_was_held_and_gone_when_it_is_back_it_is_charged_nevertheless() -> None:
    _, here = played(lambda here: here.charged(), court(kill_at=1, stays_s=30.0, draws_w=400_000.0))
    assert -here.ledger.sum(BookingKind.CHARGE) == here.cost
