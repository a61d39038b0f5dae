"""Who is plugged in where, told to the core with what that vehicle needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from ems.control.memory import Memory
from ems.domain.decision import Decision
from ems.domain.events import Event, MeterValues, NeedStated, VehicleIdentified
from ems.domain.fleet import Fleet
from ems.domain.instant import Instant
from ems.domain.session import Need, NeedOrigin, Session
from ems.domain.state import SiteState
from ems.ports import Sink

REVIEW_S = 30.0
"""A need can change because time passes: a departure is over, and the next one counts."""


class Roster:
    """An output of the loop: looks at sessions after each tick, and puts what the core does not know yet into the
    inbox. A session is looked at again when something about it or the fleet is new, and every half minute.
    """

    def __init__(self, fleet: Fleet, put: Sink) -> None:
        self._fleet, self._put = fleet, put
        self._seen: dict[str, object] = {}
        self._reviewed = float("-inf")

    @property
    def fleet(self) -> Fleet:
        """The vehicles that can come."""
        return self._fleet

    @fleet.setter
    def fleet(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._seen.clear()

    def look(self, _events: Sequence[Event], state: SiteState, _memory: Memory, decision: Decision) -> None:
        """Take one tick of the loop."""
        self.tick(state, decision.at)

    def tick(self, state: SiteState, now: Instant) -> None:
        """Tell what is new since the last tick."""
        if now.monotonic_s - self._reviewed >= REVIEW_S:
            self._reviewed = now.monotonic_s
            self._seen.clear()
        for evse, known in zip(state.site.evses, state.evses, strict=True):
            session = known.session
            if session is None:
                continue
            what = (session.plugged, session.transaction, session.soc_percent, session.need, session.vehicle)
            if self._seen.get(evse.id) != what:
                self._seen[evse.id] = what
                for event in news(self._fleet, session, now, state.site.zone):
                    self._put(event)


def news(fleet: Fleet, session: Session, now: Instant, zone: ZoneInfo) -> Iterator[Event]:
    """What a session lacks: its vehicle, a state of charge that somebody told, the need by the timetable."""
    vehicle = fleet.vehicle_of(session, now.utc)
    if vehicle != session.vehicle:
        yield VehicleIdentified(session.evse, vehicle)
        session = session.of(vehicle)
    need = Need(origin=NeedOrigin.SCHEDULED)
    if vehicle is not None:
        charge = fleet.charge_at_plug_in(vehicle.id, session)
        if charge is not None:
            yield MeterValues(session.evse, now.monotonic_s, soc_percent=charge.percent, control=False)
            session = session.charged(charge.percent)
        need = fleet.need_of(vehicle, session, now.utc, zone)
    if need != session.need and session.need.yields_to(need) and not (need.is_empty and session.need.is_empty):
        yield NeedStated(session.evse, need)
