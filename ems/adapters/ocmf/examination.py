"""What a signed value says, and what its signature is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ems.adapters.ocmf.public_key import CURVES, key_of, written
from ems.adapters.ocmf.record import HEADER, Record, record_of
from ems.adapters.ocmf.wrapping import unwrapped
from ems.domain.record.signed_value import Examined, Verdict

OCMF = "OCMF"
HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}


class _Scheme(NamedTuple):
    curve: str
    digest: hashes.HashAlgorithm


def examine(value: str, vouched: Sequence[str]) -> Examined:
    """Examine a value as a station sent it; `vouched` are the keys that somebody vouches for. Never raises."""
    try:
        found = unwrapped(value)
    except ValueError as wrong:
        return Examined(Verdict.UNREADABLE, f"this is no signed record: {wrong}")
    if not found.record.startswith(HEADER):
        named = found.encoding if found.encoding and found.encoding.isprintable() else "an unknown format"
        why = f"only {OCMF} can be checked here, and this is {named:.40}"
        return Examined(Verdict.UNSUPPORTED, why, named[:40], found.record)
    try:
        record = record_of(found.record)
    except ValueError as wrong:
        return Examined(Verdict.UNREADABLE, f"this is no whole {OCMF} record: {wrong}", OCMF, found.record)
    scheme = _scheme(record.algorithm)
    sent = _sent(found.key, scheme)
    if scheme is None:
        why = f"signatures of the kind {record.algorithm:.60} cannot be checked here"
        return _told(record, Verdict.UNSUPPORTED, why, sent, "")
    return _judged(record, scheme, vouched, sent)


def _judged(record: Record, scheme: _Scheme, vouched: Sequence[str], sent: str) -> Examined:
    fits = next((key for key in vouched if _is_signed(record, scheme, key)), "")
    if fits:
        return _told(record, Verdict.VERIFIED, "the signature fits the key that is known for this meter", sent, fits)
    is_own = bool(sent) and _is_signed(record, scheme, sent)
    if vouched and is_own:
        why = "the signature fits the key that the station sent, but not the one that is known for this meter"
        return _told(record, Verdict.FOREIGN_KEY, why, sent, sent)
    if is_own:
        why = "the signature fits the key that the station sent; nobody has confirmed yet that it is the meter's"
        return _told(record, Verdict.OWN_KEY, why, sent, sent)
    if vouched or sent:
        why = "the signature does not fit: the record was changed, or another meter signed it"
        return _told(record, Verdict.WRONG, why, sent, "")
    return _told(record, Verdict.NO_KEY, "no public key of this meter is known, so nothing could be checked", sent, "")


def _is_signed(record: Record, scheme: _Scheme, text: str) -> bool:
    """Whether a key made the signature; a key of another curve did not."""
    try:
        key = key_of(text, scheme.curve)
    except ValueError:
        return False
    if not isinstance(key.curve, CURVES[scheme.curve]):
        return False
    try:
        key.verify(_as_der(record.signature, key), record.signed, ec.ECDSA(scheme.digest))
    except (InvalidSignature, ValueError):
        return False
    return True


def _as_der(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """Some meters write the two numbers one after the other, without DER around them."""
    size = (key.key_size + 7) // 8
    if len(signature) != 2 * size or _is_der(signature):
        return signature
    return encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))


def _is_der(signature: bytes) -> bool:
    return signature[:1] == b"\x30" and signature[1] == len(signature) - 2


def _scheme(algorithm: str) -> _Scheme | None:
    match algorithm.split("-"):
        case ["ECDSA", curve, digest] if curve in CURVES and digest in HASHES:
            return _Scheme(curve, HASHES[digest]())
        case _:
            return None


def _sent(text: str, scheme: _Scheme | None) -> str:
    """The key that came with a record, in the form in which keys are kept; empty for none and for nonsense."""
    if not text:
        return ""
    try:
        return written(key_of(text, "secp256r1" if scheme is None else scheme.curve))
    except ValueError:
        return ""


def _told(record: Record, verdict: Verdict, why: str, sent: str, fits: str) -> Examined:
    return Examined(
        verdict=verdict,
        why=why,
        format=OCMF,
        record=record.text,
        algorithm=record.algorithm,
        serial=record.serial,
        pagination=record.pagination,
        identity=record.identity,
        registers=record.registers,
        sent_key=sent,
        key=fits,
    )
