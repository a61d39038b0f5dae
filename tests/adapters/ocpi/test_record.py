"""Charge detail records add up: periods to energy and time, costs to the total, and that to the receipt."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as some

from ems.adapters.ocpi.model.location import Evse as EvseObject
from ems.adapters.ocpi.model.location import Status
from ems.adapters.ocpi.model.session import AuthMethod, Cdr
from ems.adapters.ocpi.model.token import Token
from ems.adapters.ocpi.wording.location import evse_object
from ems.adapters.ocpi.wording.session import Permission, begun, cdr
from ems.adapters.ocpi.wording.tariff import worded
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.tab import Tab
from ems.domain.billing.usage import supposed
from ems.domain.recurrence import DayWindow, Recurrence
from tests.adapters.ocpi.provider import token
from tests.adapters.ocpi.test_naming import OPERATOR
from tests.runtime.world import site

BERLIN = ZoneInfo("Europe/Berlin")
SITE = site()
EVSE = SITE.evses[0]
PRICE = some.decimals(0, 5, places=3)
WINDOWS = some.sampled_from(
    [
        Recurrence(),
        Recurrence(windows=(DayWindow(frozenset(range(5)), time(7), time(19)),)),
        Recurrence(windows=(DayWindow(frozenset(range(7)), time(22), time(6)),)),
    ]
)
FEES = some.lists(some.builds(Fee, some.sampled_from(list(Unit)), PRICE, WINDOWS), max_size=6).map(tuple)
LISTS = some.builds(
    PriceList,
    some.just("public"),
    some.sampled_from(["EUR", "JPY", "KWD"]),
    FEES,
    vat_percent=some.sampled_from([Decimal(0), Decimal(7), Decimal(19), Decimal("8.1")]),
    idle_grace_min=some.integers(0, 90),
)
PLUGGED = some.datetimes(datetime(2026, 3, 28), datetime(2026, 11, 2)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


def record(prices: PriceList | None, plugged: datetime, energy_wh: int, power_w: int, idle_min: int) -> Cdr:
    usage = supposed(EVSE.id, plugged, energy_wh, power_w, idle_min)
    tab = Tab(usage, () if prices is None else (prices,))
    by = Permission(Token.model_validate(token("CARD")), AuthMethod.WHITELIST)
    told = begun(OPERATOR, SITE, "s-1", "A*1", by, (plugged, usage.until))
    place: EvseObject = evse_object(OPERATOR, SITE, EVSE, Status.CHARGING, (), plugged)
    tariff = None if prices is None else worded(OPERATOR, prices, plugged, SITE.zone, plugged).tariff
    return cdr(OPERATOR, SITE, told, place, tab, tab.receipt(SITE.zone), tariff)


def volume(told: Cdr, kind: str) -> Decimal:
    return sum((one.volume for p in told.charging_periods for one in p.dimensions if one.type == kind), Decimal(0))


@given(LISTS, PLUGGED, some.integers(1, 90_000), some.integers(1_000, 22_000), some.integers(0, 600))
def test_everything_in_a_record_adds_up(
    prices: PriceList, plugged: datetime, energy_wh: int, power_w: int, idle_min: int
) -> None:
    told = record(prices, plugged, energy_wh, power_w, idle_min)
    assert volume(told, "ENERGY") == told.total_energy == Decimal(energy_wh) / 1000
    assert volume(told, "TIME") + volume(told, "PARKING_TIME") == told.total_time
    assert volume(told, "PARKING_TIME") == told.total_parking_time
    hours = Decimal((told.end_date_time - told.start_date_time).total_seconds()) / 3600
    assert abs(told.total_time - hours) < Decimal("0.0005")
    parts = (told.total_fixed_cost, told.total_energy_cost, told.total_time_cost, told.total_parking_cost)
    known = [one for one in parts if one is not None]
    for name in ("excl_vat", "incl_vat"):
        assert sum((getattr(one, name) for one in known), Decimal(0)) == getattr(told.total_cost, name)
    made = Tab(supposed(EVSE.id, plugged, energy_wh, power_w, idle_min), (prices,)).receipt(SITE.zone)
    assert made is not None
    assert told.total_cost.incl_vat is not None
    assert told.total_cost.incl_vat * 10**6 == Decimal(made.total) * Decimal(10) ** (6 - places(prices.currency))
    starts = [one.start_date_time for one in told.charging_periods]
    assert starts == sorted(set(starts))
    assert Cdr.model_validate(told.told()).told() == told.told(), "as it is read elsewhere"


def places(currency: str) -> int:
    return {"EUR": 2, "JPY": 0, "KWD": 3}[currency]


def test_a_session_that_costs_nothing_has_a_record_all_the_same() -> None:
    told = record(None, datetime(2026, 3, 2, 8, tzinfo=UTC), 5000, 10_000, 0).told()
    assert told["total_cost"] == {"excl_vat": 0, "incl_vat": 0}
    assert told["total_energy"] == 5
    assert "tariffs" not in told


def test_a_period_begins_where_another_price_counts() -> None:
    """From 06:30 to 07:30 in Berlin, and the price of a kWh changes at 07:00."""
    prices = PriceList(
        "public",
        "EUR",
        (
            Fee(Unit.KWH, Decimal("0.60"), Recurrence(windows=(DayWindow(frozenset(range(7)), time(7), time(19)),))),
            Fee(Unit.KWH, Decimal("0.30")),
        ),
    )
    plugged = datetime(2026, 3, 2, 6, 30, tzinfo=BERLIN).astimezone(UTC)
    told = record(prices, plugged, 10_000, 10_000, 0)
    assert [one.start_date_time - plugged for one in told.charging_periods] == [timedelta(0), timedelta(minutes=30)]
    assert [one.dimensions[0].volume for one in told.charging_periods] == [5, 5]
    assert told.total_cost.incl_vat == Decimal("4.50")
