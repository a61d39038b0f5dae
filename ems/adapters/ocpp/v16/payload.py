"""Single fields of a payload, read leniently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ems.adapters.ocpp.v16.samples import number

TEXT = 64
"""Texts of stations are cut at this length."""

Payload = Mapping[str, Any]


def text(payload: Payload, key: str) -> str:
    """A text; empty where there is none."""
    value = payload.get(key)
    return value[:TEXT] if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """A transaction id, also when it comes as a text; numbers beyond 64 bit are nobody's."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 2**63 else None
    parsed = number(value)
    return None if parsed is None or abs(parsed) >= 2**63 else int(parsed)
