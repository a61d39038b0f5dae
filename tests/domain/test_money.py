"""Amounts are whole minor units, rounded once, halves away from zero."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.billing.money import decimals, major, minor, price, vat_inside

CURRENCIES = st.sampled_from(["EUR", "JPY", "BHD", "CLF"])


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("0.125", "EUR", 13),
        ("0.1249999", "EUR", 12),
        ("-0.125", "EUR", -13),
        ("0.5", "JPY", 1),
        ("12.3456", "BHD", 12346),
        ("1e-30", "USD", 0),
        ("123456789012345678901234567890.005", "EUR", 12345678901234567890123456789001),
    ],
)
def test_an_amount_is_rounded_once_halves_away_from_zero(amount: str, currency: str, units: int) -> None:
    assert minor(Decimal(amount), currency) == units


@given(st.integers(-(10**15), 10**15), CURRENCIES)
def test_minor_units_and_back_are_the_same(units: int, currency: str) -> None:
    assert minor(major(units, currency), currency) == units
    exponent = major(units, currency).as_tuple().exponent
    assert isinstance(exponent, int)
    assert -exponent == decimals(currency)


@pytest.mark.parametrize("currency", ["€", "eur", "EURO", "", "EU1", "ÄÖÜ"])
def test_what_is_no_currency_is_refused_with_the_remedy(currency: str) -> None:
    with pytest.raises(ValueError, match="write its three letters"):
        decimals(currency)


@pytest.mark.parametrize("told", ["-0.01", "NaN", "Infinity", "1000001", "0.1234567"])
def test_a_price_that_cannot_be_meant_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match="the price per kwh"):
        price("the price per kwh", Decimal(told))


@given(st.integers(0, 10**12), st.integers(0, 10_000).map(lambda hundredths: Decimal(hundredths) / 100))
def test_tax_inside_is_never_negative_and_what_is_left_is_nearest(gross: int, percent: Decimal) -> None:
    vat = vat_inside(gross, percent)
    assert 0 <= vat <= gross
    exact = Decimal(gross) * 100 / (100 + percent)
    assert abs(Decimal(gross - vat) - exact) <= Decimal("0.5")
