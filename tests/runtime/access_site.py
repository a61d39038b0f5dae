"""A site in virtual time where not everybody may charge: the real core, central system and websockets, the porter with
its keepers, and virtual stations.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ems.domain.access.book import AccessBook, AccessMode, Doors
from ems.domain.access.change import AccessChange, changed_access
from ems.domain.access.tag import Tag
from ems.domain.fleet import Fleet
from ems.domain.state import EvseState
from ems.runtime.dispatcher import Dispatcher
from ems.runtime.list_keeper import ListKeeper
from ems.runtime.loop import Core
from ems.runtime.porter import Porter
from ems.runtime.roster import Roster
from ems.runtime.usher import Usher
from ems.sim.manners import Manners
from ems.sim.profile_stack import Shape
from ems.sim.station_link import Address
from ems.sim.station_setup import Outlet, StationSetup
from ems.sim.vehicle import Vehicle, VehicleModel
from ems.sim.virtual_station import VirtualStation
from tests.adapters.ocpp.central import PORT, LoopClock, Site, central, connected
from tests.runtime.world import core_of, site

TAGS = Doors(AccessMode.TAGS)


def car() -> Vehicle:
    return Vehicle(VehicleModel(lag_s=1, ramp_a_per_s=100, taper_from=1.0), 50_000)


def book(*tags: str, **kept: Any) -> AccessBook:
    return AccessBook(tags={tag.casefold(): Tag(tag) for tag in tags}, **kept)


@dataclass
class AccessSite:
    """The stations A and B with everything that says who may charge."""

    porter: Porter
    lists: ListKeeper
    usher: Usher
    core: Core
    central: Site
    stations: dict[str, VirtualStation] = field(default_factory=dict)
    confirmed: list[tuple[str, int, str]] = field(default_factory=list)
    changes: list[tuple[AccessChange, str]] = field(default_factory=list)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def evse(self, name: str) -> EvseState:
        return self.core.state.evse(name)

    def is_charging(self, name: str) -> bool:
        session = self.evse(name).session
        return session is not None and session.transaction is not None

    async def change(self, change: AccessChange, who: str) -> None:
        """As operations would: stored, then told."""
        self.changes.append((change, who))
        self.porter.book = changed_access(self.porter.book, change, LoopClock().now().utc)

    async def arrive(
        self, name: str, manners: Manners | None = None, keys: Mapping[str, str] | None = None
    ) -> VirtualStation:
        """A station comes onto the line, and stays; `keys` of its configuration have these values."""
        address = Address(f"ws://127.0.0.1:{PORT}/ocpp", name)
        setup = StationSetup((Outlet(1, Shape(3, 230.0, 32.0)),))
        station = VirtualStation(address, setup, np.random.default_rng(5), LoopClock().now())
        station.manners = manners or station.manners
        for key, value in (keys or {}).items():
            known = station.configuration._keys  # a test may set what is read-only from outside
            known[key] = known[key]._replace(value=value)
        self.stations[name] = station
        self.tasks[name] = asyncio.create_task(station.run())
        return station

    async def leave(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.gather(self.tasks[name], return_exceptions=True)


@asynccontextmanager
async def access_site(
    known: AccessBook, doors: Doors = TAGS, *there: str, manners: Manners | None = None, fleet: Fleet | None = None,
    lists: dict[str, tuple[int, str]] | None = None, keys: Mapping[str, str] | None = None,
) -> AsyncIterator[AccessSite]:  # fmt: skip
    """The site with those of its stations that are `there`, all of the same `manners`."""
    clock, core = LoopClock(), core_of(site(rating_a=63))
    porter = Porter(known, fleet or Fleet(), doors, clock, lambda: core.state)
    async with central("A", "B", authority=porter) as running:
        porter.stop = running.system.stop
        confirmed: list[tuple[str, int, str]] = []
        keeper = ListKeeper(
            running.system, porter, clock, lambda: core.state, lambda *told: confirmed.append(told), lists or {}
        )

        async def change(one: AccessChange, who: str) -> None:
            await found.change(one, who)

        usher = Usher(running.system, porter, clock, lambda: core.state, change)
        found = AccessSite(porter, keeper, usher, core, running, confirmed=confirmed)
        dispatcher, roster, done = Dispatcher(running.system), Roster(porter.fleet, running.events.append), 0

        async def ticks() -> None:
            nonlocal done
            while True:
                events, done = running.events[done:], len(running.events)
                decision = core.tick(tuple(events), clock.now())
                dispatcher.dispatch(core.state, decision)
                if roster.access is not porter.book:
                    roster.access = porter.book
                for look in (porter.look, roster.look):
                    look(events, core.state, core.memory, decision)
                await asyncio.sleep(1.0)

        async def steps() -> None:
            while True:
                for station in found.stations.values():
                    station.step(clock.now())
                await asyncio.sleep(0.5)

        tasks = [asyncio.create_task(work()) for work in (ticks, steps, keeper.run, usher.run)]
        for name in there:
            await found.arrive(name, manners, keys)
        try:
            await connected(running, len(there))
            await asyncio.sleep(15)
            yield found
        finally:
            for task in (*tasks, *found.tasks.values()):
                task.cancel()
            await asyncio.gather(*tasks, *found.tasks.values(), return_exceptions=True)
