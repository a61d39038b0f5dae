"""A receipt adds up line by line, is never negative, and never falls when more is used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.billing.money import major, minor
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.receipt import Receipt, receipt
from ems.domain.billing.tab import Tab
from ems.domain.billing.usage import QUARTER_S, Usage, UsedQuarter, supposed
from ems.domain.recurrence import DayWindow, Recurrence

BERLIN = ZoneInfo("Europe/Berlin")
EACH_DAY = frozenset(range(7))
EVENING = Recurrence(windows=(DayWindow(EACH_DAY, time(18), time(21)),))
SUNDAY = Recurrence(windows=(DayWindow(frozenset({6}), time(0), time(0)),))


def fee(unit: Unit, price: str, times: Recurrence | None = None) -> Fee:
    return Fee(unit, Decimal(price)) if times is None else Fee(unit, Decimal(price), times)


PUBLIC = PriceList(
    "public",
    "EUR",
    (
        fee(Unit.SESSION, "0.35"),
        fee(Unit.KWH, "0.59", EVENING),
        fee(Unit.KWH, "0.3937"),
        fee(Unit.MINUTE, "0.01"),
        fee(Unit.IDLE_MINUTE, "0.10"),
    ),
    vat_percent=Decimal(19),
    idle_grace_min=15,
)


def begin(text: str) -> datetime:
    """A local time in Berlin, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def lines(found: Receipt) -> list[tuple[str, int, str, int, int]]:
    return [(line.unit.value, line.quantity, str(line.price), line.amount, line.vat) for line in found.lines]


def test_a_session_into_the_evening_has_a_line_per_price_and_they_add_up() -> None:
    """By hand: 11 kW from 17:30 for 2 h, then 40 minutes idle, 15 of them free."""
    usage = supposed("A/1", begin("2026-11-26T17:30"), 22_000, 11_000, 40)
    found = receipt(usage, PUBLIC, BERLIN)
    assert lines(found) == [
        ("kwh", 16_500, "0.59", 974, 156),  # 9.735 → 9.74; net 8.1848… → 8.18
        ("kwh", 5_500, "0.3937", 217, 35),  # 2.16535 → 2.17; net 1.8235… → 1.82
        ("minute", 160, "0.01", 160, 26),  # net 1.3445… → 1.34
        ("idle-minute", 25, "0.10", 250, 40),  # net 2.1008… → 2.10
        ("session", 1, "0.35", 35, 6),  # net 0.2941… → 0.29
    ]
    assert (found.total, found.vat, found.net) == (1636, 263, 1373)


@pytest.mark.parametrize(
    ("most", "told"),
    [
        (None, [(65, "0.10", 650)]),
        ("6.51", [(65, "0.10", 650)]),
        ("6.50", [(65, "0.10", 650)]),
        ("6.45", [(64, "0.10", 640), (1, "0.05", 5)]),
        ("5", [(50, "0.10", 500)]),
        ("0.05", [(1, "0.05", 5)]),
    ],
)
def test_idle_minutes_are_counted_until_they_cost_the_most(most: str | None, told: list[tuple[int, str, int]]) -> None:
    """80 minutes idle, 15 of them free."""
    prices = replace(PUBLIC, idle_at_most=None if most is None else Decimal(most))
    usage = supposed("A/1", begin("2026-11-26T10:00"), 11_000, 11_000, 80)
    found = receipt(usage, prices, BERLIN)
    assert [line[1:4] for line in lines(found) if line[0] == "idle-minute"] == told


@pytest.mark.parametrize(
    ("plugged", "kwh_by_fee"),
    [
        # The clock is set back at 03:00: the hour from 02:00 comes twice.
        ("2026-10-25T01:30", {"0.20": 33_000, "0.40": 11_000}),
        # It is set forward at 02:00: there is none.
        ("2026-03-29T01:30", {"0.20": 11_000, "0.40": 33_000}),
    ],
)
def test_prices_follow_the_clock_of_the_site_on_days_when_it_is_set(plugged: str, kwh_by_fee: dict[str, int]) -> None:
    """Four hours at 11 kW from 01:30; the night ends at 03:30, which comes after 3 hours, or after one."""
    night = Recurrence(windows=(DayWindow(EACH_DAY, time(0), time(3, 30)),))
    prices = PriceList("x", "EUR", (fee(Unit.KWH, "0.20", night), fee(Unit.KWH, "0.40")))
    found = receipt(supposed("A/1", begin(plugged), 44_000, 11_000, 0), prices, BERLIN)
    assert {str(line.price): line.quantity for line in found.lines} == kwh_by_fee


def test_past_midnight_the_next_weekday_and_past_the_month_nothing_special_counts() -> None:
    """Saturday 31 October 22:00 to Sunday 02:00."""
    prices = PriceList("x", "EUR", (fee(Unit.KWH, "0.10", SUNDAY), fee(Unit.KWH, "0.50")))
    usage = supposed("A/1", begin("2026-10-31T22:00"), 44_000, 11_000, 0)
    found = receipt(usage, prices, BERLIN)
    assert [(str(line.price), line.quantity) for line in found.lines] == [("0.10", 22_000), ("0.50", 22_000)]
    assert (found.plugged, found.energy_wh) == (begin("2026-10-31T22:00"), 44_000)


def test_who_got_nothing_pays_nothing() -> None:
    usage = supposed("A/1", begin("2026-11-26T17:30"), 0.4, 11_000, 600)
    found = receipt(usage, PUBLIC, BERLIN)
    assert (found.lines, found.total) == ((), 0)


def test_a_minute_counts_when_it_is_over() -> None:
    plugged = begin("2026-11-26T12:00")
    usage = Usage("x", "A/1", plugged, plugged + timedelta(seconds=179), plugged, plugged, (UsedQuarter(0, 1),))
    prices = PriceList("x", "EUR", (fee(Unit.MINUTE, "1"),))
    assert receipt(usage, prices, BERLIN).total == 200


def test_amounts_have_the_decimal_places_of_their_currency() -> None:
    usage = supposed("A/1", begin("2026-11-26T12:00"), 1_234, 11_000, 0)
    totals = {
        currency: receipt(usage, PriceList("x", currency, (fee(Unit.KWH, "0.5"),)), BERLIN).total
        for currency in ("EUR", "JPY", "BHD")
    }
    assert totals == {"EUR": 62, "JPY": 1, "BHD": 617}


def test_a_tab_is_priced_for_the_group_of_who_charges_once_that_is_known() -> None:
    usage = supposed("A/1", begin("2026-11-26T12:00"), 10_000, 11_000, 0)
    staff = PriceList("staff", "EUR", (fee(Unit.KWH, "0.10"),), groups=("staff",))
    tab = Tab(usage, (PUBLIC, staff))
    costs = [known.receipt(BERLIN) for known in (tab, replace(tab, groups=frozenset({"staff"})), Tab(usage))]
    assert [None if cost is None else (cost.price_list, cost.total > 150) for cost in costs] == [
        ("public", True), ("staff", False), None
    ]  # fmt: skip


WINDOWS = st.lists(
    st.builds(
        DayWindow,
        st.frozensets(st.integers(0, 6), min_size=1),
        st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45])),
        st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45])),
    ),
    max_size=2,
).map(tuple)
FEES = st.lists(
    st.builds(
        Fee,
        st.sampled_from(Unit),
        st.integers(0, 3_000_000).map(lambda micro: Decimal(micro).scaleb(-6)),
        st.builds(Recurrence, windows=WINDOWS),
    ),
    max_size=5,
).map(tuple)
PRICES = st.builds(
    PriceList,
    st.just("x"),
    st.sampled_from(["EUR", "JPY", "BHD"]),
    FEES,
    vat_percent=st.integers(0, 2700).map(lambda hundredths: Decimal(hundredths) / 100),
    idle_grace_min=st.integers(0, 90),
)


def capped(prices: PriceList, most: int) -> PriceList:
    """Idle minutes cost so many minor units at most, where they cost anything."""
    has_idle = any(one.unit is Unit.IDLE_MINUTE for one in prices.fees)
    return replace(prices, idle_at_most=major(most, prices.currency)) if has_idle else prices


PRICES |= st.builds(capped, PRICES, st.integers(1, 20_000))


def idling(prices: PriceList, usage: Usage) -> int:
    """What the idle minutes of a session cost."""
    return sum(line.amount for line in receipt(usage, prices, BERLIN).lines if line.unit is Unit.IDLE_MINUTE)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Sessions around the two days on which the clock is set."""
    plugged = begin(draw(st.sampled_from(["2026-03-28T20:00", "2026-10-24T20:00"]))) + timedelta(
        seconds=draw(st.integers(0, 40_000))
    )
    until = plugged + timedelta(seconds=draw(st.integers(0, 60_000)))
    first = int(plugged.timestamp()) // QUARTER_S
    last = max(first, (int(until.timestamp()) - 1) // QUARTER_S)
    numbers = sorted(draw(st.sets(st.integers(first, last), max_size=8)))
    quarters = tuple(
        UsedQuarter(number * QUARTER_S, draw(st.integers(0, 40_000)), draw(st.integers(0, QUARTER_S)))
        for number in numbers
    )
    return Usage("x", "A/1", plugged, until, until, until, quarters)


@given(usages(), PRICES)
def test_lines_are_quantity_times_price_and_sum_up_to_the_total(usage: Usage, prices: PriceList) -> None:
    found = receipt(usage, prices, BERLIN)
    for line in found.lines:
        units = Decimal(line.quantity) / (1000 if line.unit is Unit.KWH else 1)
        assert line.amount == minor(units * line.price, prices.currency)
        assert 0 <= line.vat <= line.amount
        assert line.quantity > 0
    assert found.total == sum(line.amount for line in found.lines) == found.net + found.vat
    wh = sum(line.quantity for line in found.lines if line.unit is Unit.KWH)
    assert wh <= usage.energy_wh
    minutes = sum(line.quantity for line in found.lines if line.unit is Unit.MINUTE)
    assert minutes <= usage.minutes


@given(usages(), PRICES, st.integers(1, 20_000))
def test_idle_minutes_cost_what_they_cost_until_that_is_the_most(usage: Usage, prices: PriceList, most: int) -> None:
    without = replace(prices, idle_at_most=None)
    assert idling(capped(without, most), usage) == min(idling(without, usage), most)


@given(usages(), PRICES, st.data())
def test_more_energy_more_time_or_more_idling_never_costs_less(usage: Usage, prices: PriceList, data: Any) -> None:
    before = receipt(usage, prices, BERLIN).total
    longer = replace(usage, until=usage.until + timedelta(seconds=data.draw(st.integers(0, 5_000))))
    assert receipt(longer, prices, BERLIN).total >= before
    if usage.quarters:
        at = data.draw(st.integers(0, len(usage.quarters) - 1))
        one = usage.quarters[at]
        more = replace(
            one,
            energy_wh=one.energy_wh + data.draw(st.integers(0, 5_000)),
            idle_s=data.draw(st.integers(one.idle_s, QUARTER_S)),
        )
        grown = replace(usage, quarters=(*usage.quarters[:at], more, *usage.quarters[at + 1 :]))
        more_energy = replace(
            grown,
            quarters=tuple(replace(q, idle_s=u.idle_s) for q, u in zip(grown.quarters, usage.quarters, strict=True)),
        )
        assert receipt(more_energy, prices, BERLIN).total >= before
