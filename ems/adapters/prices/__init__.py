"""Prices and carbon intensities that come from outside as text: in files that a script puts beside the site, or pushed.

Spoken here: tables with one row for each time, as market operators, suppliers and spreadsheets write them. Never here:
what a tariff makes of the prices (`domain.tariff`), nor when a file is looked for. Who may import it: `assembly`,
`cli`, and what hands pushed text on.

    read_prices(path, zone)          a file
    parse_prices(text, zone, name)   the same from text

With `INTENSITY` as a last argument the table is one of carbon intensities, and findings say so.

Neither raises. Every row either gives a value or is named in the findings with its line and what to do about it.
"""

from __future__ import annotations

from ems.adapters.prices.price_file import parse_prices, read_prices
from ems.adapters.prices.quantity import INTENSITY, PRICE, Quantity
from ems.domain.energy.price_table import PriceFile, PriceFinding

__all__ = ["INTENSITY", "PRICE", "PriceFile", "PriceFinding", "Quantity", "parse_prices", "read_prices"]
