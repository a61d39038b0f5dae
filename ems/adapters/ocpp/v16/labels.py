"""What the labels of a sample say, leniently: stations spell them as they like."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from ocpp.v16.enums import Location, Measurand, ReadingContext, ValueFormat

MOST_REMEMBERED = 2048


class Quantity(IntEnum):
    """What a sample means to us."""

    IGNORED = 0
    CURRENT = 1
    OFFERED = 2
    POWER = 3
    REGISTER = 4
    SOC = 5


IGNORED, CURRENT, OFFERED, POWER, REGISTER, SOC = Quantity

Labels = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""Measurand, phase, unit, format, location and context of a sample."""

Meaning = tuple[Quantity, int, float, bool]
"""Quantity, phase or -1 for none, factor to A, W, Wh or %, and whether it is from the beginning or the end of a
transaction.
"""


class _Meanings(dict[Labels, Meaning]):
    """What labels say; remembered, because they repeat with every message."""

    def __missing__(self, labels: Labels) -> Meaning:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        self[labels] = meaning = _meaning(*labels)
        return meaning


meanings: Mapping[Labels, Meaning] = _Meanings()
"""What the labels of a sample say, whatever they are."""


def _meaning(
    measurand: str | None,
    phase: str | None,
    unit: str | None,
    form: str | None,
    location: str | None,
    context: str | None,
) -> Meaning:
    """What the labels of a sample say."""
    at_boundary = context in _BOUNDARY
    if form == ValueFormat.signed_data:
        return IGNORED, -1, 1.0, at_boundary
    name = _plain(measurand or Measurand.energy_active_import_register)
    leg = _plain(phase or "")
    for suffix in (".l1", ".l2", ".l3", "-l1", "-l2", "-l3"):
        # Some stations write the phase into the measurand (Q63).
        if name.endswith(suffix):
            name, leg = name.removesuffix(suffix), suffix[1:]
    kind = _QUANTITIES.get(name, IGNORED)
    if kind in {CURRENT, POWER, REGISTER} and _plain(location or "") in _OUTSIDE:
        return IGNORED, -1, 1.0, at_boundary
    scale = _SCALES.get(kind, {}).get(_plain(unit or ""))
    if scale is None or (leg and leg not in _PHASES):
        return IGNORED, -1, 1.0, at_boundary
    return kind, _PHASES.get(leg, -1), scale, at_boundary


def _plain(text: str) -> str:
    return text.strip(" '\"").lower()


_SCALES: dict[Quantity, dict[str, float]] = {
    CURRENT: {"": 1.0, "a": 1.0, "amp": 1.0, "ma": 0.001, "da": 0.1},
    OFFERED: {"": 1.0, "a": 1.0, "amp": 1.0, "ma": 0.001, "da": 0.1},
    POWER: {"": 1.0, "w": 1.0, "va": 1.0, "kw": 1000.0, "kva": 1000.0, "mw": 1e6},
    REGISTER: {"": 1.0, "wh": 1.0, "kwh": 1000.0, "mwh": 1e6},
    SOC: {"": 1.0, "percent": 1.0, "%": 1.0},
}
_PHASES = {"l1": 0, "l2": 1, "l3": 2, "l1-n": 0, "l2-n": 1, "l3-n": 2, "l1-l2": 0, "l2-l3": 1, "l3-l1": 2}
_QUANTITIES = {
    Measurand.current_import.value.lower(): CURRENT,
    Measurand.current_offered.value.lower(): OFFERED,
    Measurand.power_active_import.value.lower(): POWER,
    Measurand.energy_active_import_register.value.lower(): REGISTER,
    Measurand.soc.value.lower(): SOC,
}
_OUTSIDE = {Location.ev.value.lower(), Location.cable.value.lower()}
_BOUNDARY = frozenset({ReadingContext.transaction_begin.value, ReadingContext.transaction_end.value})
