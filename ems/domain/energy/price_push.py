"""Energy prices that are pushed to us. They count over those from files wherever they tell any."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.energy.price_series import PriceSeries
from ems.domain.local_clock import local
from ems.domain.unknown import UnknownError
from ems.domain.vehicle import plain_id

SERIES_KEPT = timedelta(days=70)
"""The report of a month is made with them in the next one. What is over for longer belongs into a file."""

SERIES_AHEAD = timedelta(days=400)
MOST_POINTS, MOST_SERIES = 10_000, 20

MOST_PER_KWH = 5.0
"""In euro, franc, pound or dollar more than any hour has cost."""

STRONG = frozenset({"EUR", "GBP", "USD", "CHF"})


class SeriesTold(NamedTuple):
    """Prices of a series, in the currency of the tariff, count from now on, over those that were pushed before.
    `whole`: nothing that was pushed before stays.
    """

    series: str
    prices: PriceSeries
    whole: bool = False


class SeriesForgotten(NamedTuple):
    """What was pushed of a series counts no more."""

    series: str


SeriesChange = SeriesTold | SeriesForgotten
Pushed = Mapping[str, PriceSeries]
"""Prices by the name of their series."""

NOTHING_PUSHED: Pushed = MappingProxyType({})


class KnownSeries(NamedTuple):
    """A series as plans are made with it, and what of it was pushed; `in_`: what its values are per kWh, empty for the
    currency of the tariff.
    """

    name: str
    prices: PriceSeries
    pushed: PriceSeries
    in_: str = ""


def changed_series(known: Pushed, change: SeriesChange, now: datetime) -> Pushed:
    """What is known of pushed prices after a change. Raises UnknownError or ValueError."""
    others = {name: prices for name, prices in known.items() if name != change.series}
    if isinstance(change, SeriesForgotten):
        if change.series not in known:
            raise UnknownError(f"no prices of {change.series!r} were pushed")
        return others
    plain_id("the name of a series", change.series)
    before = PriceSeries() if change.whole else known.get(change.series, PriceSeries())
    since_s = int((now - SERIES_KEPT).timestamp())
    kept = PriceSeries(tuple(point for point in before.updated(change.prices).points if point.end_s > since_s))
    if all(point.end_s <= since_s for point in change.prices.points):
        raise ValueError(f"all these prices are over for more than {SERIES_KEPT.days} days")
    if kept.end is not None and kept.end > now + SERIES_AHEAD:
        raise ValueError(f"prices for {kept.end:%Y-%m-%d} are more than {SERIES_AHEAD.days} days ahead: check the year")
    if len(kept.points) > MOST_POINTS or len(others) >= MOST_SERIES:
        raise ValueError(f"at most {MOST_POINTS} prices of {MOST_SERIES} series are kept")
    return {**others, change.series: kept}


def over(prices: PriceSeries, now: datetime) -> PriceSeries:
    """Those that are over for too long to be kept."""
    since_s = int((now - SERIES_KEPT).timestamp())
    return PriceSeries(tuple(point for point in prices.points if point.end_s <= since_s))


def must_be_meant(prices: PriceSeries, currency: str, zone: ZoneInfo) -> None:
    """Refuse prices that show that the unit was mixed up. Raises ValueError that names the first and how many."""
    high = [point for point in prices.points if abs(point.per_kwh) > MOST_PER_KWH]
    if currency in STRONG and high:
        others = f", as is that of {len(high) - 1} more times" if high[1:] else ""
        since, price = local(high[0].begin_s, zone), f"{high[0].per_kwh:g} {currency} per kWh"
        raise ValueError(
            f"the price from {since:%Y-%m-%d %H:%M} on, {price}, is hardly meant{others}: "
            "check whether the prices are per MWh or in cent"
        )
