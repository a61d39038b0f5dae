"""What drivers pay is on disk to the last digit: price lists, tabs that a crash left open, receipts for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from ems.adapters.store.price_rows import price_list_of, price_list_row
from ems.adapters.store.price_schema import price_list, receipt_line, tab, usage
from ems.adapters.store.store import Store
from ems.domain.billing.money import major
from ems.domain.billing.price_book import PriceBook
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.receipt import Receipt, receipt
from ems.domain.billing.tab import Tab
from ems.domain.billing.usage import Usage, UsedQuarter, supposed
from ems.domain.daybook import Daybook
from ems.domain.recurrence import DayWindow, Recurrence, Season
from ems.domain.session import Session
from ems.domain.validity import Validity
from tests.adapters.store.clocks import BEGIN, HandClock

BERLIN = ZoneInfo("Europe/Berlin")
Opened = Callable[[], Store]

SUMMER_NIGHTS = Recurrence((Season((6, 1), (8, 31)),), (DayWindow(frozenset({5, 6}), time(22), time(6, 15)),))
PUBLIC = PriceList(
    "public",
    "EUR",
    (Fee(Unit.KWH, Decimal("0.299999"), SUMMER_NIGHTS), Fee(Unit.KWH, Decimal("0.39")), Fee(Unit.SESSION, Decimal(1))),
    "Für alle 🚗",
    Decimal("7.7"),
    15,
    Validity(date(2026, 1, 1), date(2027, 12, 31)),
    ("CP-01/1",),
    ("staff",),
    Decimal("40.5"),
)
OTHER = PriceList("other", "JPY", (), hold=Decimal(5000))
BOOK = Daybook(prices=PriceBook({"public": PUBLIC, "other": OTHER}))
USED = replace(
    Usage.of(Session("CP-01/1", BEGIN.utc, BEGIN.monotonic_s)),
    until=BEGIN.later(1800).utc,
    quarters=(
        UsedQuarter(int(BEGIN.utc.timestamp()), 2750, 0),
        UsedQuarter(int(BEGIN.later(900).utc.timestamp()), 1, 899),
    ),
    transaction=7,
    transaction_wh=2751.25,
    is_idle=True,
)
TAB = Tab(USED, (PUBLIC,), frozenset({"staff"}))


def made_of(known: Tab) -> Receipt:
    found = known.receipt(BERLIN)
    assert found is not None
    return found


def again(store: Store, clock: HandClock) -> Store:
    """The next run, without a goodbye of this one."""
    asyncio.run(store.flush())
    return Store(store.database.path or store.database.url.render_as_string(False), clock)


def test_price_lists_are_found_again_to_the_last_digit(opened: Opened, clock: HandClock) -> None:
    store = opened()
    asyncio.run(store.daybook.keep(Daybook(), BOOK, BEGIN.utc, "Anna", "PriceListKept"))
    second = again(store, clock)
    assert second.open().daybook == BOOK
    second.close()


@given(st.integers(0, 10**12), st.sampled_from(["EUR", "JPY", "BHD"]), st.integers(0, 10_000))
def test_every_price_and_tax_survives_as_integers(micro: int, currency: str, hundredths: int) -> None:
    fee = Fee(Unit.KWH, Decimal(micro).scaleb(-6))
    fees, most = (fee, replace(fee, unit=Unit.IDLE_MINUTE)), major(1 + hundredths, currency)
    prices = PriceList("x", currency, fees, vat_percent=Decimal(hundredths).scaleb(-2), idle_at_most=most)
    row = price_list_row(prices)
    assert isinstance(row["vat_bp"], int)
    assert price_list_of(row) == prices


def test_a_quote_from_before_idle_minutes_had_a_most_has_none() -> None:
    row = {name: value for name, value in price_list_row(OTHER).items() if name != "idle_most_minor"}
    assert price_list_of(row) == OTHER


def test_a_price_list_that_somebody_spoilt_costs_nothing_but_itself(reopened: Opened, clock: HandClock) -> None:
    store = reopened()
    asyncio.run(store.daybook.keep(Daybook(), BOOK, BEGIN.utc, "Anna", "PriceListKept"))
    with store.database.connect() as connection, connection.begin():
        connection.execute(update(price_list).where(price_list.c.id == "public").values(fees="[{}]"))
    second = again(store, clock)
    assert second.open().daybook.prices.lists == {"other": OTHER}
    second.close()


def test_a_tab_that_a_crash_left_open_is_found_again(opened: Opened, clock: HandClock) -> None:
    store = opened()
    store.tabs.kept(Tab(replace(USED, quarters=USED.quarters[:1]), (PUBLIC,)))
    store.tabs.kept(TAB)
    second = again(store, clock)
    assert second.open().tabs == (TAB,)
    second.close()


def test_the_tab_of_a_session_that_ended_says_what_was_recorded_at_its_end(opened: Opened, clock: HandClock) -> None:
    store = opened()
    session = Session("CP-01/1", BEGIN.utc, BEGIN.monotonic_s, energy_wh=3100.0)
    store.tabs.kept(TAB)
    store.ledger.session_ended(session, BEGIN.later(3600).utc)
    second = again(store, clock)
    (found,) = second.open().tabs
    assert (found.usage.energy_wh, found.usage.until) == (3100, BEGIN.later(3600).utc)
    second.close()


def test_a_closed_tab_is_over_and_its_receipt_stays_as_it_was_made(opened: Opened, clock: HandClock) -> None:
    store = opened()
    made = made_of(TAB)
    assert len(made.lines) == 2
    store.tabs.kept(TAB)
    store.tabs.closed(TAB, made)
    assert asyncio.run(store.receipt(made.session)) == made
    assert asyncio.run(store.receipt("nobody")) is None
    second = again(store, clock)
    assert second.open().tabs == ()
    with store.database.reading().connect() as connection:
        assert connection.execute(select(func.sum(usage.c.energy_wh))).scalar() == 2751
        total = connection.execute(select(func.sum(receipt_line.c.amount_minor))).scalar()
        assert connection.execute(select(tab.c.closed)).scalar() is not None
    assert total == made.total
    second.close()


def test_receipts_of_a_span_are_the_newest_first_and_no_more_than_asked_for(opened: Opened) -> None:
    store = opened()
    for hour in range(4):
        plugged = BEGIN.utc + timedelta(hours=hour)
        used = replace(supposed(f"CP-0{hour}/1", plugged, 9000, 11000, 0), session=f"S{hour}")
        store.tabs.closed(Tab(used, (PUBLIC,)), receipt(used, OTHER if hour else PUBLIC, BERLIN))
    begin, end = BEGIN.utc + timedelta(hours=1), BEGIN.utc + timedelta(hours=9)
    found = asyncio.run(store.receipts(begin, end, 2))
    assert [one.session for one in found] == ["S3", "S2"]
    assert [one.session for one in asyncio.run(store.receipts(begin, end, 9))] == ["S3", "S2", "S1"]


def test_a_database_that_replaces_a_lost_one_gets_the_open_tabs(reopened: Opened, clock: HandClock) -> None:
    store = reopened()
    store.tabs.kept(TAB)
    asyncio.run(store.flush())
    path = store.database.path
    assert path is not None
    for file in path.parent.glob("ems.db*"):
        file.unlink()
    asyncio.run(store.flush())
    second = again(store, clock)
    assert second.open().tabs == (TAB,)
    second.close()
