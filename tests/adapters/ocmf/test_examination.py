"""A signed value is called verified when it was, and never else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.ocmf.examination import examine
from ems.adapters.ocmf.public_key import CURVES, key_of, plain_key, written
from ems.domain.record.signed_value import Verdict

KEBA_KEY = (
    "3059301306072A8648CE3D020106082A8648CE3D030107034200043AEEB45C392357820A58FDFB0857BD77ADA31585C61C430531DFA53B"
    "440AFBFDD95AC887C658EA55260F808F55CA948DF235C2108A0D6DC7D4AB1A5E1A7955BE"
)
KEBA = (
    'OCMF|{"FV":"1.0","GI":"KEBA_KCP30","GS":"17619300","GV":"2.8.5","PG":"T32","IS":false,"IL":"NONE","IF":["RFI'
    'D_NONE","OCPP_NONE","ISO15118_NONE","PLMN_NONE"],"IT":"NONE","ID":"","RD":[{"TM":"2019-08-13T10:03:15,000+00'
    '00 I","TX":"B","EF":"","ST":"G","RV":0.2596,"RI":"1-b:1.8.0","RU":"kWh"},{"TM":"2019-08-13T10:03:36,000+0000'
    ' R","TX":"E","EF":"","ST":"G","RV":0.2597,"RI":"1-b:1.8.0","RU":"kWh"}]}|{"SD":"304502200E2F107C987A300AC169'
    "5CA89EA149A8CDFA16188AF0A33EE64B67964AA943F9022100889A72B6D65364BEA8562E7F6A0253157ACFF84FE4929A93B5964D23C4"
    '265699"}'
)
"""A record of a wallbox in the field with the key of its meter, as the examples of transparency software have it."""

PAYLOAD = json.dumps(
    {"FV": "1.0", "MS": "4711", "PG": "T9", "ID": "04AA|BB", "RD": [
        {"TM": "2026-11-01T10:00:00,000+0100 S", "TX": "B", "RV": 10.5, "RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"},
        {"TM": "2026-11-01T11:00:00,000+0100 S", "TX": "E", "RV": 22.75},
    ]},
    separators=(",", ":"),
)  # fmt: skip
CURVE_NAMES = sorted(CURVES)


def signed(
    key: ec.EllipticCurvePrivateKey, curve: str, payload: str = PAYLOAD, digest: str = "SHA256", **more: str
) -> str:
    data = key.sign(payload.encode(), ec.ECDSA(getattr(hashes, digest)()))
    text = base64.b64encode(data).decode() if more.get("SE") == "base64" else data.hex()
    return f"OCMF|{payload}|" + json.dumps({"SA": f"ECDSA-{curve}-{digest}", "SD": text, **more})


def public(key: ec.EllipticCurvePrivateKey) -> str:
    return written(key.public_key())


@pytest.fixture(scope="module")
def meter() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def test_a_record_from_the_field_is_verified_with_the_key_of_its_meter() -> None:
    found = examine(KEBA, [KEBA_KEY])
    assert (found.verdict, found.serial, found.pagination) == (Verdict.VERIFIED, "17619300", "T32")
    assert [(one.mark, one.value, one.unit) for one in found.registers] == [
        ("B", "0.2596", "kWh"),
        ("E", "0.2597", "kWh"),
    ]


def test_the_same_record_with_another_reading_is_not() -> None:
    assert examine(KEBA.replace("0.2597", "9.2597"), [KEBA_KEY]).verdict is Verdict.WRONG


@pytest.mark.parametrize("curve", CURVE_NAMES)
@pytest.mark.parametrize("digest", ["SHA256", "SHA384", "SHA512"])
def test_every_curve_of_the_format_is_checked(curve: str, digest: str) -> None:
    key = ec.generate_private_key(CURVES[curve]())
    record = signed(key, curve, digest=digest)
    assert examine(record, [public(key)]).verdict is Verdict.VERIFIED
    assert examine(record.replace("22.75", "32.75"), [public(key)]).verdict is Verdict.WRONG


def test_what_a_reading_does_not_say_is_as_in_the_one_before(meter: ec.EllipticCurvePrivateKey) -> None:
    _, last = examine(signed(meter, "secp256r1"), [public(meter)]).registers
    assert (last.mark, last.value, last.unit, last.register, last.status) == ("E", "22.75", "kWh", "1-b:1.8.0", "G")


def plain(record: str, _key: str) -> str:
    return record


def as_hex(record: str, _key: str) -> str:
    return record.encode().hex().upper()


def wrapped(record: str, key: str, name: str = "signedMeterData") -> str:
    told = {name: base64.b64encode(record.encode()).decode(), "signingMethod": "", "encodingMethod": "OCMF"}
    return json.dumps({**told, "publicKey": base64.b64encode(f"oca:base16:asn1:{key}".encode()).decode()})


def wrapped_otherwise(record: str, key: str) -> str:
    return wrapped(record, key, "signedMeterValue")


def wrapped_as_hex(record: str, key: str) -> str:
    return wrapped(record, key).encode().hex()


@pytest.mark.parametrize("wrap", [plain, as_hex, wrapped, wrapped_otherwise, wrapped_as_hex])
def test_it_is_verified_however_a_station_wraps_it(
    wrap: Callable[[str, str], str], meter: ec.EllipticCurvePrivateKey
) -> None:
    record = signed(meter, "secp256r1")
    found = examine(wrap(record, public(meter)), [public(meter)])
    assert (found.verdict, found.record, found.identity) == (Verdict.VERIFIED, record, "04AA|BB")


@pytest.mark.parametrize(
    ("vouched", "sent", "verdict"),
    [
        ("mine", "mine", Verdict.VERIFIED), ("mine", "other", Verdict.VERIFIED), ("mine", "", Verdict.VERIFIED),
        ("other", "mine", Verdict.FOREIGN_KEY), ("other", "", Verdict.WRONG), ("other", "other", Verdict.WRONG),
        ("", "mine", Verdict.OWN_KEY), ("", "other", Verdict.WRONG), ("", "", Verdict.NO_KEY),
        ("", "nonsense", Verdict.NO_KEY),
    ],
)  # fmt: skip
def test_a_key_that_nobody_vouches_for_verifies_nothing(
    vouched: str, sent: str, verdict: Verdict, meter: ec.EllipticCurvePrivateKey
) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    keys = {"mine": public(meter), "other": public(other), "nonsense": "no key at all", "": ""}
    told = {"signedMeterData": base64.b64encode(signed(meter, "secp256r1").encode()).decode(), "publicKey": keys[sent]}
    assert examine(json.dumps(told), [keys[vouched]] if vouched else []).verdict is verdict


def test_a_signature_in_base64_and_one_without_der_are_read(meter: ec.EllipticCurvePrivateKey) -> None:
    assert examine(signed(meter, "secp256r1", SE="base64"), [public(meter)]).verdict is Verdict.VERIFIED
    data = meter.sign(PAYLOAD.encode(), ec.ECDSA(hashes.SHA256()))
    bare = b"".join(number.to_bytes(32) for number in decode_dss_signature(data)).hex()
    assert examine(f'OCMF|{PAYLOAD}|{{"SD":"{bare}"}}', [public(meter)]).verdict is Verdict.VERIFIED


@pytest.mark.parametrize(
    ("value", "verdict", "words"),
    [
        ("", Verdict.UNSUPPORTED, "unknown format"),
        ("AP;0;3;ALCV3ABBBISHMA2RYEGAZE3HV5YQBQRAEHAR2MN", Verdict.UNSUPPORTED, "format"),
        ('{"signedMeterData":"PD94bWw=","encodingMethod":"EDL"}', Verdict.UNSUPPORTED, "this is EDL"),
        ("OCMF|", Verdict.UNREADABLE, "no signature"), ("OCMF|{}|{}", Verdict.UNREADABLE, "no SD"),
        ("OCMF|[]|{}", Verdict.UNREADABLE, "payload is not an object"), ("OCMF|{|{}", Verdict.UNREADABLE, "not JSON"),
        ('OCMF|{}|{"SD":"xyz"}', Verdict.UNREADABLE, "not hexadecimal"), ("{", Verdict.UNREADABLE, "is none"),
        ('OCMF|{}|{"SD":"00","SE":"base64"}', Verdict.UNREADABLE, "not base64"),
        ("{}", Verdict.UNREADABLE, "signedMeterData"),
        ('{"signedMeterData":7}', Verdict.UNREADABLE, "signedMeterData"), ("[" * 50_000, Verdict.UNSUPPORTED, "format"),
        ("{" * 50_000, Verdict.UNREADABLE, "is none"),
        ('OCMF|{}|{"SA":"ECDSA-secp192k1-SHA256","SD":"00"}', Verdict.UNSUPPORTED, "secp192k1"),
        ('OCMF|{}|{"SA":"RSA-2048-SHA256","SD":"00"}', Verdict.UNSUPPORTED, "RSA"),
        ('OCMF|{"RD":7,"MS":{},"PG":[1]}|{"SD":"00"}', Verdict.NO_KEY, "no public key"),
        ('OCMF|{}|{"SD":""}', Verdict.NO_KEY, "no public key"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_said_to_be_none(value: str, verdict: Verdict, words: str) -> None:
    found = examine(value, [])
    assert found.verdict is verdict
    assert words in found.why


@given(st.text(max_size=60), st.integers(0, len(KEBA)), st.sampled_from(["insert", "replace", "cut"]))
def test_no_value_is_verified_but_the_one_that_was_signed(text: str, at: int, how: str) -> None:
    changed = {"insert": KEBA[:at] + text + KEBA[at:], "replace": KEBA[:at] + text + KEBA[at + 1 :], "cut": KEBA[:at]}[
        how
    ]
    found = examine(changed, [KEBA_KEY])
    if found.verdict is Verdict.VERIFIED:
        assert found.record.rpartition("|")[0] == KEBA.rpartition("|")[0]


@pytest.mark.parametrize(
    "form",
    [
        lambda key: key.hex(), lambda key: key.hex().upper(), lambda key: base64.b64encode(key).decode(),
        lambda key: f"oca:base16:asn1:{key.hex()}",
        lambda key: base64.b64encode(f"oca:base16:asn1:{key.hex()}".encode()).decode(),
        lambda key: ":".join(f"{byte:02x}" for byte in key), lambda key: f"{key.hex()[:40]}\n  {key.hex()[40:]}",
    ],
)  # fmt: skip
def test_a_key_is_read_in_every_form_in_which_it_is_written(form: Callable[[bytes], str]) -> None:
    assert plain_key(form(bytes.fromhex(KEBA_KEY))) == KEBA_KEY.lower()


def test_pem_and_the_bare_point_are_keys_too(meter: ec.EllipticCurvePrivateKey) -> None:
    key = meter.public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint).hex()
    assert plain_key(pem) == plain_key(point) == written(key)
    brainpool = ec.generate_private_key(ec.BrainpoolP256R1()).public_key()
    bare = brainpool.public_bytes(Encoding.X962, PublicFormat.CompressedPoint).hex()
    assert written(key_of(bare, "brainpool256r1")) == written(brainpool)


@pytest.mark.parametrize(
    "text", ["", "30", "zz", "MEUCIQ==", "04" + "00" * 64, "x" * 5_000, "oca:base16", "-----BEGIN PUBLIC KEY-----"]
)
def test_what_is_no_key_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"hexadecimal digits|at most"):
        plain_key(text)
