"""Taking up the work again after a restart: what was charging goes on charging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ems.control.memory import Memory
from ems.domain.grant import Grant
from ems.domain.instant import Instant
from ems.domain.phase_switch import UNSAID
from ems.domain.session import Session
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.station_model import StationModel


def restored(
    site: Site,
    sessions: Mapping[str, Session],
    grants: Mapping[str, Grant],
    models: Mapping[str, StationModel],
    phases: Mapping[str, int],
) -> SiteState:
    """The state before the first event: nobody is connected, but stations hold what they were told, and for how long
    they hold it is known. Without that every station would count at its rated maximum until it is proven again, and one
    that charges on one phase would be told three under load.
    """
    state = SiteState.initial(site)
    return replace(
        state,
        evses=tuple(
            replace(
                known,
                session=sessions.get(evse.id),
                grant=grants.get(evse.id, known.grant),
                switch=replace(known.switch, told=phases.get(evse.id, UNSAID)),
            )
            for evse, known in zip(site.evses, state.evses, strict=True)
        ),
        stations=tuple(
            replace(
                known,
                model=models.get(station.id, known.model),
                seen=any(evse.id in grants for evse in station.evses),
            )
            for station, known in zip(site.stations, state.stations, strict=True)
        ),
    )


def left_behind(site: Site, sessions: Mapping[str, Session]) -> tuple[Session, ...]:
    """Sessions at EVSEs that the site does not have any more: no station will ever end them."""
    return tuple(session for evse, session in sessions.items() if site.evse_index(evse) is None)


def remembered(state: SiteState, now: Instant) -> Memory:
    """The memory to begin with: a vehicle that charges keeps its current, and its turn begins now."""
    memory = Memory.blank(state.site)
    charging = np.array([known.session is not None for known in state.evses], dtype=np.bool_)
    held = np.array([known.grant.amps_in_force(known.steering_layer, now.monotonic_s) for known in state.evses])
    amps = np.where(charging & np.isfinite(held), held, 0.0)
    began = np.where(amps > 0, now.monotonic_s, memory.setpoints.on_since)
    changed = np.full(len(amps), now.monotonic_s)
    return replace(memory, setpoints=replace(memory.setpoints, setpoint_a=amps, on_since=began, changed_at=changed))
