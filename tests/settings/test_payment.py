"""`payment:` says who takes the money of drivers, and what is missing for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.settings.load import load
from ems.settings.payment import PaymentSettings
from ems.settings.payment_schema import PaymentKind

SITE = """\
site: {name: Yard, timezone: Europe/Berlin}
circuits:
  grid: {rating_a: 63, base_load_max_a: 20}
stations:
  CP-01: {circuit: grid, fallback_a: 6, evses: {1: {max_a: 32, phases: L1 L2 L3}}}
ocpp: {host: 127.0.0.1}
"""
STRIPE = "payment: {provider: stripe, public_url: 'https://charge.example.com/', key_file: secrets/stripe}\n"


def loaded(tmp_path: Path, payment: str) -> tuple[PaymentSettings | None, list[str]]:
    (tmp_path / "site.yaml").write_text(SITE + payment)
    found = load(tmp_path)
    words = [f"{finding.message}; {finding.remedy}" for finding in found.findings]
    return (None if found.settings is None else found.settings.payment), words


def test_without_the_section_nobody_pays(tmp_path: Path) -> None:
    assert loaded(tmp_path, "")[0] == PaymentSettings()


def test_a_provider_with_all_that_it_needs(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/stripe").write_text("sk_test_1")
    (tmp_path / "secrets/stripe").chmod(0o600)
    found, words = loaded(tmp_path, STRIPE)
    key = tmp_path / "secrets/stripe"
    assert found == PaymentSettings(PaymentKind.STRIPE, "https://charge.example.com", key, None)
    assert not any("stripe" in one for one in words), words
    key.chmod(0o644)
    assert any("chmod 600" in one for one in loaded(tmp_path, STRIPE)[1])


@pytest.mark.parametrize(
    ("payment", "said"),
    [
        ("payment: {provider: sandbox}\n", "takes no money"),
        ("payment: {provider: stripe, public_url: 'https://x.example'}\n", "key_file: secrets/stripe"),
        ("payment: {provider: stripe, key_file: x}\n", "stripe needs a public_url"),
        (STRIPE, "cannot be read"),
        (STRIPE + "policy: {control: observe}\n", "cannot keep a driver to what is blocked on the card"),
        ("payment: {provider: paypal}\n", "paypal"),
        ("payment: {provider: sandbox, public_url: 'javascript:alert(1)'}\n", "is not a web address"),
        ("payment: {provder: sandbox}\n", "did you mean 'provider'"),
    ],
)
def test_what_is_missing_or_wrong_is_said_with_the_remedy(tmp_path: Path, payment: str, said: str) -> None:
    _, words = loaded(tmp_path, payment)
    assert any(said in one for one in words), words
