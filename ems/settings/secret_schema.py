"""Keys that name a file with a secret: what the file holds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from ems.settings.schema import Name


class SecretKind(StrEnum):
    """What the file holds that a key names: one line, or a private key as a block of lines (PEM)."""

    LINE = "secret"
    KEY = "secret-key"


Secret = Annotated[Name, SecretKind.LINE]
PrivateKey = Annotated[Name, SecretKind.KEY]
