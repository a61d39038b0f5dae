"""The laws of the simulation, as they apply to messages that take their time."""

from __future__ import annotations

from collections.abc import Collection

from ems.domain.phases import MAX_LEGS
from ems.sim.invariants import Invariants
from ems.sim.virtual_site import VirtualSite


class Laws(Invariants):
    """The laws of the simulation, with what is true of each vehicle: only the legs that it uses count, and one that
    nobody can talk to is a load like any other.
    """

    def look_at(self, world: VirtualSite, away: Collection[str]) -> None:
        """See who is plugged in where, and whom nobody reaches."""
        for j, evse in enumerate(self.site.evses):
            connector, is_away = world.stations[evse.station].connectors[evse.number], evse.station in away
            legs = MAX_LEGS if connector.vehicle is None else min(connector.vehicle.model.legs, connector.uses)
            self.uses(j, 0 if is_away else legs, is_reached=not is_away)
