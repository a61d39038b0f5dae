"""The central system of a site, with what is remembered of every station."""

from __future__ import annotations

import asyncio
from functools import partial

from ems.adapters.ocpp.handshake import Access
from ems.adapters.ocpp.server import CentralSystem, Listen
from ems.adapters.ocpp.v16.record import StationRecord
from ems.adapters.ocpp.v16.station import SUBPROTOCOL, Station16
from ems.adapters.ocpp.v16.transactions import Book
from ems.adapters.store.store import Store
from ems.ports.controller import Authority, Clock
from ems.ports.sessions import HeardKeys
from ems.runtime.loop import Loop
from ems.settings.build import SiteSettings
from ems.settings.station_models import recognise


def central_system(
    settings: SiteSettings,
    listen: Listen,
    clock: Clock,
    loop: Loop,
    store: Store,
    authority: Authority | None = None,
    keys: HeardKeys | None = None,
) -> CentralSystem:
    """The central system at `listen`. What is remembered of a station, transactions that run and how it takes limits,
    holds until the station says otherwise. `authority` says who may charge; `keys` hears of those of meters.
    """
    site, ledger = settings.site, store.ledger
    running = dict(ledger.open_transactions())
    dialects: dict[str, Station16] = {}
    owners: dict[int, str] = {}
    for index, station in enumerate(site.stations):
        book = Book(ledger.transaction_id, ledger.has_ended, owners)
        for evse in station.evses:
            if evse.id in running:
                book.restore(evse.id, running[evse.id])
        known = partial(recognise, models=settings.station_models) if station.id in settings.recognisable else None
        record = StationRecord(
            station,
            site.voltage_v,
            site.zone,
            clock,
            loop.inbox.put,
            ledger,
            known,
            book,
            authority,
            store.signed,
            keys,
        )
        seen = loop.core.state.stations[index]
        record.model = seen.model
        record.vendor, record.product, record.firmware = seen.vendor, seen.product, seen.firmware
        record.opened_at = dict.fromkeys(book.open, clock.now().monotonic_s)
        dialects[station.id] = Station16(record)
    versions = {SUBPROTOCOL: dialects.__getitem__}
    return CentralSystem(listen, access_of(settings), versions, clock, loop.inbox.put)


def access_of(settings: SiteSettings) -> Access:
    """Who may connect, and with which password."""
    hashes = settings.access

    async def verify(station: str, password: bytes) -> bool:
        known = hashes.get(station)
        return known is not None and await asyncio.to_thread(known.verify, password)

    stations = frozenset(station.id for station in settings.site.stations)
    return Access(stations, frozenset(name for name in stations if hashes.get(name) is not None), verify)
