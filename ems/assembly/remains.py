"""What an earlier life of ours left in the store, taken up or ended."""

from __future__ import annotations

import logging
from dataclasses import replace

from ems.adapters.store.recovery import Recovered
from ems.adapters.store.store import Store
from ems.control.tick import Controller
from ems.domain.site import Site
from ems.ports.controller import Clock
from ems.runtime.loop import Core
from ems.runtime.recovery import left_behind, remembered, restored
from ems.settings.build import SiteSettings

log = logging.getLogger(__name__)

REMOVED = "the EVSE is no longer part of the site"


def close_what_is_left_behind(site: Site, recovered: Recovered, store: Store, clock: Clock) -> None:
    """End what was charging where the site has no EVSE any more, at the time when that was last known."""
    ended = recovered.alive or clock.now().utc
    for session in left_behind(site, recovered.sessions):
        number = None if session.transaction is None else session.transaction.id
        log.warning("transaction.left-behind evse=%s id=%s energy_wh=%.0f", session.evse, number, session.energy_wh)
        store.ledger.left_behind(session, ended, REMOVED)


def core_of(settings: SiteSettings, recovered: Recovered, clock: Clock) -> Core:
    """The core as it begins: what the store remembers of sessions, grants and learned stations is taken up."""
    site = settings.site
    models = {name: known for name, known in recovered.models.items() if name in settings.recognisable}
    found = {name: known.model for name, known in models.items()}
    state = restored(site, recovered.sessions, recovered.grants, found, recovered.phases)
    state = replace(
        state,
        stations=tuple(
            replace(known, vendor=learned.vendor, product=learned.product, firmware=learned.firmware)
            if (learned := models.get(station.id)) is not None
            else known
            for station, known in zip(site.stations, state.stations, strict=True)
        ),
    )
    return Core(Controller.of(site), state, remembered(state, clock.now()))
