"""What proves that somebody stood before the charger: a code that changes every minute, and cookies that we signed.

The code is that of OCPP 2.1 (part 2, use case C25, TOTP version v1), so that stations which show it themselves and
displays of ours agree.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from typing import NamedTuple

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
VALID_S = 60
LENGTH = 8
SIGNATURE = 22
"""Characters; 132 bits."""


def code_at(secret: str, unix_s: float, valid_s: int = VALID_S, length: int = LENGTH) -> str:
    """The code that counts at a moment."""
    digest = hmac.digest(secret.encode(), struct.pack(">Q", int(unix_s // valid_s)), hashlib.sha256)
    offset = digest[-1] & 0x0F
    return "".join(ALPHABET[digest[(offset + k) % len(digest)] % len(ALPHABET)] for k in range(length))


def is_code(secret: str, unix_s: float, told: str) -> bool:
    """Whether that is the code of this minute or of the one before."""
    known = [code_at(secret, unix_s - back) for back in (0, VALID_S)]
    return any([hmac.compare_digest(one.encode(), told.encode("utf-8", "replace")) for one in known])


class Word(NamedTuple):
    """What a cookie of ours says: of which kind, and until when (seconds since 1970 UTC)."""

    kind: str
    value: str
    until_s: int

    def signed(self, secret: str) -> str:
        """As a cookie. Nobody else can make it, and under another sticker it is worth nothing."""
        body = f"{self.kind}.{self.until_s}.{base64.urlsafe_b64encode(self.value.encode()).decode().rstrip('=')}"
        return f"{body}.{_signature(secret, body)}"


def word_of(secret: str, cookie: str, unix_s: float) -> Word | None:
    """What a cookie says; None when it is not ours, or over."""
    body, _, signature = cookie[:600].rpartition(".")
    if not hmac.compare_digest(_signature(secret, body).encode(), signature.encode("utf-8", "replace")):
        return None
    kind, until_s, value = body.split(".")
    if unix_s >= int(until_s):
        return None
    return Word(kind, base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode(), int(until_s))


def _signature(secret: str, body: str) -> str:
    digest = hmac.digest(b"cookie:" + secret.encode(), body.encode("utf-8", "replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode()[:SIGNATURE]
