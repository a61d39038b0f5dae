"""The shape of what the interface answers about energy prices. Prices are in the currency of the tariff per kWh."""

from __future__ import annotations

from typing_extensions import TypedDict

from ems.adapters.web.operations.shape import FindingRow


class PricePoint(TypedDict):
    """A price from `start` until `end` (UTC); `pushed`: it does not come from a file."""

    start: str
    end: str
    per_kwh: float
    pushed: bool


class SeriesRow(TypedDict):
    """A series that the tariff follows, or the reports for the grid's carbon intensity, in its `unit`, from `begin`
    until `end` with what is known between them; null: nothing is.
    """

    series: str
    unit: str
    begin: str | None
    end: str | None
    pushed_until: str | None
    prices: list[PricePoint]


class EnergyPrices(TypedDict):
    """The prices of energy as plans are made with them, and in words what could not be used."""

    currency: str
    series: list[SeriesRow]
    doubts: list[str]


class PricesTaken(TypedDict):
    """So many prices count now, or would, from `begin` until `end`; `findings`: what is to be said about rows; those
    that are refused gave no price. `findings_total` counts also those left out.
    """

    series: str
    taken: int
    begin: str
    end: str
    findings: list[FindingRow]
    findings_total: int
