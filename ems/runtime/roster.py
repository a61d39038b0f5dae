"""Who is plugged in where, told to the core with what that vehicle needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ems.control.memory import Memory
from ems.domain.access.book import AccessBook
from ems.domain.decision import Decision
from ems.domain.events import Event, HolderIdentified, MeterValues, NeedStated, VehicleIdentified
from ems.domain.fleet import Fleet
from ems.domain.instant import Instant
from ems.domain.session import Session
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.ports.controller import Sink

REVIEW_S = 30.0
"""A need can change because time passes: a departure is over, and the next one counts."""

MOST = 20
"""Sessions that are looked at in one tick, which takes 3 ms; after a mass event the others follow within seconds."""


NOBODY = AccessBook()


class _Look(NamedTuple):
    """When a session was last looked at, and how it was then."""

    at: float
    session: Session
    what: object


class Roster:
    """An output of the loop: looks at sessions after each tick, and puts what the core does not know yet into the
    inbox. A session is looked at when something about it is new, when the fleet is another, and every half minute.
    """

    def __init__(self, fleet: Fleet, put: Sink, access: AccessBook = NOBODY) -> None:
        self._fleet, self._put, self._access = fleet, put, access
        self._looks: dict[str, _Look] = {}
        self._fleet_at = self._now_s = float("-inf")

    @property
    def fleet(self) -> Fleet:
        """The vehicles that can come."""
        return self._fleet

    @fleet.setter
    def fleet(self, fleet: Fleet) -> None:
        self._fleet, self._fleet_at = fleet, self._now_s

    @property
    def access(self) -> AccessBook:
        """Whose tags there are."""
        return self._access

    @access.setter
    def access(self, access: AccessBook) -> None:
        self._access, self._fleet_at = access, self._now_s

    def look(self, _events: Sequence[Event], state: SiteState, _memory: Memory, decision: Decision) -> None:
        """Take one tick of the loop."""
        self.tick(state, decision.at)

    def tick(self, state: SiteState, now: Instant, most: int = MOST) -> None:
        """Tell what is new since the last tick: first of sessions that changed, then of those not seen for longest."""
        self._now_s = now.monotonic_s
        changed: list[Session] = []
        waiting: list[tuple[float, Session]] = []
        for known in state.evses:
            session = known.session
            if session is None:
                continue
            seen = self._looks.get(session.evse)
            if seen is None or (seen.session is not session and seen.what != _what(session)):
                changed.append(session)
            elif seen.at <= max(self._fleet_at, now.monotonic_s - REVIEW_S):
                waiting.append((seen.at, session))
        waiting.sort(key=lambda one: one[0])
        for session in (*changed, *(session for _, session in waiting))[:most]:
            self._looks[session.evse] = _Look(now.monotonic_s, session, _what(session))
            for event in holder_news(self._access, session):
                self._put(event)
            for event in news(self._fleet, session, now, state.site):
                self._put(event)


def _what(session: Session) -> object:
    """What counts of a session; its energy does not."""
    return session.plugged, session.transaction, session.soc_percent, session.need, session.vehicle, session.holder


def holder_news(access: AccessBook, session: Session) -> Iterator[Event]:
    """Whose tag began a session, if that is not known yet; after the end of its transaction it stays theirs."""
    transaction = session.transaction
    if transaction is not None:
        holder = None if transaction.id_tag is None else access.holder(transaction.id_tag)
        if holder != session.holder:
            yield HolderIdentified(session.evse, holder)


def news(fleet: Fleet, session: Session, now: Instant, site: Site) -> Iterator[Event]:
    """What a session lacks: its vehicle, a state of charge that somebody told, the need by the timetable."""
    vehicle = fleet.vehicle_of(session, now.utc)
    if vehicle != session.vehicle:
        yield VehicleIdentified(session.evse, vehicle)
        session = session.of(vehicle)
    if vehicle is not None:
        charge = fleet.charge_at_plug_in(vehicle.id, session)
        if charge is not None:
            yield MeterValues(session.evse, now.monotonic_s, soc_percent=charge.percent, control=False)
            session = session.charged(charge.percent)
    need = fleet.need_of(vehicle, session, now.utc, site)
    if need != session.need and session.need.yields_to(need) and not (need.is_empty and session.need.is_empty):
        yield NeedStated(session.evse, need)
