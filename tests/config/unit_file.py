"""The systemd unit as it is shipped."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

FILE = Path(__file__).parents[2] / "config" / "systemd" / "ems.service"


def settings() -> dict[str, list[str]]:
    """Every key with all its values, in order; a key that may stand several times adds up."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in FILE.read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key].append(value)
    return found


def value(key: str) -> str:
    """The one value of a key."""
    (only,) = settings()[key]
    return only
