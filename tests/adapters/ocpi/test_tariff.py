"""Price lists as tariffs: what each fee becomes, and what OCPI cannot say is said in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ems.adapters.ocpi.wording.tariff import restrictions, worded
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.recurrence import DayWindow, Recurrence, Season
from ems.domain.validity import Validity
from tests.adapters.ocpi.test_naming import OPERATOR

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
DAYS = frozenset(range(7))
WORKDAYS = frozenset(range(5))


def told(*fees: Fee, **more: Any) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    found = worded(OPERATOR, PriceList("public", "EUR", fees, **more), NOW, BERLIN, NOW)
    elements: list[dict[str, Any]] = found.tariff.told()["elements"]
    return elements, found.unsaid


def component(kind: str, price: float, vat: float = 0, step: int = 1) -> dict[str, Any]:
    return {"type": kind, "price": price, "vat": vat, "step_size": step}


def hourly(kind: str, price: float) -> dict[str, Any]:
    return component(kind, price, step=60)


@pytest.mark.parametrize(
    ("fees", "vat", "components"),
    [
        ([Fee(Unit.KWH, Decimal("0.50"))], 19, [component("ENERGY", 0.4202, 19)]),
        ([Fee(Unit.SESSION, Decimal("1"))], 0, [component("FLAT", 1)]),
        (
            [Fee(Unit.MINUTE, Decimal("0.02"))],
            0,
            [component("TIME", 1.2, 0, 60), component("PARKING_TIME", 1.2, 0, 60)],
        ),
        ([Fee(Unit.IDLE_MINUTE, Decimal("0.10"))], 0, [hourly("PARKING_TIME", 6)]),
        (
            [Fee(Unit.IDLE_MINUTE, Decimal("0.10")), Fee(Unit.MINUTE, Decimal("0.02"))],
            0,
            [
                component("PARKING_TIME", 7.2, 0, 60),
                component("TIME", 1.2, 0, 60),
                component("PARKING_TIME", 1.2, 0, 60),
            ],
        ),
        ([], 0, [component("FLAT", 0)]),
    ],
)
def test_each_fee_becomes_a_price_without_tax(fees: list[Fee], vat: int, components: list[dict[str, Any]]) -> None:
    elements, unsaid = told(*fees, vat_percent=Decimal(vat))
    assert [one for element in elements for one in element["price_components"]] == components
    assert unsaid == ()


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (Recurrence(), [None]),
        (Recurrence(windows=(DayWindow(DAYS, time(7), time(19)),)), [{"start_time": "07:00", "end_time": "19:00"}]),
        (
            Recurrence(windows=(DayWindow(frozenset({5, 6}), time(0), time(0)),)),
            [{"day_of_week": ["SATURDAY", "SUNDAY"]}],
        ),
        (
            Recurrence(windows=(DayWindow(frozenset({6}), time(22), time(6)),)),
            [
                {"start_time": "22:00", "end_time": "00:00", "day_of_week": ["SUNDAY"]},
                {"start_time": "00:00", "end_time": "06:00", "day_of_week": ["MONDAY"]},
            ],
        ),
        (Recurrence(seasons=(Season((6, 1), (8, 31)),)), [{"start_date": "2026-06-01", "end_date": "2026-09-01"}]),
        (Recurrence(seasons=(Season((11, 1), (2, 29)),)), [{"start_date": "2026-11-01", "end_date": "2027-03-01"}]),
        (Recurrence(seasons=(Season((11, 1), (3, 31)),)), [{"start_date": "2025-11-01", "end_date": "2026-04-01"}]),
    ],
)
def test_times_become_restrictions(times: Recurrence, expected: list[dict[str, Any] | None]) -> None:
    found = [None if one is None else one.told() for one in restrictions(times, date(2026, 3, 2))]
    assert found == expected


def test_what_cannot_be_said_is_said_in_words() -> None:
    idle = Fee(Unit.IDLE_MINUTE, Decimal("0.10"))
    day = Fee(Unit.MINUTE, Decimal("0.02"), Recurrence(windows=(DayWindow(WORKDAYS, time(7), time(19)),)))
    _, unsaid = told(idle, day, idle_grace_min=30)
    assert unsaid == ("the first 30 idle minutes of a session are free", "idle minutes cost what minutes cost besides")
    _, unsaid = told(idle, day, idle_at_most=Decimal("12.00"))
    assert "idle minutes of a session cost 12.00 EUR at most" in unsaid
    found = worded(OPERATOR, PriceList("p", "EUR", (idle,), idle_grace_min=30), NOW, BERLIN, NOW).tariff
    assert found.tariff_alt_text is not None
    assert "30 idle minutes" in found.tariff_alt_text[0].text


def test_the_days_of_a_price_list_begin_on_the_clock_of_the_site() -> None:
    prices = PriceList("p", "EUR", (), validity=Validity(date(2026, 3, 1), date(2026, 3, 31)))
    found = worded(OPERATOR, prices, NOW, BERLIN, NOW).tariff.told()
    assert (found["start_date_time"], found["end_date_time"]) == ("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z")
