"""Giving a station its own limits back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LimitsReleased:
    """A station has cleared, because a person wanted it, all that we told it about an EVSE: its own limits count."""

    evse: str
