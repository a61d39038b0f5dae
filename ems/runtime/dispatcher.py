"""From decision to wire: what has to be told goes to the link, reductions first; what must be proven is read back."""

from __future__ import annotations

from ems.control.orders import orders
from ems.domain.decision import Decision
from ems.domain.state import NEVER, SiteState
from ems.ports.controller import StationLink

READ_BACK_EVERY_S = 3600.0
READ_BACK_SUSPECT_S = 30.0
READ_BACK_AT_ONCE = 8
"""So many per tick, so that a thousand stations after a power cut are asked over minutes."""


class Dispatcher:
    """Compares the decision with what stations hold, and asks the link for the difference."""

    def __init__(self, link: StationLink) -> None:
        self._link = link
        self._asked_at: dict[str, float] = {}

    def dispatch(self, state: SiteState, decision: Decision) -> None:
        """Send what this decision needs; never waits."""
        now = decision.at.monotonic_s
        for order in orders(state, decision, now):
            self._link.limit(order)
        for out_of_reach in decision.stop:
            self._link.stop(out_of_reach)
        suspects = set(decision.read_back)
        left = READ_BACK_AT_ONCE
        for evse, station, known in zip(state.site.evses, state.site.station_of_evse, state.evses, strict=True):
            link, grant = state.stations[station], known.grant
            if left == 0:
                return
            if not link.connected or grant.default is None or not link.model.composite:
                continue
            asked = self._asked_at.get(evse.id, NEVER)
            fresh = asked >= link.connected_at
            every = READ_BACK_SUSPECT_S if evse.id in suspects or grant.refusals else READ_BACK_EVERY_S
            if not fresh or now - asked >= every:
                self._asked_at[evse.id] = now
                self._link.read_back(evse.id)
                left -= 1
