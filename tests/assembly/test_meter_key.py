"""Public keys of meters in the site file: `ems check` finds those that are none, with their line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ems.assembly.meters import METER_CHECKS
from ems.settings.finding import Severity
from ems.settings.load import Loaded, load
from tests.settings.folder import replaced, site_folder


def spki(curve: ec.EllipticCurve) -> str:
    key = ec.generate_private_key(curve).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


GOOD_KEY = spki(ec.SECP256R1())
OF_RSA = (
    rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    .hex()
)
NONE = "this is no public key of an elliptic curve"


def loaded(folder: Path, *keys: str) -> Loaded:
    outlets = ", ".join(f'{k}: {{max_a: 16, phases: L1, meter_key: "{key}"}}' for k, key in enumerate(keys, 1))
    site = replaced(("{1: {max_a: 32, phases: L1 L2 L3}}", f"{{{outlets}}}"))
    return load(site_folder(folder, site), meter_checks=METER_CHECKS._replace(model=lambda *_: ()))


@pytest.mark.parametrize(
    "curve", [ec.SECP256R1(), ec.SECP256K1(), ec.SECP192R1(), ec.BrainpoolP256R1(), ec.SECP384R1()]
)
def test_a_key_of_a_meter_is_fine(tmp_path: Path, curve: ec.EllipticCurve) -> None:
    found = loaded(tmp_path, spki(curve))
    assert found.findings == ()
    assert found.settings is not None


BAD = {
    "nonsense": ("my meter", NONE),
    "cut off": (GOOD_KEY[:-2], NONE),
    "a point that is on no curve": (GOOD_KEY[:-4] + "0000", NONE),
    "another kind": (OF_RSA, NONE),
    "another curve": (spki(ec.SECP224R1()), "signatures on the curve secp224r1 cannot be checked"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_one_that_is_none_is_an_error_with_its_line_and_a_remedy(tmp_path: Path, name: str) -> None:
    key, words = BAD[name]
    found = loaded(tmp_path, key)
    assert found.settings is None
    assert [(one.line, one.severity, one.message) for one in found.findings] == [
        (8, Severity.ERROR, f"meter_key of CP-01/1: {words}")
    ]
    assert found.findings[0].remedy


def test_a_key_that_two_outlets_share_is_pointed_out(tmp_path: Path) -> None:
    found = loaded(tmp_path, GOOD_KEY, GOOD_KEY)
    assert [one.message for one in found.findings] == ["meter_key of CP-01/2 is also that of CP-01/1"]
    assert found.settings is not None
