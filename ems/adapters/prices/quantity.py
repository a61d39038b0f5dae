"""What the values of a table are, and how findings speak of them."""

from __future__ import annotations

from typing import NamedTuple


class Quantity(NamedTuple):
    """`noun` and `plural` are what people call a value; `example` is one, `heading` a first row that is understood;
    `unit` says how to state the unit; `otherwise` is what a row without a value is left to; a column is one of values
    when its heading has one of `words` in it.
    """

    noun: str
    plural: str
    example: str
    heading: str
    unit: str
    otherwise: str
    words: tuple[str, ...]


PRICE = Quantity(
    noun="price",
    plural="prices",
    example="84.31",
    heading="start;price_eur_mwh",
    unit="price_eur_mwh, price_eur_kwh or price_ct_kwh",
    otherwise="what the tariff assumes",
    words=("price", "preis", "pricing", "prijs", "prix", "precio", "cost", "rate", "tariff", "value", "wert"),
)
INTENSITY = Quantity(
    noun="intensity",
    plural="intensities",
    example="384.5",
    heading="start;intensity_g_kwh",
    unit="intensity_g_kwh",
    otherwise="what reports take where none is known",
    words=("intensity", "intensität", "carbon", "co2", "emission", "value", "wert"),
)
