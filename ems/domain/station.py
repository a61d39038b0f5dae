"""Charging stations and their EVSEs, as installed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from ems.domain.phases import Wiring
from ems.domain.station_model import StationModel, ZeroBehaviour
from ems.domain.units import PILOT_MIN_A, finite, not_negative

MAX_STATION_ID = 48
STATION_ID_RULE = f"letters, digits and * + = : | @ . _ - only, at most {MAX_STATION_ID}"
_STATION_ID = re.compile(rf"[A-Za-z0-9*+=:|@._-]{{1,{MAX_STATION_ID}}}")


def is_station_id(text: str) -> bool:
    """Whether it can name a station: what OCPP 2.0.1 allows in an identity; 1.6 names nothing, but it is a part of a
    web address. STATION_ID_RULE says so in words.
    """
    return _STATION_ID.fullmatch(text) is not None


class EvseStatus(StrEnum):
    """State of an EVSE, in the words of OCPP 1.6 (StatusNotification, section 7.7)."""

    UNKNOWN = "Unknown"
    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"

    @property
    def is_occupied(self) -> bool:
        """A vehicle is plugged in."""
        return self in _OCCUPIED

    @property
    def may_draw(self) -> bool:
        """A vehicle could draw current without telling us first."""
        return self not in _CANNOT_DRAW

    @property
    def may_charge(self) -> bool:
        """A vehicle that is there may draw what it is to have, without anybody who mends, presses or plugs anything."""
        return self not in _CANNOT_CHARGE


_OCCUPIED = frozenset(
    {
        EvseStatus.PREPARING,
        EvseStatus.CHARGING,
        EvseStatus.SUSPENDED_EV,
        EvseStatus.SUSPENDED_EVSE,
        EvseStatus.FINISHING,
    }
)
_CANNOT_DRAW = frozenset({EvseStatus.AVAILABLE, EvseStatus.RESERVED, EvseStatus.UNAVAILABLE})
_CANNOT_CHARGE = _CANNOT_DRAW | {EvseStatus.FAULTED, EvseStatus.FINISHING}


@dataclass(frozen=True, slots=True)
class Evse:
    """One outlet that charges one vehicle at a time; the thing that gets amperes.

    `max_a` is what it can deliver per leg, `fallback_a` what it falls to when nobody renews its lease (0 or at least
    6 A). `meter` names an external meter of this outlet alone, for stations that do not measure. `dc_efficiency` set
    means a DC outlet: it is told watts at the plug, and its currents here are those of its AC supply.
    `phase_switching`: whether it may be told to use one phase of three; None: as its station says.
    """

    station: str
    number: int
    circuit: str
    wiring: Wiring
    max_a: float
    fallback_a: float
    meter: str | None = None
    dc_efficiency: float | None = None
    priority: int = 0
    phase_switching: bool | None = None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"{self.station}/{self.number}")
        finite(f"max_a of {self.id}", self.max_a)
        if self.max_a < PILOT_MIN_A:
            raise ValueError(f"max_a of {self.id} is below {PILOT_MIN_A:g} A: no vehicle could charge")
        not_negative(f"fallback_a of {self.id}", self.fallback_a)
        if 0 < self.fallback_a < PILOT_MIN_A:
            raise ValueError(f"fallback_a of {self.id} must be 0 or at least {PILOT_MIN_A:g} A")
        if self.fallback_a > self.max_a:
            raise ValueError(f"fallback_a of {self.id} exceeds its max_a")
        if self.number < 1:
            raise ValueError(f"EVSE numbers start at 1, got {self.number} at {self.station}")
        if self.dc_efficiency is not None and not 0.5 <= self.dc_efficiency <= 1:
            raise ValueError(f"dc_efficiency of {self.id} must lie in 0.5 … 1, got {self.dc_efficiency:g}")

    def most_w(self, voltage_v: float) -> float:
        """What it can draw on all its legs; `voltage_v` is phase to neutral. Of a DC outlet on its AC side."""
        return self.max_a * self.wiring.watts_per_amp(voltage_v)


@dataclass(frozen=True, slots=True)
class Station:
    """One OCPP identity with its EVSEs."""

    id: str
    evses: tuple[Evse, ...]
    model: StationModel = field(default_factory=StationModel)

    def __post_init__(self) -> None:
        numbers = [evse.number for evse in self.evses]
        if not numbers or len(set(numbers)) != len(numbers):
            raise ValueError(f"station {self.id} needs EVSEs with different numbers")
        for evse in self.evses:
            if evse.fallback_a == 0 and self.model.smart_charging and self.model.zero is ZeroBehaviour.IGNORED:
                raise ValueError(f"fallback_a of {evse.id} is 0 A, which this model ignores")
