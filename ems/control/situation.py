"""Everything that is known at a tick before current is divided."""

from __future__ import annotations

from dataclasses import dataclass

from ems.control.demand import Demand
from ems.control.failsafe import Assessment
from ems.control.headroom import Headroom
from ems.control.observation import Observation
from ems.control.phase_form import Forms
from ems.domain.instant import Instant
from ems.domain.state import SiteState
from ems.domain.station_model import StationModel


@dataclass(frozen=True, slots=True)
class Situation:
    """State and time, what was observed, how far the failsafe ladder is climbed, what is left, what is asked, and on
    how many phases.
    """

    state: SiteState
    now: Instant
    seen: Observation
    levels: Assessment
    room: Headroom
    asked: Demand
    forms: Forms

    def model(self, evse: int) -> StationModel:
        """How the station of an EVSE behaves."""
        return self.state.station(self.state.site.evses[evse].station).model
