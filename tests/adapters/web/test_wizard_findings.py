"""What `ems check` says of a key stands beside its field, once, on every step of the wizard."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.adapters.web.test_wizard import Installer, anna

__all__ = ["anna"]

OUTLET = {"1": {"max_a": 32, "phases": "L1 L2 L3"}}
STATION: dict[str, Any] = {"circuit": "grid", "evses": OUTLET}
BESIDE: list[tuple[str, list[str], dict[str, Any], str, str]] = [
    ("site", ["site"], {"timezone": "Europe/Berlun"}, "site-timezone", "not a time zone"),
    ("circuits", ["circuits", "row-a"], {"parent": "gird", "rating_a": 16}, "circuit-2-parent", "does not exist"),
    ("circuits", ["circuits", "grid"], {"rating_a": -1}, "circuit-1-rating_a", "is negative"),
    ("circuits", ["circuits", "grid"], {"meter": "man"}, "circuit-1-meter", "does not exist"),
    ("meters", ["meters", "main"], {"model": "x", "host": "a", "port": 99999}, "meter-1-port", "at most 65535"),
    ("batteries", ["batteries", "store"], {"capacity_kwh": -6}, "battery-1-capacity_kwh", "more than 0"),
    ("stations", ["stations", "CP-01"], {**STATION, "circuit": "gird"}, "station-1-circuit", "does not exist"),
    ("stations", ["stations", "CP-01"], {**STATION, "evses": {"1": {"max_a": 32, "phases": "L9"}}},
     "station-1-1-phases", "unknown phase"),
    ("limits", ["limits", "+"], {"max_kw": 5, "when": "Mun 17:00-20:00"}, "limit-1-when", "not a weekday"),
    ("limits", ["classes", "2"], {"by": "25:10"}, "class-1-by", "not a time of day"),
    ("limits", ["policy"], {"strategy": "cheapst"}, "policy-strategy", "not a strategy"),
    ("limits", ["web"], {"kiosk": 3}, "web-kiosk", "must be true or false"),
    ("limits", ["ocpp"], {"port": 90000}, "ocpp-port", "at most 65535"),
    ("limits", ["calendar"], {"holidays": ["13-25"]}, "calendar-holidays", "does not exist"),
    ("prices", ["payment"], {"provider": "strip"}, "payment-provider", "cannot be"),
    ("prices", ["payment"], {"provider": "stripe", "key_file": "secrets/stripe"}, "payment-public_url",
     "needs a public_url"),
    ("prices", ["tariff"], {"name": "T", "vat_pct": -1}, "tariff-vat_pct", "vat_pct"),
    ("prices", ["tariff"], {"name": "T", "energy": {"net": {"per_kwh": "abc"}}}, "energy-1-1-per_kwh", "per_kwh"),
    ("prices", ["tariff"], {"name": "T", "energy": {"net": {"times": [{"per_kwh": 1, "when": "Mun 1:00-2:00"}]}}},
     "energy-1-1-time-1-when", "not a weekday"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "route", "keys", "field", "words"), BESIDE, ids=[f"{one[0]}: {one[3]}" for one in BESIDE]
)
def test_an_error_stands_beside_its_field_and_nowhere_else(
    anna: Installer, step: str, route: list[str], keys: dict[str, Any], field: str, words: str
) -> None:
    told = anna.edit(route, keys).json()
    assert any(words in one["message"] for one in told["findings"]), told
    page = anna.ask("GET", f"/wizard/{step}").text
    beside = re.search(rf'<div id="{field}-said">(.*?)</div>', page, re.DOTALL)
    assert beside is not None, "it stands somewhere else"
    assert words in beside[1]
    assert page.count(beside[1].strip()) == 1
    control = re.search(rf'<(?:input|select)[^>]* id="{field}"[^>]*>', page)
    assert control is not None
    assert 'aria-invalid="true"' in control[0]
    assert f"{field}-said" in control[0].partition('aria-describedby="')[2].partition('"')[0].split()


def test_what_is_said_of_no_field_stands_on_top_of_its_form(anna: Installer) -> None:
    """A key that no form knows, in an outlet: it is said in the outlet's own form, and only there."""
    anna.edit(["stations", "CP-01"], {**STATION, "evses": {"1": {**OUTLET["1"], "speed": 3}}})
    page = anna.ask("GET", "/wizard/stations").text
    outlet = page.partition("<legend>Outlet 1</legend>")[2]
    assert "unknown key" in outlet.partition('<div class="fields">')[0]
    assert page.count("unknown key") == 1


def test_an_error_in_a_list_opens_its_entry_and_is_not_said_twice(anna: Installer) -> None:
    anna.edit(["limits", "+"], {"max_kw": -5})
    page = anna.ask("GET", "/wizard/limits").text
    assert page.count("must be at least 0") == 1
    assert '<details class="entry" open>' in page


def test_a_hint_is_read_out_with_its_field(anna: Installer) -> None:
    page = anna.ask("GET", "/wizard/site").text
    assert 'aria-describedby="site-currency-hint"' in page
    assert 'id="site-currency-hint"' in page


def test_hints_speak_of_the_form_and_not_of_the_file(anna: Installer) -> None:
    anna.build()
    drivers, stations = (anna.ask("GET", path).text for path in ("/settings/drivers", "/wizard/stations"))
    assert "for example +49 30 1234567" in drivers
    assert "no: drivers cannot ask for their energy as soon as possible" in drivers
    assert "no leaves it out" in stations


def test_every_key_of_the_strategy_says_what_it_is(anna: Installer) -> None:
    fields = anna.ask("GET", "/wizard/limits").text.partition('id="policy-step"')[2].partition("</form>")[0]
    assert fields.count('<div class="field">') == fields.count("<small id=") > 15


def test_an_entry_in_a_line_keeps_the_capitals_of_units(anna: Installer) -> None:
    anna.edit(["tariff"], {"name": "T", "vat_pct": 19, "energy": {"net": {"per_kwh": 0.2}}})
    assert "per kWh 0.2" in anna.ask("GET", "/wizard/prices").text
