"""Public keys of meters, in the forms in which they are printed, typed in and sent."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

CURVES: dict[str, type[ec.EllipticCurve]] = {
    "secp192r1": ec.SECP192R1,
    "secp256k1": ec.SECP256K1,
    "secp256r1": ec.SECP256R1,
    "brainpool256r1": ec.BrainpoolP256R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "secp384r1": ec.SECP384R1,
    "brainpool384r1": ec.BrainpoolP384R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "secp521r1": ec.SECP521R1,
}
"""The curves of OCMF that can be checked here, as algorithms name them; secp192k1 cannot."""

PREFIX = "oca:"
"""Begins a key in the words of the Open Charge Alliance: oca:base16:asn1:3059…"""

MAX_KEY = 2_000


def key_of(text: str, curve: str = "secp256r1") -> ec.EllipticCurvePublicKey:
    """The key that a text says: PEM, or DER or the bare point in hexadecimal digits or base64, with or without the
    prefix. `curve` is that of a bare point. Raises ValueError.
    """
    if len(text) > MAX_KEY:
        raise ValueError(f"a public key has at most {MAX_KEY} characters")
    try:
        if "-----BEGIN" in text:
            return _elliptic(load_pem_public_key(text.encode("ascii", "replace")))
        data = _bytes(text)
        if data[:1] == b"\x30":
            return _elliptic(load_der_public_key(data))
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve](), data)
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        remedy = "write it as the meter shows it: hexadecimal digits that begin with 30 or 04, base64, or PEM"
        raise ValueError(f"this is no public key of an elliptic curve; {remedy}") from None


def written(key: ec.EllipticCurvePublicKey) -> str:
    """A key as it is kept and handed on: hexadecimal DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


def plain_key(text: str) -> str:
    """The same key in the form in which it is kept. Raises ValueError, also for a curve that cannot be checked."""
    key = key_of(text)
    if not isinstance(key.curve, tuple(CURVES.values())):
        remedy = f"known are {', '.join(CURVES)}"
        raise ValueError(f"signatures on the curve {key.curve.name} cannot be checked; {remedy}")  # noqa: TRY004 - as below
    return written(key)


def _elliptic(key: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("it is of another kind")  # noqa: TRY004 - every refusal here is a ValueError
    return key


def _bytes(text: str) -> bytes:
    plain = "".join(text.split())
    if plain.startswith(PREFIX):
        _, base, _, plain = plain.split(":", 3)
        return bytes.fromhex(plain) if base == "base16" else base64.b64decode(plain, validate=True)
    try:
        return bytes.fromhex(plain.replace(":", ""))
    except ValueError:
        try:
            data = base64.b64decode(plain, validate=True)
        except binascii.Error:
            raise ValueError("neither hexadecimal nor base64") from None
    return _bytes(data.decode("ascii")) if data.startswith(PREFIX.encode()) else data
