"""Charging on one phase or on three, at stations that can switch between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ems.domain.phases import MAX_LEGS
from ems.domain.station import Evse
from ems.domain.station_model import RateUnit, StationModel, ZeroBehaviour

UNSAID = 0
"""No number of phases: the station uses all that its vehicle takes (OCPP 1.6 section 7.13)."""

ONE, THREE = 1, 3


def can_switch(evse: Evse, model: StationModel) -> bool:
    """Whether an EVSE may be told how many phases to use: it says so or somebody does, it has three, it is told ampere
    of the running transaction (watts would be drawn on the phase that is left), and it pauses at 0 A, through which
    every switch leads: contactors and vehicles are not switched under load.

    OCPP 1.6 knows it as ConnectorSwitch3to1PhaseSupported and numberPhases of a period; 2.0.1 as Phases3to1 of
    SmartChargingCtrlr and numberPhases, with phaseToUse where ACPhaseSwitchingSupported (K01.FR.43 to 48).
    """
    says = model.switches_phases if evse.phase_switching is None else evse.phase_switching
    steers = model.smart_charging and model.session_profile and model.rate_unit is RateUnit.AMPERE
    three = len(evse.wiring.legs) == MAX_LEGS and evse.dc_efficiency is None
    return says and steers and three and model.zero is ZeroBehaviour.PAUSES


@dataclass(frozen=True, slots=True)
class PhaseSwitch:
    """How many phases a station was told to use for the running transaction: `told` until `ends_at` (monotonic), when
    that limit ends. `open`: numbers that may have arrived, since nobody answered yet or ever. `refuses`: it takes
    limits only without a number.
    """

    told: int = UNSAID
    ends_at: float = -math.inf
    open: tuple[int, ...] = ()
    refuses: bool = False

    def sent(self, phases: int) -> PhaseSwitch:
        """A limit with that number went onto the wire."""
        return self if phases in self.open else replace(self, open=(*self.open, phases))

    def accepted(self, phases: int, ends_at: float) -> PhaseSwitch:
        """The station accepted a limit with that number; what was open before it has been overtaken."""
        refuses = self.refuses or (phases == UNSAID and any(self.open))
        return PhaseSwitch(phases, ends_at if phases else -math.inf, (), refuses)

    def refused(self, phases: int) -> PhaseSwitch:
        """The station said no: what it was told before holds."""
        return replace(self, open=tuple(number for number in self.open if number != phases))

    def ended(self) -> PhaseSwitch:
        """The transaction is over, and its limit with it."""
        return PhaseSwitch(refuses=self.refuses)

    def forgotten(self) -> PhaseSwitch:
        """The station has restarted: nobody knows how many phases it uses until it is told again."""
        return replace(self, open=(ONE, THREE)) if self.told else self

    def is_settled(self, now: float, uncertainty_s: float = 0.0) -> bool:
        """Whether what it was told is surely in force, and nothing else may be; so that what samples have shown since
        is still true.
        """
        if any(number != self.told for number in self.open):
            return False
        return self.told == UNSAID or now < self.ends_at - uncertainty_s

    def lacks(self, phases: int) -> bool:
        """Whether that number is to be told."""
        return phases not in self.open if self.open else self.told != phases


NOT_TOLD = PhaseSwitch()
