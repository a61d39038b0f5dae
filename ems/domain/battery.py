"""A stationary battery: what it can, and what it is to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ems.domain.phases import NO_AMPS, Phase, PhaseAmps
from ems.domain.units import finite, not_negative


class Otherwise(StrEnum):
    """What a battery does while no plan says anything: what its own program does, nothing, or keep the flow through the
    grid connection at zero.
    """

    OWN = "own"
    REST = "rest"
    SELF_CONSUMPTION = "self-consumption"


@dataclass(frozen=True, slots=True)
class Battery:
    """A stationary battery behind `circuit`, evenly on `phases`, measured by `meter`.

    `charge_w` and `discharge_w` at most, on the AC side; `efficiency` is the share that survives each way. States of
    charge are shares of `capacity_wh`: it is used between `lowest` and `highest`, and `reserve` is not touched by us.
    `wear_per_kwh` is what a kWh through it costs. `export_w`: as much may flow into the grid because of it.
    `steered`: we may tell it what to do.
    """

    id: str
    circuit: str
    capacity_wh: float
    charge_w: float
    discharge_w: float
    meter: str | None = None
    phases: tuple[Phase, ...] = tuple(Phase)
    efficiency: float = 0.95
    lowest: float = 0.0
    highest: float = 1.0
    reserve: float = 0.0
    wear_per_kwh: float = 0.0
    export_w: float = 0.0
    steered: bool = False
    otherwise: Otherwise = Otherwise.OWN

    def __post_init__(self) -> None:
        for name in ("capacity_wh", "charge_w", "discharge_w", "wear_per_kwh", "export_w"):
            not_negative(f"{name} of battery {self.id}", getattr(self, name))
        if not self.phases or len(set(self.phases)) != len(self.phases):
            raise ValueError(f"battery {self.id} needs phases, each once")
        if not 0.0 < finite(f"efficiency of battery {self.id}", self.efficiency) <= 1.0:
            raise ValueError(f"efficiency of battery {self.id} lies above 0 and at most at 1, got {self.efficiency:g}")
        if not 0.0 <= self.lowest <= self.highest <= 1.0 or not 0.0 <= self.reserve <= 1.0:
            raise ValueError(f"states of charge of battery {self.id} must lie within 0 and 1, and rise")

    @property
    def floor(self) -> float:
        """The state of charge below which it is not discharged."""
        return max(self.lowest, self.reserve)

    def amps(self, watts: float, voltage_v: float) -> PhaseAmps:
        """Current per site phase of a power; charging is positive, as with every load."""
        each = watts / (len(self.phases) * voltage_v)
        on = [each if phase in self.phases else 0.0 for phase in Phase]
        return (on[0], on[1], on[2]) if watts else NO_AMPS
