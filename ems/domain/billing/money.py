"""What drivers pay, in whole minor units of a currency; a price of one unit may be finer than those.

The one rule of rounding: an amount is rounded once, to the nearest minor unit, halves away from zero.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache

EXACTLY = Context(prec=60, rounding=ROUND_HALF_UP)
"""A context of our own, so that no setting of the thread changes an amount."""

PRICE_PLACES = 6
"""Decimal places that a price of one unit may have."""

MOST_PRICE = Decimal(1_000_000)

_DECIMALS = {
    0: {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
        "XPF"},
    3: {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"},
    4: {"CLF", "UYW"},
}  # fmt: skip


@cache
def decimals(currency: str) -> int:
    """Decimal places of the minor unit of a currency (ISO 4217, list one). Raises ValueError."""
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise ValueError(f"{currency!r:.20} is not a currency: write its three letters, for example EUR")
    return next((places for places, names in _DECIMALS.items() if currency in names), 2)


def minor(amount: Decimal, currency: str) -> int:
    """An amount in whole minor units, halves away from zero."""
    scaled = EXACTLY.scaleb(amount, decimals(currency))
    return int(scaled.to_integral_value(ROUND_HALF_UP, EXACTLY))


def exactly_minor(amount: Decimal, currency: str) -> int:
    """An amount that somebody told, in whole minor units. Raises ValueError when it is finer than those."""
    if not amount.is_finite() or amount != amount.quantize(Decimal(1).scaleb(-decimals(currency)), context=EXACTLY):
        raise ValueError(f"{amount!s:.20} is no amount of {currency}: {decimals(currency)} decimal places at most")
    return minor(amount, currency)


def major(units: int, currency: str) -> Decimal:
    """The amount that so many minor units are, with all its decimal places."""
    return EXACTLY.scaleb(Decimal(units), -decimals(currency))


def price(what: str, told: Decimal) -> Decimal:
    """Return a price of one unit; raise ValueError that names it when it is none that could be meant."""
    if not told.is_finite() or not 0 <= told <= MOST_PRICE:
        raise ValueError(f"{what} must be a number from 0 to {MOST_PRICE}, got {told!s:.30}")
    if told != told.quantize(Decimal(1).scaleb(-PRICE_PLACES), context=EXACTLY):
        raise ValueError(f"{what} has more than {PRICE_PLACES} decimal places: {told!s:.30}")
    return told


def vat_inside(gross: int, percent: Decimal) -> int:
    """The value added tax that an amount in minor units contains; what is left is rounded."""
    net = EXACTLY.divide(Decimal(100 * gross), EXACTLY.add(Decimal(100), percent))
    return gross - int(net.to_integral_value(ROUND_HALF_UP, EXACTLY))
