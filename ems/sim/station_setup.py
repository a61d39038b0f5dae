"""How a virtual station is built."""

from __future__ import annotations

from dataclasses import dataclass, field

from ems.sim.charging_profile import Profile
from ems.sim.profile_stack import Shape
from ems.sim.quirks import MeteringQuirks, Quirks


@dataclass(frozen=True, slots=True)
class Outlet:
    """How a connector is built: what turns watts into amperes there, and the voltage on a leg."""

    number: int
    shape: Shape
    volts: float = 230.0


@dataclass(frozen=True, slots=True)
class StationSetup:
    """What a station is. `free_vend`: it starts without asking whose vehicle it is. `leftovers`: profiles by connector
    that another central system has left behind.
    """

    outlets: tuple[Outlet, ...]
    vendor: str = "EMS"
    model: str = "Virtual"
    firmware: str = "1.0"
    free_vend: bool = False
    leftovers: tuple[tuple[int, Profile], ...] = ()
    quirks: Quirks = field(default_factory=Quirks)
    metering: MeteringQuirks = field(default_factory=MeteringQuirks)
