"""`ocpi:` says how partners see the site, and what is missing for them to meet it."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from ems.domain.roaming import Plug
from ems.settings.load import load
from ems.settings.ocpi import OcpiSettings

SITE = """\
site: {name: Yard, timezone: Europe/Berlin}
circuits:
  grid: {rating_a: 63, base_load_max_a: 20}
stations:
  CP-01: {circuit: grid, fallback_a: 6, evses: {1: {max_a: 32, phases: L1 L2 L3}}}
ocpp: {host: 127.0.0.1}
web: {names: [charge.example.com]}
"""
OCPI = """\
ocpi:
  country_code: DE
  party_id: ABC
  name: Yard Charging
  public_url: https://charge.example.com/
  location_id: YARD
  address: Hafenstrasse 1
  city: Berlin
  country: DEU
  coordinates: [52.52, 13.405]
  partners: {acme: {name: ACME}}
"""


def loaded(tmp_path: Path, *changes: tuple[str, str], more: str = "") -> tuple[OcpiSettings | None, list[str]]:
    text = SITE + OCPI + more
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    (tmp_path / "site.yaml").write_text(text, encoding="utf-8")
    found = load(tmp_path)
    words = [f"{one.line}: {one.severity}: {one.message}; {one.remedy}" for one in found.findings]
    return (None if found.settings is None else found.settings.ocpi), [one for one in words if "ocpi" in one.lower()]


def test_a_site_with_a_partner_that_registers_here(tmp_path: Path) -> None:
    told, words = loaded(tmp_path)
    assert told is not None
    assert words == []
    assert str(told.operator.party) == "DE*ABC"
    assert told.operator.public_url == "https://charge.example.com"
    assert (told.operator.latitude, told.operator.longitude) == (52.52, 13.405)
    (partner,) = told.partners
    assert (partner.id, partner.name, partner.can_register) == ("acme", "ACME", False)


def test_connectors_and_opening_hours(tmp_path: Path) -> None:
    more = (
        "  opening: ['Mon-Fri 06:00-22:00', 'Sat 08:00-14:00']\n"
        "  connector: {standard: IEC_62196_T2, cable: true}\n"
        "  connectors: {CP-01/1: {standard: DOMESTIC_F}}\n"
    )
    told, words = loaded(tmp_path, more=more)
    assert told is not None
    assert words == []
    assert [window.since for window in told.operator.opening] == [time(6), time(8)]
    assert told.operator.plug_of("CP-01/1", is_dc=False) == Plug("DOMESTIC_F", False)
    assert told.operator.plug_of("CP-02/1", is_dc=False) == Plug("IEC_62196_T2", True)


def test_a_partner_where_we_register(tmp_path: Path) -> None:
    (tmp_path / "acme").write_text("a-token")
    (tmp_path / "acme").chmod(0o600)
    there = "{acme: {versions_url: 'https://acme.example/ocpi/versions', token_file: acme}}"
    told, words = loaded(tmp_path, ("{acme: {name: ACME}}", there))
    assert told is not None
    assert words == []
    assert told.partners[0].can_register
    assert told.partners[0].token_file == str(tmp_path / "acme")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("  country_code: DE\n", ""), "error: country_code is missing"),
        (("country_code: DE", "country_code: de"), "error: country_code: 'de' is not a country"),
        (("party_id: ABC", "party_id: ABCD"), "error: party_id: 'ABCD' is not a party id"),
        (("country: DEU", "country: Germany"), "error: country: 'Germany' is not a country of three letters"),
        (("[52.52, 13.405]", "[52.52]"), "error: coordinates: '[52.52]' are no coordinates"),
        (("[52.52, 13.405]", "[152.5, 13.4]"), "error: coordinates: '[152.5, 13.4]' are no coordinates"),
        (("[52.52, 13.405]", "'52.52, 13.405'"), "error: coordinates: '52.52, 13.405' are no coordinates"),
        (("location_id: YARD", "location_id: 'a/b'"), "error: location_id: 'a/b' is not the id of a location"),
        (("https://charge", "ftp://charge"), "is not a web address"),
        (("https://charge", "http://charge"), "warning: ocpi: anybody on the way can read the tokens of partners"),
        (
            ("names: [charge.example.com]", "port: 8080"),
            "warning: ocpi: whoever asks for 'charge.example.com' is refused",
        ),
        (("https://charge.example.com", "http://localhost:8080"), "warning: ocpi: nobody but this machine reaches"),
        (("{acme: {name: ACME}}", "{}"), "warning: ocpi: there are no partners"),
        (("{name: ACME}", "{token_file: x}"), "error: ocpi: the partner 'acme' has no versions_url"),
        (("{name: ACME}", "{versions_url: 'https://a.example'}"), "error: ocpi: the partner 'acme' has no token_file"),
        (("{name: ACME}", "{token: abc}"), "token"),
        (("  partners:", "  connectors: {CP-09: {standard: CHADEMO}}\n  partners:"), "no station or EVSE 'CP-09'"),
        (("  partners:", "  connector: {standard: TYPE2}\n  partners:"), "'TYPE2' is not a connector standard of OCPI"),
        (("  partners:", "  opening: [always]\n  partners:"), "opening"),
        (("  partners:", "  parking: ROOF\n  partners:"), "'ROOF' is not a kind of parking of OCPI"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(tmp_path: Path, changes: tuple[str, str], said: str) -> None:
    text = SITE + OCPI
    assert changes[0] in text
    (tmp_path / "site.yaml").write_text(text.replace(*changes), encoding="utf-8")
    found = load(tmp_path)
    words = [f"{one.severity}: {one.message}; {one.remedy}" for one in found.findings]
    assert any(said in one for one in words), words
    assert all(one.remedy for one in found.findings if said in f"{one.severity}: {one.message}")


def test_evses_that_partners_could_not_tell_apart_are_an_error(tmp_path: Path) -> None:
    two = "  CP-01: {circuit: grid, fallback_a: 6, evses: {1: {max_a: 32, phases: L1 L2 L3}}}\n"
    _, words = loaded(tmp_path, (two, two + two.replace("CP-01", "CP_01")))
    assert any("CP-01/1 and CP_01/1 would have the same EVSE id" in one for one in words), words
