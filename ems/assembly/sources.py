"""Where the planner's experience comes from, and the price files among it; light, because the daemon looks here too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.adapters.prices import INTENSITY, PRICE, PriceFile, Quantity, read_prices
from ems.domain.energy.carbon import GRAM, odd_grams
from ems.domain.energy.price_push import NOTHING_PUSHED, Pushed
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import Tariff
from ems.domain.site import Site


class Sources(NamedTuple):
    """Where experience comes from: the tariff as the site's files say it, the folder of the price series that it
    follows, and the database.
    """

    site: Site
    tariff: Tariff | None
    prices: Path
    database: str | Path


class PriceFolder:
    """Files with the prices of series: of the series NAME every table whose name begins so, as in `day-ahead.csv` or
    `day-ahead-2026-03-29.csv`; in the order of their names, later ones win.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[tuple[tuple[str, int, int], Quantity], PriceFile] = {}

    def completed(
        self, tariff: Tariff | None, pushed: Pushed = NOTHING_PUSHED
    ) -> tuple[Tariff | None, tuple[str, ...]]:
        """The tariff with the prices that its series have, and in words what could not be used. What was pushed counts
        over all files, wherever it tells a price.
        """
        doubts: list[str] = []
        if tariff is None:
            return None, ()
        for name in sorted(tariff.series_names):
            for path, found in self._found(name, tariff.zone, doubts, PRICE):
                if found.currency not in {None, tariff.currency}:
                    doubts.append(f"{path.name} is in {found.currency}, the tariff in {tariff.currency}: not used")
                else:
                    series = tariff.series.get(name)
                    tariff = tariff.with_series(name, found.series if series is None else series.updated(found.series))
            if name in pushed:
                tariff = tariff.with_series(name, tariff.series.get(name, PriceSeries()).updated(pushed[name]))
        return tariff, tuple(doubts)

    def intensity(
        self, name: str, zone: ZoneInfo, pushed: Pushed = NOTHING_PUSHED
    ) -> tuple[PriceSeries, tuple[str, ...]]:
        """The carbon intensity of the grid by a series, g/kWh, likewise."""
        doubts: list[str] = []
        series = PriceSeries()
        for path, found in self._found(name, zone, doubts, INTENSITY):
            why = "its heading names no g/kWh, as in start;intensity_g_kwh"
            if found.currency == GRAM:
                why = odd_grams(found.series)
            if why:
                doubts.append(f"{path.name} is not used: {why}")
            else:
                series = series.updated(found.series)
        return series.updated(pushed.get(name, PriceSeries())), tuple(doubts)

    def _found(self, name: str, zone: ZoneInfo, doubts: list[str], of: Quantity) -> Iterator[tuple[Path, PriceFile]]:
        """The files of a series that tell something; of the others `doubts` say why not."""
        for path in self._files(name):
            found = self._content(path, zone, of)
            if found.is_usable:
                yield path, found
            else:
                why = found.findings[0].message if found.findings else "there are no rows"
                doubts.append(f"{path.name} has no {of.plural}: {why}")

    def state(self) -> tuple[tuple[str, int, int], ...]:
        """What tells whether a file has changed: of each its name, size and time."""
        try:
            return tuple(sorted(_identity(path) for path in self._folder.iterdir() if path.is_file()))
        except OSError:
            return ()

    def _files(self, series: str) -> Iterator[Path]:
        for path in sorted((Path(name) for name, _, _ in self.state()), key=lambda path: (path.stem, path.name)):
            if path.stem == series or path.stem.startswith(f"{series}-"):
                yield self._folder / path

    def _content(self, path: Path, zone: ZoneInfo, of: Quantity) -> PriceFile:
        try:
            key = _identity(path), of
        except OSError:
            return read_prices(path, zone, of)
        if key not in self._read:
            self._read[key] = read_prices(path, zone, of)
        return self._read[key]


def _identity(path: Path) -> tuple[str, int, int]:
    found = path.stat()
    return path.name, found.st_size, found.st_mtime_ns
