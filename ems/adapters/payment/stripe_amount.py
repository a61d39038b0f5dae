"""Amounts as Stripe writes them, which are not in every currency the minor units of ISO 4217.

docs.stripe.com/currencies: króna and Ugandan shilling with two decimal places that are always 00, ariary without any,
and currencies with three places only in tens. What is finer than Stripe takes is left to the driver.
"""

from __future__ import annotations

from typing import NamedTuple

from ems.domain.billing.money import decimals

LEAST = {
    "AED": 200, "BGN": 100, "CZK": 1500, "DKK": 250, "GBP": 30, "HKD": 400, "HUF": 17_500, "JPY": 50, "KRW": 50,
    "MXN": 1000, "MYR": 200, "NOK": 300, "PLN": 200, "RON": 200, "SEK": 300, "THB": 1000,
}  # fmt: skip
"""The smallest charge in minor units; of other currencies half a unit is taken for it, 50 of those without places."""


class _Scale(NamedTuple):
    """So many of Stripe's for so many minor units, in whole multiples of `grain` minor units."""

    theirs: int
    ours: int
    grain: int


_ONE = _Scale(1, 1, 1)
_SCALES = {"ISK": _Scale(100, 1, 1), "UGX": _Scale(100, 1, 1), "MGA": _Scale(1, 100, 100)}
_IN_TENS = _Scale(1, 1, 10)


def least(currency: str) -> int:
    """The smallest amount that Stripe takes, minor units."""
    return max(LEAST.get(currency, 500 if decimals(currency) == 3 else 50), _scale(currency).grain)


def takeable(units: int, currency: str) -> int:
    """The largest amount up to so many minor units that Stripe can take, minor units."""
    return units - units % _scale(currency).grain


def to_stripe(units: int, currency: str) -> int:
    """A takeable amount as Stripe writes it."""
    scale = _scale(currency)
    return units * scale.theirs // scale.ours


def _scale(currency: str) -> _Scale:
    return _SCALES.get(currency) or (_IN_TENS if decimals(currency) == 3 else _ONE)
