"""The laws of the simulation, as they apply to messages that take their time."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.sim.invariants import Invariants
from ems.sim.virtual_site import VirtualSite


class Laws(Invariants):
    """The laws of the simulation, with what is true of each vehicle: only the legs that it uses count, and one that
    nobody can talk to is a load like any other. A limit without end or floor must last to be wrong, because a changed
    clock and a restart are answered by new limits.
    """

    settles_s = 10.0

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._every = list(self._links)
        self._odd: dict[str, float] = {}

    def look_at(self, world: VirtualSite, away: Collection[str]) -> None:
        """See who is plugged in where, and whom nobody reaches."""
        for j, evse in enumerate(self.site.evses):
            vehicle = world.stations[evse.station].connectors[evse.number].vehicle
            legs = evse.wiring.legs if vehicle is None else evse.wiring.legs[: vehicle.model.legs]
            phases = {phase for leg in legs for phase in leg}
            self._links[j] = () if evse.station in away else tuple(link for link in self._every[j] if link[1] in phases)

    def _leases(self, state: SiteState) -> Iterator[str]:
        now = max((d.at.monotonic_s for d in (self._before,) if d is not None), default=0.0)
        texts = set(super()._leases(state))
        self._odd = {text: self._odd.get(text, now) for text in texts}
        return (text for text, since in self._odd.items() if now - since >= self.settles_s)
