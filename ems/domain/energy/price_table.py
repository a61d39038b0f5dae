"""A table of energy prices as it was read: the prices, and what is to be said about its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ems.domain.energy.price_series import PriceSeries


class PriceFinding(NamedTuple):
    """What is doubtful or wrong in the row that ends on line `row`, from 1. `is_refusal`: the row gives no price;
    otherwise the message says what was made of it.
    """

    row: int
    message: str
    remedy: str
    is_refusal: bool = False

    def __str__(self) -> str:
        return f"row {self.row}: {self.message}"


class NoPricesError(ValueError):
    """A table tells nothing that could count; `findings` say why, row by row."""

    def __init__(self, words: str, findings: tuple[PriceFinding, ...] = ()) -> None:
        super().__init__(words)
        self.findings = findings


@dataclass(frozen=True, slots=True)
class PriceFile:
    """What a table of prices told. `series` is in currency per kWh; `currency` is None where the table names none.

    `rows` counts the rows of data. A row that gave no price is named by a refusal; the other findings say what was
    assumed or where times are missing.
    """

    name: str
    series: PriceSeries
    currency: str | None
    rows: int
    findings: tuple[PriceFinding, ...]

    @property
    def is_usable(self) -> bool:
        """Whether it told any price."""
        return bool(self.series.points)
