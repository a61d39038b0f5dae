"""How stations wrap a signed record into the value of a sample.

The Open Charge Alliance describes an object with the record in base64 (Signed Meter Values in OCPP, section 3.2.1: the
one of OCPP 2.0.1, written as text); others send the record itself, or either of them as hexadecimal digits.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import NamedTuple

RECORDS = ("signedMeterData", "signedMeterValue")
"""How the record is called in the wrapping; the second is a slip that is seen in the field."""


class Unwrapped(NamedTuple):
    """A record, how it is said to be encoded (empty: nothing is said), and the key that came with it."""

    record: str
    encoding: str = ""
    key: str = ""


def unwrapped(value: str) -> Unwrapped:
    """What is in a value. Raises ValueError when nothing can be made of it."""
    text = _from_hex(value.strip())
    if not text.startswith("{"):
        return Unwrapped(text)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it begins like a JSON object, and is none") from None
    found = next((told[name] for name in RECORDS if isinstance(told.get(name), str)), None)
    if found is None:
        raise ValueError(f"the object has no {RECORDS[0]}")
    encoding, key = told.get("encodingMethod", ""), told.get("publicKey", "")
    record = _from_hex(_from_base64(found.strip()))
    return Unwrapped(record, encoding if isinstance(encoding, str) else "", key if isinstance(key, str) else "")


def _from_hex(text: str) -> str:
    """The text that hexadecimal digits stand for; anything else as it is."""
    try:
        return bytes.fromhex(text).decode("utf-8") if len(text) > 8 and text[:8].isalnum() else text
    except ValueError:
        return text


def _from_base64(text: str) -> str:
    if text.startswith("OCMF|"):
        return text
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return text
