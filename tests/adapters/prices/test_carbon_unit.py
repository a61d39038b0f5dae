"""How tables write that a number is a carbon intensity."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from ems.adapters.prices import INTENSITY, parse_prices
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


@pytest.mark.parametrize(
    ("table", "said", "remedy"),
    [
        (
            "start;gCO2/kWh\n2026-03-02 00:00;clean\n",
            "the intensity 'clean' is not a number",
            "write for example 384.5",
        ),
        (
            "start;gCO2/kWh\n2026-03-02 00:00;\n",
            "it has no intensity for 2026-03-02 00:00",
            "write it, or leave the hour to what reports take where none is known",
        ),
        (
            "start;colour\n2026-03-02 00:00;green\n",
            "no heading names a column for the time and one for the intensity: found 'start', 'colour'",
            "write a first row such as: start;intensity_g_kwh",
        ),
        ("start;gCO2/kWh\n2026-03-02 00:00;100\n", "a single intensity: taken to hold for an hour", "add when it ends"),
        (
            "start;gCO2/kWh;kgCO2/MWh\n2026-03-02 00:00Z;100;100\n",
            "several columns hold intensities: 'gCO2/kWh' is taken, not 'kgCO2/MWh'",
            "remove the columns that are not meant",
        ),
        (
            "start;gCO2/kWh\n2026-03-02 00:00;1\n2026-03-02 00:00;2\n",
            "it repeats 2026-03-02 00:00 of row 2: another intensity, the later row counts",
            "keep one row for each time",
        ),
        (
            "start;gCO2/kWh\n2026-03-02 00:00;1\n2026-03-02 01:00;1\n2026-03-02 03:00;2\n",
            "no intensity from 2026-03-02 02:00 to 2026-03-02 03:00",
            "add the rows, or leave them to what reports take where none is known",
        ),
        ("", "there is nothing in it", "write rows with a time and the intensity"),
    ],
)
def test_findings_on_a_table_of_intensities_speak_of_intensities(table: str, said: str, remedy: str) -> None:
    found = parse_prices(table, ZoneInfo("Europe/Berlin"), "grid-mix", INTENSITY)
    assert (said, remedy) in [(one.message, one.remedy) for one in found.findings]


def test_a_column_of_intensities_without_a_unit_is_found_and_not_taken_for_money() -> None:
    found = parse_prices("start;carbon intensity\n2026-03-02 00:00;380\n", ZoneInfo("UTC"), "grid-mix", INTENSITY)
    assert (found.is_usable, found.currency) == (True, None)
    assert not any("currency" in one.message for one in found.findings)
