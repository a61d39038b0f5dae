"""`drivers:` says what the page of drivers tells, and who may begin there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.settings.difference import applied, difference
from ems.settings.drivers import DriverSettings
from ems.settings.load import load
from tests.settings.test_payment import SITE

FULL = """\
drivers: {link: rotating, phone: "+49 30 123", operator: Parkhaus Süd GmbH, address: "Am Hof 1, Berlin", vat_id: DE1,
          terms_url: "https://example.com/terms", may_hurry: false}
"""


def loaded(tmp_path: Path, text: str) -> tuple[DriverSettings | None, list[str]]:
    (tmp_path / "site.yaml").write_text(SITE + text)
    found = load(tmp_path)
    words = [f"{finding.message}; {finding.remedy}" for finding in found.findings]
    return (None if found.settings is None else found.settings.drivers), words


def test_without_the_section_a_sticker_is_enough(tmp_path: Path) -> None:
    assert loaded(tmp_path, "")[0] == DriverSettings()


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    told = ("+49 30 123", "Parkhaus Süd GmbH", "Am Hof 1, Berlin", "DE1", "https://example.com/terms")
    assert loaded(tmp_path, FULL)[0] == DriverSettings(True, *told, may_hurry=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("drivers: {link: photo}\n", "rotating"),
        ("drivers: {phone: 'call me'}\n", "is not a phone number"),
        ("drivers: {phone: 4930123}\n", "write it in quotes"),
        ("drivers: {terms_url: 'javascript:alert(1)'}\n", "is not a web address"),
        ("drivers: {operator: ''}\n", "no line of text"),
        ("drivers: {operater: x}\n", "did you mean 'operator'"),
        ("payment: {provider: sandbox, public_url: 'https://pay.example.com'}\n", "names: [pay.example.com]"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(tmp_path: Path, text: str, said: str) -> None:
    _, words = loaded(tmp_path, text)
    assert any(said in one for one in words), words


def test_a_name_that_the_page_has_is_no_finding(tmp_path: Path) -> None:
    url = "payment: {provider: sandbox, public_url: 'https://pay.example.com/x'}\nweb: {names: [Pay.example.com]}\n"
    assert not any("refused" in one for one in loaded(tmp_path, url)[1])


def test_it_takes_effect_without_a_restart(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    before = load(tmp_path).settings
    (tmp_path / "site.yaml").write_text(SITE + FULL)
    after = load(tmp_path).settings
    assert before is not None
    assert after is not None
    assert all(str(one).endswith("takes effect at once)") for one in difference(before, after))
    assert applied(before, after).drivers.is_rotating
