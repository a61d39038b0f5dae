"""The prices of energy that a running site knows, and tables of them as they are pushed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from ems.adapters.prices import INTENSITY, PriceFile, parse_prices
from ems.assembly.sources import PriceFolder, Sources
from ems.domain.energy.carbon import GRAM, odd_grams
from ems.domain.energy.price_push import KnownSeries, Pushed, must_be_meant
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.price_table import NoPricesError
from ems.domain.energy.tariff import Tariff
from ems.domain.unknown import UnknownError


class SitePrices:
    """The `EnergyPrices` port; `sources` are those of the plans as they are now, and `pushed` tells what was. All
    reading happens in threads.
    """

    def __init__(
        self,
        sources: Callable[[], Sources],
        pushed: Callable[[], Pushed],
        carbon: Callable[[], tuple[str | None, ZoneInfo]],
    ) -> None:
        """`carbon`: the series of the grid's carbon intensity, if there is one, and the zone of the site."""
        self._sources, self._pushed, self._carbon = sources, pushed, carbon
        self._folder = PriceFolder(sources().prices)

    async def read(self, series: str, table: str) -> PriceFile:
        """Read a table of prices; nothing changes. Raises UnknownError or ValueError."""
        carbon, zone = self._carbon()
        if series == carbon:
            priced = self._sources().tariff
            if priced is not None and series in priced.series_names:
                raise ValueError(f"prices of the tariff and reports: co2_series are both called {series!r}: rename one")
            return await _intensity(series, table, zone)
        tariff = _following(self._sources().tariff, series)
        told = await asyncio.to_thread(parse_prices, table, tariff.zone, series)
        if not told.is_usable:
            first = next((finding for finding in told.findings if finding.is_refusal), None)
            raise NoPricesError(f"it has no prices: {first or 'there are no rows'}", told.findings)
        if told.currency not in {None, tariff.currency}:
            raise ValueError(f"the prices are in {told.currency}, the tariff is in {tariff.currency}")
        must_be_meant(told.series, tariff.currency, tariff.zone)
        return told

    async def known(self) -> tuple[Sequence[KnownSeries], Sequence[str]]:
        """The series of the tariff as plans are made with them, and in words what could not be used."""
        pushed = self._pushed()
        tariff, doubts = await asyncio.to_thread(self._folder.completed, self._sources().tariff, pushed)
        nothing, names = PriceSeries(), () if tariff is None else sorted(tariff.series_names)
        series = {} if tariff is None else tariff.series
        found = [KnownSeries(name, series.get(name, nothing), pushed.get(name, nothing)) for name in names]
        carbon, zone = self._carbon()
        if carbon is not None:
            told, more = await asyncio.to_thread(self._folder.intensity, carbon, zone, pushed)
            found.append(KnownSeries(carbon, told, pushed.get(carbon, nothing), "gCO2"))
            doubts = (*doubts, *more)
        return found, doubts


async def _intensity(series: str, table: str, zone: ZoneInfo) -> PriceFile:
    """A table of carbon intensities. Raises ValueError."""
    told = await asyncio.to_thread(parse_prices, table, zone, series, INTENSITY)
    if not told.is_usable:
        first = next((finding for finding in told.findings if finding.is_refusal), None)
        raise NoPricesError(f"it has no intensities: {first or 'there are no rows'}", told.findings)
    if told.currency != GRAM:
        raise ValueError("the series is of the grid's carbon intensity: write the unit as gCO2/kWh")
    if why := odd_grams(told.series):
        raise ValueError(why)
    return told


def _following(tariff: Tariff | None, series: str) -> Tariff:
    if tariff is None:
        raise UnknownError("the site has no tariff: write tariff: {file: tariff.yaml} into site.yaml")
    if series not in tariff.series_names:
        names = ", ".join(sorted(tariff.series_names)) or "none"
        raise UnknownError(f"the tariff {tariff.name} follows no series {series[:64]!r}; it follows: {names}")
    return tariff
