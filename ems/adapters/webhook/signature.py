"""The signature of the Standard Webhooks specification: HMAC-SHA256 over id, timestamp and body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

PREFIX = "whsec_"
LEAST_BYTES = 16

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def key_of(secret: str) -> bytes:
    """The key that a secret names: behind `whsec_` in base64, else its own characters. Raises ValueError."""
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            raise ValueError(f"behind {PREFIX} there must be base64") from None
    else:
        key = secret.encode()
    if len(key) < LEAST_BYTES:
        raise ValueError(f"a secret needs at least {LEAST_BYTES} bytes, this one has {len(key)}")
    return key


def signed(key: bytes, name: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The headers that sign a body at a moment; the same `name` tells a repetition."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {ID: name, TIMESTAMP: stamp, SIGNATURE: f"v1,{base64.b64encode(digest).decode()}"}
