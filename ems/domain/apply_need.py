"""Which vehicle is at an EVSE, with whose tag, and what it needs, applied to the state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ems.domain import events as e
from ems.domain.session import Session
from ems.domain.state import SiteState


def need_stated(state: SiteState, event: e.NeedStated) -> SiteState:
    def change(session: Session) -> Session:
        return replace(session, need=event.need) if session.need.yields_to(event.need) else session

    return _changed(state, event.evse, change)


def vehicle_identified(state: SiteState, event: e.VehicleIdentified) -> SiteState:
    return _changed(state, event.evse, lambda session: session.of(event.vehicle))


def holder_identified(state: SiteState, event: e.HolderIdentified) -> SiteState:
    return _changed(state, event.evse, lambda session: replace(session, holder=event.holder))


def energy_capped(state: SiteState, event: e.EnergyCapped) -> SiteState:
    def change(session: Session) -> Session:
        running = session.transaction
        if event.id_tag and running is not None and not running.may_be_of(event.id_tag):
            return session
        return replace(session, cap_wh=event.cap_wh, paid_by=event.id_tag)

    return _changed(state, event.evse, change)


def _changed(state: SiteState, evse_id: str, change: Callable[[Session], Session]) -> SiteState:
    """The session of an EVSE changed, with the class of service of its need, else of its tag, else of its vehicle, else
    of the EVSE.
    """
    index = state.site.evse_index(evse_id)
    known = None if index is None else state.evses[index].session
    if index is None or known is None:
        return state
    session = change(known)
    known_by = (session.holder, session.vehicle)
    classes = (session.need.service_class, *(None if one is None else one.service_class for one in known_by))
    told = next((one for one in classes if one is not None), state.site.evses[index].priority)
    return state.with_evse_at(index, replace(state.evses[index], session=replace(session, service_class=told)))
