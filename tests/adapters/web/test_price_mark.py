"""What a driver was shown is what they pay: the mark of a price is that of its meaning, not of how it is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest

from ems.adapters.store.price_rows import price_list_of, price_list_row
from ems.adapters.web.driver.offer import mark_of
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.recurrence import DayWindow, Recurrence, Season
from ems.domain.validity import Validity

EVENING, NIGHT = (DayWindow(frozenset(range(5)), time(since), time(until)) for since, until in ((17, 20), (22, 6)))
SUMMER = Season((6, 1), (8, 31))
KWH, IDLE = Fee(Unit.KWH, Decimal("0.50")), Fee(Unit.IDLE_MINUTE, Decimal("0.10"))
PUBLIC = PriceList("public", "EUR", (KWH, IDLE), "Everybody", Decimal(19), 10, hold=Decimal(40))


def test_it_is_the_same_in_every_version() -> None:
    """Who loaded the page before an update pays after it. Whoever adds to prices leaves this as it is."""
    assert mark_of(PUBLIC) == "d8f43c985bbc1bf5"
    assert mark_of(None) == "44136fa355b3678a"


@pytest.mark.parametrize(
    "other",
    [
        replace(PUBLIC, id="p", name="All"),
        replace(PUBLIC, validity=Validity(date(2026, 1, 1)), evses=("A1/1",)),
        replace(PUBLIC, fees=(replace(KWH, price=Decimal("0.5")), IDLE), vat_percent=Decimal("19.00")),
        replace(PUBLIC, fees=(IDLE, KWH), hold=Decimal("40.00")),
        price_list_of(price_list_row(PUBLIC)),
    ],
)
def test_the_same_price_has_the_same_mark(other: PriceList) -> None:
    assert mark_of(other) == mark_of(PUBLIC)


def test_times_in_another_order_are_the_same_times() -> None:
    orders = ((EVENING, NIGHT), (NIGHT, EVENING))
    one, other = (replace(KWH, times=Recurrence((SUMMER,), windows)) for windows in orders)
    assert mark_of(replace(PUBLIC, fees=(one,))) == mark_of(replace(PUBLIC, fees=(other,)))


def test_who_pays_nothing_is_told_nothing_new_by_a_list_without_fees() -> None:
    assert mark_of(PriceList("free", "EUR", (), vat_percent=Decimal(19), idle_grace_min=5)) == mark_of(None)


OTHERS: list[dict[str, Any]] = [
    {},
    {"currency": "USD"},
    {"fees": (replace(KWH, price=Decimal("0.51")), IDLE)},
    {"fees": (replace(KWH, unit=Unit.MINUTE), IDLE)},
    {"fees": (KWH,)},
    {"fees": (replace(KWH, times=Recurrence(windows=(EVENING,))), IDLE)},
    {"fees": (replace(KWH, times=Recurrence(windows=(NIGHT,))), IDLE)},
    {"fees": (replace(KWH, times=Recurrence((SUMMER,))), IDLE)},
    {"fees": (replace(KWH, price=Decimal(1)), KWH, IDLE)},
    {"fees": (KWH, replace(KWH, price=Decimal(1)), IDLE)},
    {"vat_percent": Decimal(7)},
    {"idle_grace_min": 15},
    {"idle_at_most": Decimal(12)},
    {"hold": Decimal(50)},
    {"hold": None},
]


def test_another_price_has_another_mark() -> None:
    marks = [mark_of(replace(PUBLIC, **changes)) for changes in OTHERS]
    for (one, mark), (other, beside) in combinations(zip(OTHERS, marks, strict=True), 2):
        assert mark != beside, (one, other)
