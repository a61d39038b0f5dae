"""A record of the Open Charge Metering Format: what is signed, what it says, and the signature."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ems.domain.record.signed_value import SignedRegister

HEADER = "OCMF|"
DEFAULT_ALGORITHM = "ECDSA-secp256r1-SHA256"
MAX_REGISTERS, MAX_TEXT = 50, 200


class Record(NamedTuple):
    """`signed`: the bytes that are signed; `signature` as the meter made it (DER)."""

    text: str
    signed: bytes
    signature: bytes
    algorithm: str
    serial: str
    pagination: str
    identity: str
    registers: tuple[SignedRegister, ...]


def record_of(text: str) -> Record:
    """Read a record. Raises ValueError that says what is wrong with it."""
    if not text.startswith(HEADER):
        raise ValueError("it does not begin with OCMF|")
    payload, bar, tail = text[len(HEADER) :].rpartition("|")
    if not bar:
        raise ValueError("it has no signature")
    told, signature = _object(payload, "payload"), _object(tail, "signature")
    return Record(
        text=text,
        signed=payload.encode("utf-8"),
        signature=_signature(signature),
        algorithm=_text(signature, "SA") or DEFAULT_ALGORITHM,
        serial=_text(told, "MS") or _text(told, "GS"),
        pagination=_text(told, "PG"),
        identity=_text(told, "ID"),
        registers=tuple(_registers(told.get("RD"))),
    )


def _object(text: str, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"its {what} is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"its {what} is not an object")  # noqa: TRY004 - every refusal here is a ValueError
    return found


def _signature(told: Mapping[str, Any]) -> bytes:
    data, encoding = told.get("SD"), told.get("SE", "hex")
    if not isinstance(data, str):
        raise ValueError("its signature has no SD")  # noqa: TRY004 - as above
    try:
        if encoding == "base64":
            return base64.b64decode(data, validate=True)
        return bytes.fromhex(data)
    except (ValueError, binascii.Error):
        raise ValueError(f"its SD is not {'base64' if encoding == 'base64' else 'hexadecimal'}") from None


def _registers(told: Any) -> Iterator[SignedRegister]:
    """The readings; a field that is missing is that of the reading before (OCMF, section on readings)."""
    before: dict[str, str] = {}
    for one in told[:MAX_REGISTERS] if isinstance(told, list) else ():
        if not isinstance(one, dict):
            continue
        before |= {name: _text(one, name) for name in ("TM", "RU", "RI", "ST") if name in one}
        yield SignedRegister(
            mark=_text(one, "TX"),
            at=before.get("TM", ""),
            value=_text(one, "RV"),
            unit=before.get("RU", ""),
            register=before.get("RI", ""),
            status=before.get("ST", ""),
        )


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return ""
    return str(value)[:MAX_TEXT]
