"""Energy prices that are pushed: what counts afterwards, and what is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.energy.price_push import (
    MOST_POINTS,
    MOST_SERIES,
    SERIES_KEPT,
    Pushed,
    SeriesForgotten,
    SeriesTold,
    changed_series,
    must_be_meant,
)
from ems.domain.energy.price_series import PricePoint, PriceSeries
from ems.domain.unknown import UnknownError

NOW = datetime(2026, 3, 29, 10, 0, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0)
NAME = "day-ahead"
ZONE = ZoneInfo("Europe/Berlin")


def hours(*prices: float, since: datetime = MIDNIGHT) -> PriceSeries:
    return PriceSeries.of((since + timedelta(hours=k), price) for k, price in enumerate(prices))


def told(known: Pushed, prices: PriceSeries, whole: bool = False) -> Pushed:
    return changed_series(known, SeriesTold(NAME, prices, whole), NOW)


def test_a_part_counts_for_its_times_and_the_rest_stays() -> None:
    known = told({}, hours(0.1, 0.2, 0.3))
    after = told(known, hours(-0.05, since=MIDNIGHT + timedelta(hours=1)))
    assert after == {NAME: hours(0.1, -0.05, 0.3)}
    assert told(after, hours(0.9), whole=True) == {NAME: hours(0.9)}


def test_other_series_are_left_alone() -> None:
    known = changed_series({}, SeriesTold("intraday", hours(0.4)), NOW)
    assert told(known, hours(0.1)) == {"intraday": hours(0.4), NAME: hours(0.1)}
    assert changed_series(told(known, hours(0.1)), SeriesForgotten(NAME), NOW) == known
    with pytest.raises(UnknownError, match="no prices of 'day-ahead' were pushed"):
        changed_series(known, SeriesForgotten(NAME), NOW)


def test_what_is_long_over_is_dropped() -> None:
    old = hours(0.1, 0.2, since=NOW - SERIES_KEPT - timedelta(hours=1, minutes=30))
    assert told({}, old) == {NAME: PriceSeries(old.points[1:])}


SERIES = st.lists(st.tuples(st.integers(0, 95), st.floats(-1, 1)), min_size=1, unique_by=lambda point: point[0]).map(
    lambda points: PriceSeries.of(
        ((MIDNIGHT + timedelta(minutes=15 * k), price) for k, price in points), timedelta(minutes=15)
    )
)


@given(SERIES, SERIES)
def test_what_is_pushed_again_changes_nothing_and_every_price_is_the_newest(
    first: PriceSeries, then: PriceSeries
) -> None:
    once = told(told({}, first), then)
    assert told(once, then) == once
    for k in range(96):
        at_s = int(MIDNIGHT.timestamp()) + 900 * k
        newest = then.at(at_s)
        assert once[NAME].at(at_s) == (first.at(at_s) if newest is None else newest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (SeriesTold(NAME, hours(0.1, since=NOW - timedelta(days=80))), "over for more than 70 days"),
        (SeriesTold(NAME, hours(0.1, since=NOW + timedelta(days=500))), "more than 400 days ahead: check the year"),
        (SeriesTold("a\nb", hours(0.1)), "the name of a series"),
        (
            SeriesTold(NAME, PriceSeries(tuple(PricePoint(int(NOW.timestamp()) + k, int(NOW.timestamp()) + k + 1, 0.1)
                                               for k in range(MOST_POINTS + 1)))),
            "at most 10000 prices",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(change: SeriesTold, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        changed_series({}, change, NOW)


def test_so_many_series_are_kept() -> None:
    full = {f"s{k}": hours(0.1) for k in range(MOST_SERIES)}
    with pytest.raises(ValueError, match="of 20 series"):
        told(full, hours(0.1))
    assert changed_series(full, SeriesTold("s0", hours(0.2)), NOW)["s0"] == hours(0.2)


@pytest.mark.parametrize(("per_kwh", "currency", "is_meant"), [(0.4, "EUR", True), (-4.9, "EUR", True),
    (84.31, "EUR", False), (-84.31, "GBP", False), (84.31, "JPY", True)])  # fmt: skip
def test_a_unit_that_was_mixed_up_is_seen(per_kwh: float, currency: str, is_meant: bool) -> None:
    if is_meant:
        must_be_meant(hours(0.1, per_kwh), currency, ZONE)
        return
    said = f"from 2026-03-29 03:00 on, {per_kwh:g} {currency} per kWh, is hardly meant: check whether"
    with pytest.raises(ValueError, match=re.escape(said)):
        must_be_meant(hours(0.1, per_kwh), currency, ZONE)


def test_how_many_prices_are_hardly_meant_is_said() -> None:
    with pytest.raises(ValueError, match=r"from 2026-03-29 03:00 on, 84 EUR .*, as is that of 2 more times: "):
        must_be_meant(hours(0.1, 84.0, 80.0, 0.2, -90.0), "EUR", ZONE)
