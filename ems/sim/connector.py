"""One connector of a virtual station: cable, contactor, meter and status, without any message."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from ems.domain.phases import MAX_LEGS
from ems.domain.units import PILOT_MIN_A
from ems.sim.metering import Measured
from ems.sim.pilot import Pilot
from ems.sim.profile_stack import Charge, Shape
from ems.sim.quirks import Phases, Quirks
from ems.sim.vehicle import Vehicle

NOTICES_S = 10.0
"""A vehicle that does not draw what it is offered is reported as SuspendedEV after so long."""


@dataclass(slots=True)
class LocalTransaction:
    """A transaction as the station keeps it; `id` comes with the central system's answer, maybe much later."""

    tag: str
    began: datetime
    meter_start_wh: int
    id: int | None = None
    was_suspended: bool = False


class Reservation(NamedTuple):
    """Who may come, until when."""

    id: int
    expires: datetime


@dataclass(slots=True)
class Connector:
    """Physical state; `step` lets time pass. `volts` per leg. `uses`: how many legs are connected through, and how
    often that was changed while current flowed.
    """

    number: int
    shape: Shape
    volts: float
    quirks: Quirks = field(default_factory=Quirks)
    register_wh: float = 0.0
    vehicle: Vehicle | None = None
    transaction: LocalTransaction | None = None
    finishing: bool = False
    available: bool = True
    reservation: Reservation | None = None
    pilot: Pilot = field(init=False)
    uses: int = field(init=False)
    switched_under_load: int = 0
    offered_since: float = 0.0
    now: float = 0.0

    def __post_init__(self) -> None:
        self.pilot = Pilot(self.shape.max_a, self.quirks)
        self.uses = self.shape.legs

    def plug(self, vehicle: Vehicle) -> None:
        """A cable is connected."""
        if self.vehicle is not None:
            raise ValueError(f"connector {self.number} is taken")
        self.vehicle = vehicle

    def unplug(self) -> Vehicle | None:
        """The cable is pulled; who pulls it during a transaction must end that first."""
        gone, self.vehicle, self.finishing = self.vehicle, None, False
        return gone

    def become(self, quirks: Quirks) -> None:
        """From now on the station has other ways."""
        self.quirks, self.pilot = quirks, replace(self.pilot, quirks=quirks)

    def restarts(self) -> None:
        """The station restarts: until it has read its profiles again nothing is limited."""
        self.pilot = Pilot(self.shape.max_a, self.quirks)

    def expires(self, utc: datetime) -> None:
        """A reservation ends by itself."""
        if self.reservation is not None and utc >= self.reservation.expires:
            self.reservation = None

    def charge(self, sharing: int = 1) -> Charge | None:
        """The transaction as profiles see it; `sharing`: how many connectors of the station charge."""
        running, vehicle = self.transaction, self.vehicle
        if running is None:
            return None
        suspended = self.status().startswith("Suspended")
        legs = None if vehicle is None else min(vehicle.model.legs, self.shape.legs)
        return Charge(running.began, running.id, suspended, running.was_suspended or suspended, legs, sharing)

    def step(self, now: float, limit_a: float | None, phases: int = MAX_LEGS) -> None:
        """Let time pass until `now`, while profiles allow `limit_a` on so many phases."""
        dt_s, self.now = now - self.now, now
        vehicle = self.vehicle
        if vehicle is not None and self.transaction is not None and dt_s > 0:
            before = vehicle.energy_wh
            watts = vehicle.watts_per_amp(self.shape.watts_per_leg, self.uses)
            self.vehicle = vehicle.step(self.offered_a, dt_s, watts)
            self.register_wh += self.vehicle.energy_wh - before
        elif vehicle is not None:
            self.vehicle = vehicle.step(0.0, max(0.0, dt_s), vehicle.watts_per_amp(self.volts, self.uses))
        self._switch(min(phases, self.shape.legs))
        enough = self.offered_a >= PILOT_MIN_A
        self.pilot = self.pilot.after(limit_a, now, charging=self.transaction is not None)
        if self.transaction is None:
            self.pilot = self.pilot.freed()
        elif self.status().startswith("Suspended"):
            self.transaction.was_suspended = True
        if (self.offered_a >= PILOT_MIN_A) != enough:
            self.offered_since = now

    def _switch(self, legs: int) -> None:
        flows = any(self.leg_amps)
        quick, careful = self.quirks.phases is Phases.SWITCHES, self.quirks.phases is Phases.SWITCHES_PAUSED
        if legs != self.uses and (quick or (careful and not flows)):
            self.uses = legs
            self.switched_under_load += flows

    @property
    def offered_a(self) -> float:
        """What the vehicle is offered; nothing flows outside a transaction."""
        return self.pilot.offered_a(self.now) if self.transaction is not None else 0.0

    @property
    def leg_amps(self) -> tuple[float, ...]:
        """The current on each leg."""
        if self.vehicle is None or self.transaction is None:
            return (0.0,) * self.shape.legs
        return self.vehicle.leg_amps(self.uses) + (0.0,) * (self.shape.legs - self.uses)

    def status(self) -> str:
        """ChargePointStatus, section 7.7."""
        if self.vehicle is None:
            return "Unavailable" if not self.available else "Reserved" if self.reservation else "Available"
        if self.transaction is None:
            return "Finishing" if self.finishing else "Preparing"
        if self.vehicle.current_a > 0:
            return "Charging"
        if self.offered_a < PILOT_MIN_A:
            return "SuspendedEVSE"
        return "SuspendedEV" if self.now - self.offered_since >= NOTICES_S else "Charging"

    def measured(self) -> Measured:
        """What the instruments show."""
        start = self.register_wh if self.transaction is None else self.transaction.meter_start_wh
        return Measured(
            leg_a=self.leg_amps,
            offered_a=self.offered_a,
            power_w=sum(self.leg_amps) * self.shape.watts_per_leg,
            register_wh=self.register_wh,
            transaction_wh=self.register_wh - start,
            volts=self.volts,
            soc_percent=None if self.vehicle is None else round(100.0 * self.vehicle.soc),
        )
