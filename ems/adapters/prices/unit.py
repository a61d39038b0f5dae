"""Units of prices as tables write them, and numbers with a decimal point or comma."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from ems.domain.energy.carbon import GRAM

CENTS = frozenset({"ct", "cent", "cents", "p", "pence", "c"})
SYMBOLS = {"€": "EUR", "£": "GBP", "euro": "EUR", "p": "GBP", "pence": "GBP"}
CODES = frozenset(
    {"EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "AUD", "NZD", "CAD"}
)
ENERGY = {"kwh": 1.0, "mwh": 0.001, "wh": 1000.0}


GRAMS = {"g": 1.0, "gram": 1.0, "grams": 1.0, "gramm": 1.0, "gco": 1.0, "kg": 1000.0, "kgco": 1000.0, "tco": 1e6}
"""Of CO2, as they stand before `/kWh`; digits are left out."""


class Unit(NamedTuple):
    """What a number is multiplied with to be currency per kWh, and the currency if it is told; of a carbon intensity
    gram per kWh, and `GRAM`.
    """

    factor: float
    currency: str | None


FIXED_HEADINGS = {"value_inc_vat": Unit(0.01, "GBP"), "value_exc_vat": Unit(0.01, "GBP")}
"""Headings that are known to mean a unit without telling it: those of a British supplier's interface."""


def unit_of(heading: str) -> Unit | None:
    """The unit in a text such as 'Price [€/MWh]', 'eur_per_kwh', 'p/kWh' or 'price_ct'; None when it tells none."""
    if heading.strip().casefold() in FIXED_HEADINGS:
        return FIXED_HEADINGS[heading.strip().casefold()]
    words = re.findall(r"[^\W\d_]+|[€£$]", heading.casefold().replace("₂", "2"))
    energy = [ENERGY[word] for word in words if word in ENERGY]
    has_cents = any(word in CENTS for word in words)
    if not energy and not (has_cents and {"price", "preis", "ct", "cent", "cents", "pence"} & set(words)):
        return None
    currency = next((found for word in words if (found := _currency(word)) is not None), None)
    grams = next((GRAMS[word] for word in words if word in GRAMS), None)
    if grams is not None and energy and currency is None and not has_cents:
        return Unit(grams * energy[0], GRAM)
    return Unit((energy[0] if energy else 1.0) * (0.01 if has_cents else 1.0), currency)


def _currency(word: str) -> str | None:
    return SYMBOLS.get(word) or (word.upper() if word.upper() in CODES else None)


def has_decimal_comma(texts: Iterable[str]) -> bool:
    """Whether the numbers of a column are written as 1.234,56 rather than 1,234.56.

    A comma with other than three digits behind it decides, then a point of that kind, then whether there are commas at
    all while no number has a point.
    """
    found = list(texts)
    if any(re.search(r",(\d{1,2}|\d{4,})$", text) or re.search(r"\.\d{3},\d*$", text) for text in found):
        return True
    if any(re.search(r"\.(\d{1,2}|\d{4,})$", text) or re.search(r",\d{3}\.\d*$", text) for text in found):
        return False
    return any("," in text for text in found) and not any("." in text for text in found)


def number_in(text: str, decimal_comma: bool) -> float | None:
    """The number in a cell without blanks and signs of currencies; None when it is none or not finite."""
    bare = re.sub(r"[\s€£$'\u2019]", "", text).replace("−", "-")
    point, group = (",", r"\.") if decimal_comma else (".", ",")
    whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)"
    if not re.fullmatch(
        rf"[-+]?(?:{whole}(?:{re.escape(point)}\d*)?|{re.escape(point)}\d+)(?:[eE][-+]?\d{{1,2}})?", bare
    ):
        return None
    number = float(re.sub(group, "", bare).replace(",", "."))
    return number if math.isfinite(number) else None
