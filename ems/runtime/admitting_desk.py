"""The way to stations for people who may start a session: the tag with which they do so is admitted there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ems.domain.remote.outcome import Activity, Outcome, Spoken
from ems.domain.remote.request import RequestStart, StationRequest
from ems.ports.controller import Clock
from ems.ports.stations import StationDesk
from ems.runtime.porter import Porter

PASS_FOR = timedelta(minutes=3)
"""A driver has a minute to plug in after the start (ConnectionTimeOut), and a slow station takes its time."""


@dataclass(frozen=True, slots=True)
class AdmittingDesk:
    """A `StationDesk` that gives a pass to whoever is started."""

    desk: StationDesk
    porter: Porter
    clock: Clock

    def objection(self, station: str, request: StationRequest) -> str | None:
        """Why a request would act against the controller."""
        return self.desk.objection(station, request)

    async def ask(self, station: str, request: StationRequest, late: Callable[[Outcome], None]) -> Outcome:
        """Make a request; whoever may ask for a start need not make its tag known before."""
        if isinstance(request, RequestStart):
            until = self.clock.now().utc + PASS_FOR
            for evse in self.porter.evses_of(station):
                if request.evse is None or evse == f"{station}/{request.evse}":
                    self.porter.admit(request.id_tag, evse, until)
        return await self.desk.ask(station, request, late)

    def messages(self, station: str) -> Sequence[Spoken]:
        """The last frames on the line to a station."""
        return self.desk.messages(station)

    def activity(self, station: str) -> Activity:
        """What a station says about its own work."""
        return self.desk.activity(station)

    def called_as(self, station: str) -> str | None:
        """The name or address by which a station reaches this machine."""
        return self.desk.called_as(station)
