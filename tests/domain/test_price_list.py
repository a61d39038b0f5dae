"""Which price list counts for whom, and what a price list cannot be."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ems.domain.billing.price_list import Fee, PriceList, Unit, chosen, quoted
from ems.domain.recurrence import DayWindow, Recurrence
from ems.domain.validity import Validity

BERLIN = ZoneInfo("Europe/Berlin")
EACH_DAY = frozenset(range(7))


def during(since: time, until: time, days: frozenset[int] = EACH_DAY) -> Recurrence:
    return Recurrence(windows=(DayWindow(days, since, until),))


def listed(name: str, cents: int = 39, **more: Any) -> PriceList:
    return PriceList(name, "EUR", (Fee(Unit.KWH, Decimal(cents) / 100),), **more)


PUBLIC = listed("public")
STAFF = listed("staff", 25, groups=("staff",))
BAY = listed("bay", 59, evses=("DC-01/1",))
STAFF_AT_BAY = listed("staff at the bay", 45, groups=("staff", "guests"), evses=("DC-01/1",))
ALL = (PUBLIC, STAFF, BAY, STAFF_AT_BAY)
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("evse", "groups", "name"),
    [
        ("CP-01/1", (), "public"),
        ("CP-01/1", ("staff",), "staff"),
        ("CP-01/1", ("guests",), "public"),
        ("DC-01/1", (), "bay"),
        ("DC-01/1", ("staff",), "staff at the bay"),
        ("DC-01/1", ("guests", "staff"), "staff at the bay"),
    ],
)
def test_who_is_named_comes_before_where_and_both_before_anybody(evse: str, groups: tuple[str, ...], name: str) -> None:
    prices = chosen(quoted(ALL, evse, NOON, BERLIN), groups)
    assert prices is not None
    assert prices.id == name


def test_without_a_list_it_is_free() -> None:
    assert chosen(quoted((STAFF, BAY), "CP-01/1", NOON, BERLIN), ()) is None


@pytest.mark.parametrize(
    ("fees", "hold", "nothing"), [((), None, True), ((0,), None, True), ((0, 39), None, False), ((), 20, False)]
)
def test_a_list_may_cost_nothing(fees: tuple[int, ...], hold: int | None, nothing: bool) -> None:
    paid = tuple(Fee(unit, Decimal(cents) / 100) for unit, cents in zip(Unit, fees, strict=False))
    prices = PriceList("x", "EUR", paid, hold=None if hold is None else Decimal(hold))
    assert prices.costs_nothing == nothing


def test_the_local_day_of_plug_in_decides_which_is_valid() -> None:
    old = listed("2026", validity=Validity(None, date(2026, 12, 31)))
    new = listed("2027", 49, validity=Validity(date(2027, 1, 1)))
    before = datetime(2026, 12, 31, 22, 59, tzinfo=UTC)
    assert quoted((old, new), "CP-01/1", before, BERLIN) == (old,)
    assert quoted((old, new), "CP-01/1", before.replace(hour=23), BERLIN) == (new,)
    assert not old.rivals(new)


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [
        (PUBLIC, listed("other"), True),
        (PUBLIC, STAFF, False),
        (STAFF, listed("x", groups=("guests",)), False),
        (STAFF_AT_BAY, listed("x", groups=("staff",), evses=("DC-01/1", "DC-02/1")), True),
        (STAFF_AT_BAY, listed("x", groups=("staff",), evses=("DC-02/1",)), False),
        (
            listed("a", validity=Validity(None, date(2026, 5, 1))),
            listed("b", validity=Validity(date(2026, 5, 1))),
            True,
        ),
    ],
)
def test_two_lists_are_rivals_when_nobody_could_say_which_counts(one: PriceList, other: PriceList, are: bool) -> None:
    assert (one.rivals(other), other.rivals(one)) == (are, are)


def test_the_first_fee_that_holds_counts_and_none_is_free() -> None:
    night = Fee(Unit.KWH, Decimal("0.25"), during(time(22), time(6)))
    day = Fee(Unit.KWH, Decimal("0.39"))
    prices = PriceList("x", "EUR", (night, day))
    assert prices.fee(Unit.KWH, datetime(2026, 11, 26, 23, tzinfo=BERLIN)) == 0
    assert prices.fee(Unit.KWH, datetime(2026, 11, 26, 6, tzinfo=BERLIN)) == 1
    assert prices.fee(Unit.SESSION, datetime(2026, 11, 26, 6, tzinfo=BERLIN)) is None


IDLING = (Fee(Unit.IDLE_MINUTE, Decimal("0.10")),)


@pytest.mark.parametrize(
    ("fees", "most", "idle_cost", "grows"),
    [
        ((Fee(Unit.KWH, Decimal(1)), Fee(Unit.SESSION, Decimal(1))), None, 0, False),
        ((Fee(Unit.MINUTE, Decimal(0)), Fee(Unit.IDLE_MINUTE, Decimal(0))), None, 0, False),
        ((Fee(Unit.MINUTE, Decimal("0.01")),), None, 0, True),
        (IDLING, None, 100_000, True),
        (IDLING, Decimal(5), 499, True),
        (IDLING, Decimal(5), 500, False),
        ((*IDLING, Fee(Unit.MINUTE, Decimal("0.01"))), Decimal(5), 500, True),
    ],
)
def test_whether_a_session_costs_more_the_longer_it_stays(
    fees: tuple[Fee, ...], most: Decimal | None, idle_cost: int, grows: bool
) -> None:
    assert PriceList("x", "EUR", fees, idle_at_most=most).grows(idle_cost) is grows


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"id": " x"}, "blanks around"),
        ({"currency": "Euro"}, "three letters"),
        ({"name": "a\x1b[2J"}, "printable"),
        ({"vat_percent": Decimal(-1)}, "VAT"),
        ({"vat_percent": Decimal("19.001")}, "two places"),
        ({"vat_percent": Decimal("NaN")}, "VAT"),
        ({"idle_grace_min": -1}, "grace"),
        ({"hold": Decimal(0)}, "no amount"),
        ({"hold": Decimal("40.001")}, "no amount"),
        ({"hold": Decimal(40), "currency": "JPY"}, None),
        ({"hold": Decimal("40.5"), "currency": "JPY"}, "no amount"),
        ({"idle_at_most": Decimal(0), "fees": IDLING}, "no amount"),
        ({"idle_at_most": Decimal("5.001"), "fees": IDLING}, "no amount"),
        ({"idle_at_most": Decimal(-5), "fees": IDLING}, "most for idle minutes"),
        ({"idle_at_most": Decimal(5)}, "add a fee for 'idle-minute'"),
        ({"idle_at_most": Decimal(5), "fees": IDLING}, None),
        ({"groups": ("a\n",)}, "group"),
        ({"fees": (Fee(Unit.KWH, Decimal(1)),) * 51}, "more than 50"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_name(wrong: dict[str, Any], words: str | None) -> None:
    told = {"id": "x", "currency": "EUR", "fees": (), **wrong}
    if words is None:
        PriceList(**told)
        return
    with pytest.raises(ValueError, match=words):
        PriceList(**told)


def test_a_fee_that_changes_within_a_quarter_hour_is_refused() -> None:
    with pytest.raises(ValueError, match="write 18:00"):
        Fee(Unit.KWH, Decimal(1), during(time(18, 10), time(20)))
