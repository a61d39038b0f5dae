"""A site under remote control in virtual time: the real core, central system and websockets, with virtual stations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ems.domain.remote.outcome import Asked
from ems.domain.remote.request import StationRequest
from ems.runtime.dispatcher import Dispatcher
from ems.runtime.loop import Core
from ems.runtime.remote import RemoteControl
from ems.runtime.rounds import RoundTable
from ems.runtime.uploads import Uploads
from ems.sim.profile_stack import Shape
from ems.sim.station_link import Address
from ems.sim.station_setup import Outlet, StationSetup
from ems.sim.virtual_station import VirtualStation
from tests.adapters.ocpp.central import PORT, LoopClock, Site, central, connected
from tests.runtime.world import core_of, site

WHO = "ada (here)"
TEMPLATE = {"ConnectionTimeOut": "90"}


@dataclass
class RemoteSite:
    """Remote control of the stations A and B."""

    remote: RemoteControl
    rounds: RoundTable
    core: Core
    stations: dict[str, VirtualStation]
    central: Site
    notes: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)

    async def ask(self, station: str, request: StationRequest, **how: bool) -> Asked:
        """A request with its outcome."""
        asked = await self.remote.ask(station, request, WHO, **how)
        return await self.remote.settled(asked.number, 120.0)

    def note(self, _at: datetime, who: str, what: str, detail: Mapping[str, Any]) -> None:
        self.notes.append((who, what, detail))


@asynccontextmanager
async def remote_site(*there: str, folder: Path = Path("/nonexistent")) -> AsyncIterator[RemoteSite]:
    """The site, with those of its stations that are `there`."""
    async with central("A", "B") as known:
        clock, core = LoopClock(), core_of(site(rating_a=63))
        notes: list[tuple[str, str, Mapping[str, Any]]] = []

        async def url(host: str, word: str, ftp: bool) -> str:
            return f"{'ftp' if ftp else 'http'}://{host}/{word}/"

        remote = RemoteControl(
            known.system,
            clock,
            lambda: core.state,
            lambda _at, who, what, detail: notes.append((who, what, detail)),
            lambda _model: TEMPLATE,
            Uploads(folder, clock),
            url,
        )
        found = RemoteSite(remote, RoundTable(remote, clock, lambda: core.state), core, {}, known, notes)
        dispatcher, done = Dispatcher(known.system), 0

        async def ticks() -> None:
            nonlocal done
            while True:
                events, done = known.events[done:], len(known.events)
                decision = core.tick(tuple(events), clock.now())
                dispatcher.dispatch(core.state, decision)
                remote.look(events, core.state, core.memory, decision)
                await asyncio.sleep(1.0)

        async def steps() -> None:
            while True:
                for station in found.stations.values():
                    station.step(clock.now())
                await asyncio.sleep(0.5)

        tasks = [asyncio.create_task(ticks()), asyncio.create_task(steps())]
        for name in there:
            tasks.append(asyncio.create_task(arrive(found, name)))
        try:
            await connected(known, len(there))
            await asyncio.sleep(15)
            yield found
        finally:
            await found.rounds.close()
            await remote.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def arrive(found: RemoteSite, name: str) -> None:
    """A station comes onto the line, and stays."""
    address = Address(f"ws://127.0.0.1:{PORT}/ocpp", name)
    setup = StationSetup((Outlet(1, Shape(3, 230.0, 32.0)),))
    station = VirtualStation(address, setup, np.random.default_rng(5), LoopClock().now())
    found.stations[name] = station
    await station.run()
