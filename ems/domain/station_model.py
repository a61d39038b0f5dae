"""What a make of charging station does with a current limit, as far as it matters for the fuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ems.domain.units import PILOT_MIN_A, not_negative


class RateUnit(StrEnum):
    """The unit in which a station understands limits."""

    AMPERE = "A"
    WATT = "W"


class ZeroBehaviour(StrEnum):
    """What happens at a limit of 0 A."""

    PAUSES = "pauses"
    ENDS_SESSION = "ends-session"
    IGNORED = "ignored"


class LeaseForm(StrEnum):
    """How a profile can be made to end by itself.

    DURATION: the schedule has a duration, the layer below takes over. TWO_PERIODS: one profile without end whose
    second period is the fallback, for stations with a single stack level. NONE: the station cannot do either, so its
    last limit is permanent.
    """

    DURATION = "duration"
    TWO_PERIODS = "two-periods"
    NONE = "none"


class ProfileKind(StrEnum):
    """The time base of a schedule that the station understands."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"


@dataclass(frozen=True, slots=True)
class StationModel:
    """Behaviour of a make and firmware; the defaults are those of a station that follows OCPP 1.6.

    `step_a` and `allowed_a`: the limits it can express; others are rounded down. `apply_s`: from acceptance of a cut
    until the vehicle's current has followed. `smart_charging` False: limits cannot be set at all, only stop and
    availability. `session_profile` / `default_profile_steers`: which of TxProfile and TxDefaultProfile change a
    running transaction. `keeps_offline` False: drops its profiles with the socket, so it counts at its rated maximum
    while offline; `keeps_over_boot` likewise for a restart. `composite` False: GetCompositeSchedule is useless there.
    `repeat_after_zero`: the first limit after a pause is ignored, so it is sent twice. `switches_phases`: its outlets
    can be told to use one phase of three (OCPP 1.6 section 9.4.6, ConnectorSwitch3to1PhaseSupported). `lowest_a`
    follows from `zero`: the least it can be set to, which is its minimum where 0 A would end the session.
    """

    id: str = "generic"
    smart_charging: bool = True
    rate_unit: RateUnit = RateUnit.AMPERE
    kind: ProfileKind = ProfileKind.ABSOLUTE
    lease: LeaseForm = LeaseForm.DURATION
    max_stack_level: int | None = None
    session_profile: bool = True
    default_profile_steers: bool = False
    zero: ZeroBehaviour = ZeroBehaviour.PAUSES
    min_a: float = PILOT_MIN_A
    step_a: float = 1.0
    allowed_a: tuple[float, ...] = ()
    apply_s: float = 10.0
    keeps_offline: bool = True
    keeps_over_boot: bool = True
    composite: bool = True
    repeat_after_zero: bool = False
    number_phases: bool = False
    switches_phases: bool = False
    sample_interval_s: int = 10
    heartbeat_s: int = 60
    measurands: tuple[str, ...] = (
        "Current.Import",
        "Power.Active.Import",
        "Energy.Active.Import.Register",
        "SoC",
    )
    trigger_boot: bool = True
    settle_s: float = 0.0
    lowest_a: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lowest_a", 0.0 if self.zero is ZeroBehaviour.PAUSES else self.min_a)
        not_negative("apply_s", self.apply_s)
        if not 0.1 <= self.step_a <= 16:
            raise ValueError(f"step_a of station model {self.id} must lie in 0.1 … 16 A, got {self.step_a:g}")
        if self.min_a < PILOT_MIN_A:
            raise ValueError(f"min_a of station model {self.id} is below {PILOT_MIN_A:g} A, which no vehicle accepts")
        if self.kind is ProfileKind.RELATIVE and self.lease is not LeaseForm.NONE:
            raise ValueError(
                f"station model {self.id}: a relative schedule counts from the transaction, so it cannot lease"
            )
        if self.max_stack_level == 0 and self.lease is LeaseForm.DURATION:
            raise ValueError(
                f"station model {self.id}: with a single stack level the lease must be two-periods or none"
            )
        if not (self.session_profile or self.default_profile_steers) and self.smart_charging:
            raise ValueError(f"station model {self.id}: no profile steers a running session; set smart_charging: false")
