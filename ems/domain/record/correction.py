"""Corrections of sessions. Nothing is ever deleted: what stood there before stays in the record of its correction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from ems.domain.units import finite
from ems.domain.vehicle import MAX_BATTERY_WH, plain_id

MAX_REASON = 500
MOST_WH = 100 * MAX_BATTERY_WH

Value = str | float | bool | None


class Change(NamedTuple):
    """What stood there, and what stands there now."""

    was: Value
    now: Value


class Correction(NamedTuple):
    """Somebody corrected a session; `changes` by what was corrected."""

    number: int
    at: datetime
    who: str
    reason: str
    changes: Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be corrected and why: `energy_wh`, `vehicle`, `person`, `cost_centre`, or `is_void` for a session that
    is none that counts. A receipt is not changed by it.
    """

    reason: str
    values: Mapping[str, Value]

    def __post_init__(self) -> None:
        reason = self.reason
        if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
            raise ValueError(f"reason: say in 1 to {MAX_REASON} printable characters why it is corrected")
        if not self.values:
            raise ValueError("nothing is to be corrected: name energy_wh, vehicle, person, cost_centre or void")
        for name, value in self.values.items():
            CHECKS[name](value)


def _energy(value: Value) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= finite("energy_wh", value) <= MOST_WH:
        raise ValueError(f"energy_wh must be a number from 0 to {MOST_WH:g}")


def _name(value: Value) -> None:
    if value is not None:
        plain_id("a name", str(value))


def _centre(value: Value) -> None:
    text = value or ""
    if not isinstance(text, str) or len(text) > 100 or not text.isprintable() or text != text.strip():
        raise ValueError("cost_centre must be at most 100 printable characters")


def _void(value: Value) -> None:
    if not isinstance(value, bool):
        raise ValueError("void must be true or false")  # noqa: TRY004 - every refusal here is a ValueError


CHECKS = MappingProxyType(
    {"energy_wh": _energy, "vehicle": _name, "person": _name, "cost_centre": _centre, "is_void": _void}
)
"""What can be corrected, and what it may be."""
