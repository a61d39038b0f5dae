"""The interfaces through which prices of energy are asked for and pushed, and what is said of days that are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ems.domain.energy.price_push import KnownSeries
from ems.domain.energy.price_table import PriceFile
from ems.planning.day_verdict import DayVerdict


class EnergyPrices(Protocol):
    """Where the prices of energy come from: files beside the site, and what is pushed. That counts wherever it tells a
    price, whatever the files say.
    """

    async def read(self, series: str, table: str) -> PriceFile:
        """Read a table of prices; nothing changes. Raises UnknownError when the tariff follows no such series, and
        ValueError when none of it can be meant, NoPricesError when no row gives a price.
        """
        ...

    async def known(self) -> tuple[Sequence[KnownSeries], Sequence[str]]:
        """The series that the tariff follows as plans are made with them, and in words what could not be used."""
        ...


class Hindsight(Protocol):
    """What is said of finished days."""

    @property
    def days(self) -> Sequence[DayVerdict]:
        """What is known, the newest day first."""
        ...
