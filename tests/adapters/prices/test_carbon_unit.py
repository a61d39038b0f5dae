"""How tables write that a number is a carbon intensity."""

from __future__ import annotations

import pytest

from ems.adapters.prices.unit import unit_of
from ems.domain.energy.carbon import GRAM


@pytest.mark.parametrize(
    ("heading", "grams"),
    [
        ("intensity_g_kwh", 1.0),
        ("g/kWh", 1.0),
        ("gCO2/kWh", 1.0),
        ("Carbon intensity gCO₂eq/kWh (direct)", 1.0),
        ("CO2 [g/kWh]", 1.0),
        ("kg CO2/MWh", 1.0),
        ("kgCO2/kWh", 1000.0),
        ("tCO2/MWh", 1000.0),
    ],
)
def test_an_intensity_is_known_by_its_unit(heading: str, grams: float) -> None:
    unit = unit_of(heading)
    assert unit is not None
    assert unit.factor == pytest.approx(grams)
    assert unit.currency == GRAM


@pytest.mark.parametrize("heading", ["price_eur_mwh", "Preis [ct/kWh]", "€/kg", "g/kWh in EUR", "CO2", "energy kWh"])
def test_a_price_stays_one(heading: str) -> None:
    unit = unit_of(heading)
    assert unit is None or unit.currency != GRAM
