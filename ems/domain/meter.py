"""Meters and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ems.domain.phases import PhaseAmps
from ems.domain.units import finite


class MeterRole(StrEnum):
    """What a meter measures."""

    CIRCUIT = "circuit"
    EVSE = "evse"
    PV = "pv"
    BATTERY = "battery"


class OnLoss(StrEnum):
    """What a silent meter means for the EVSEs behind it: their fallback current, or nothing."""

    FALLBACK = "fallback"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Meter:
    """An installed meter; `every_s` is its reading period. How it is reached is the adapter's affair."""

    id: str
    every_s: float = 1.0
    role: MeterRole = MeterRole.CIRCUIT
    on_loss: OnLoss = OnLoss.FALLBACK
    circuit: str | None = None


@dataclass(frozen=True, slots=True)
class MeterReading:
    """One complete, plausible reading, `at` the monotonic time of its receipt.

    `amps` per site phase, positive when power flows towards the loads. The other values are for people; None where
    the meter has none; `soc` is the state of charge of the battery behind it, 0 … 1, and `storage_w` what flows into
    that alone. `fingerprint` identifies the raw registers, so that a frozen meter can be told from a steady load.
    Raises ValueError on NaN and infinity: a doubtful reading must never reach a sum.
    """

    at: float
    amps: PhaseAmps
    fingerprint: int = 0
    power_w: float | None = None
    volts: PhaseAmps | None = None
    import_wh: float | None = None
    export_wh: float | None = None
    frequency_hz: float | None = None
    soc: float | None = None
    storage_w: float | None = None

    def __post_init__(self) -> None:
        finite("at", self.at)
        for value in self.amps:
            finite("current", value)
        for name in ("power_w", "import_wh", "export_wh", "frequency_hz", "soc", "storage_w"):
            value = getattr(self, name)
            if value is not None:
                finite(name, value)
