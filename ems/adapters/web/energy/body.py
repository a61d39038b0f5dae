"""What can be pushed of energy prices, and the table that it becomes: one reader for all forms."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ems.adapters.web.body import Moment

MOST_TABLE = 400_000
MOST_ROWS = 4_000


class PriceRow(BaseModel):
    """A price from `start` until `end`; without an end as long as its neighbour."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    start: Moment
    end: Moment | None = None
    price: float


class PricesBody(BaseModel):
    """Prices of a series: as `prices` with their `unit`, or as the text of a `table`, as files have it. Of a list the
    first price is row 2.
    """

    model_config = ConfigDict(
        extra="forbid",
        str_max_length=MOST_TABLE,
        json_schema_extra={
            "examples": [
                {
                    "series": "day-ahead",
                    "unit": "EUR/MWh",
                    "prices": [
                        {"start": "2026-03-29T00:00:00+01:00", "price": 84.31},
                        {"start": "2026-03-29T01:00:00+01:00", "price": -3.2},
                    ],
                },
                {"series": "day-ahead", "table": "start;price_eur_mwh\n2026-03-29T00:00+01:00;84.31\n"},
            ]
        },
    )

    series: Annotated[str, Field(min_length=1, max_length=64)]
    unit: Annotated[str, Field(pattern=r"^([A-Z]{3}|g|gCO2|kgCO2)/[kM]Wh$")] | None = None
    prices: Annotated[list[PriceRow], Field(min_length=1, max_length=MOST_ROWS)] | None = None
    table: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.prices is None) == (self.table is None):
            raise ValueError("write prices, or a table")
        if (self.prices is None) != (self.unit is None):
            raise ValueError(
                "prices need a unit as EUR/MWh, intensities one as gCO2/kWh; a table has it in its heading"
            )
        return self

    def text(self) -> str:
        """The table."""
        if self.prices is None:
            return self.table or ""
        rows = (
            f"{row.start.isoformat()};{'' if row.end is None else row.end.isoformat()};{row.price!r}"
            for row in self.prices
        )
        return "\n".join((f"start;end;price [{self.unit}]", *rows))
