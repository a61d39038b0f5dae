"""Passwords of stations: made, hashed and compared. Plain ones never leave this module.

A password file holds one line: `scrypt$N$R$P$SALT$DIGEST` (salt and digest in base64) or the password itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass

PASSWORD_LENGTH = 20
"""OCPP security profiles ask for 16 to 40 characters; some stations cut after 20."""

ALPHABET = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))

COST_N = 4096
"""4 MiB and a few hundredths of a second: a generated password needs no stretching, and after a power cut hundreds of
stations must be let in within seconds."""

BLOCK_R, PARALLEL_P = 8, 1
IN_MEMORY_N = 2
"""Stretching protects a stolen file; where the file is plain text there is nothing to protect."""

MAX_COST = 1 << 20
SALT_BYTES, DIGEST_BYTES = 16, 32
_LINE = re.compile(r"scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """The scrypt hash of a password. Shown nowhere: `repr` hides it."""

    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    def verify(self, password: str | bytes) -> bool:
        """Whether this is the password; takes the same time for every wrong one. Some milliseconds of work."""
        return hmac.compare_digest(_digest(password, self.salt, self.n, self.r, self.p), self.digest)

    @property
    def line(self) -> str:
        """As it stands in a password file."""
        salt, digest = (base64.b64encode(part).decode() for part in (self.salt, self.digest))
        return f"scrypt${self.n}${self.r}${self.p}${salt}${digest}"

    def __repr__(self) -> str:
        return "PasswordHash(…)"

    @classmethod
    def of(cls, password: str | bytes, n: int = COST_N) -> PasswordHash:
        """Hash a password with a new salt."""
        salt = secrets.token_bytes(SALT_BYTES)
        return cls(n, BLOCK_R, PARALLEL_P, salt, _digest(password, salt, n, BLOCK_R, PARALLEL_P))

    @classmethod
    def parse(cls, line: str) -> PasswordHash:
        """Read the line of a password file that begins with `scrypt$`. Raises ValueError."""
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError("is not a complete hash line")
        n, r, p = (int(match[i]) for i in (1, 2, 3))
        if n < 2 or n & (n - 1) or not r * p >= 1 or n * r * p > MAX_COST:
            raise ValueError("has parameters out of range")
        try:
            salt, digest = (base64.b64decode(match[i], validate=True) for i in (4, 5))
        except binascii.Error:
            raise ValueError("is not a complete hash line") from None
        if len(digest) != DIGEST_BYTES:
            raise ValueError("is not a complete hash line")
        return cls(n, r, p, salt, digest)


def new_password() -> tuple[str, str]:
    """A random password for a station, and the line for its password file."""
    password = "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))
    return password, PasswordHash.of(password).line


def _digest(password: str | bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    raw = password.encode("utf-8", "surrogatepass") if isinstance(password, str) else password
    memory = 128 * r * (n + p + 2) + (1 << 16)
    return hashlib.scrypt(raw, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=DIGEST_BYTES)
