"""How the site is to be run: what the operator chooses, and the damping constants of control."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from ems.domain.strategy import Strategy
from ems.domain.units import not_negative


class Control(StrEnum):
    """Whether the controller acts. OBSERVE: it measures and decides, and steers nobody; what it shows is what it would
    do. Whom it controlled before it leaves at the fallback; others charge as they would without it.
    """

    ARMED = "armed"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True)
class Policy:
    """All times in seconds, currents in ampere. The defaults suit a car park with 1 s meters.

    `lease_s`: how long a limit holds without us. `idle_a`: what a vehicle may draw between plug-in and our first
    answer. `raise_*`: raises come in steps of `raise_step_a`, at most every `raise_every_s`, not below `dead_band_a`,
    and only into room that has been there for `raise_hold_s`. `rotation_s`: how long an EVSE keeps its minimum current
    when others wait for theirs. `min_on_s` / `min_off_s` protect contactors and vehicles; safety overrides them.
    `max_wait_s`: who has waited longer goes first, whatever the class. `hold_s`, `cautious_s`, `fallback_s`: what a
    silent meter leads to, and `steady_s` how long it must be back before raises resume. `plan_age_s`: after this time
    a plan that has not been renewed counts for nothing.
    """

    strategy: Strategy = Strategy.EQUAL
    control: Control = Control.ARMED
    lease_s: float = 900.0
    idle_a: float = 0.0
    departure_default: str | None = None
    dead_band_a: float = 1.0
    raise_step_a: float = 10.0
    raise_every_s: float = 10.0
    raise_hold_s: float = 10.0
    rotation_s: float = 900.0
    min_on_s: float = 300.0
    min_off_s: float = 30.0
    max_wait_s: float = 3600.0
    hold_s: float = 3.0
    cautious_s: float = 10.0
    fallback_s: float = 30.0
    steady_s: float = 30.0
    sample_trust_s: float = 35.0
    sample_lag_s: float = 3.0
    disobey_s: float = 10.0
    restart_hold_s: float = 300.0
    plan_age_s: float = 900.0

    @property
    def observes(self) -> bool:
        """Nothing that limits anybody is sent."""
        return self.control is Control.OBSERVE

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, int | float):
                not_negative(entry.name, value)
        if not 120 <= self.lease_s <= 3600:
            raise ValueError(f"lease_s must lie in 120 … 3600 s, got {self.lease_s:g}")
        if not self.hold_s < self.cautious_s < self.fallback_s:
            raise ValueError("hold_s, cautious_s and fallback_s must rise")
        if self.rotation_s < self.min_on_s:
            raise ValueError("rotation_s must not be below min_on_s")
