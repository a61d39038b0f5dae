"""Our central system alone, without a daemon around it: server, station links and the state that they lead to.

    python -m tests.bench.our_central EVSES

What adapters say goes into the inbox, as in the daemon, where it waits for the next tick; but measured values are
applied to the state at once, message by message, so that nothing is merged or left out.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ems.adapters.ocpp.handshake import Access
from ems.adapters.ocpp.server import CentralSystem, Listen
from ems.adapters.ocpp.v16.record import StationRecord
from ems.adapters.ocpp.v16.station import SUBPROTOCOL, Station16
from ems.adapters.ocpp.v16.transactions import Book
from ems.domain.apply import apply
from ems.domain.events import Event, MeterValues, ProfileAnswered, StationConnected
from ems.domain.grant import Answer, Layer
from ems.domain.order import LimitOrder
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.runtime.clock import SystemClock
from ems.runtime.event_loop import tuned_loop
from ems.runtime.inbox import Inbox
from tests.adapters.ocpp.central import MemoryLedger
from tests.bench.child import obey
from tests.bench.site_folder import MeterPlace, write_site

LEASE_S = 900.0
QUIET_S = 1.5
"""After a station is ready for limits its configuration is set; nothing is measured before that is over."""


class Central:
    """All stations; every public method is a command."""

    def __init__(self, site: Site) -> None:
        clock, ledger, owners = SystemClock(), MemoryLedger(), dict[int, str]()
        self.state = SiteState.initial(site)
        self.inbox = Inbox(lambda _: False)
        self.messages = 0
        self._untold = False
        self._ready = 0
        self._heard_at = 0.0
        self._accepted: set[str] = set()
        self._all_accepted = asyncio.Event()
        records = (
            StationRecord(
                station, site.voltage_v, UTC, clock, self._take, ledger, None,
                Book(ledger.transaction_id, ledger.has_ended, owners),
            )
            for station in site.stations
        )  # fmt: skip
        self._dialects = {record.id: Station16(record) for record in records}

        async def verify(_station: str, _password: bytes) -> bool:
            return True

        access = Access(frozenset(self._dialects), frozenset(), verify)
        versions = {SUBPROTOCOL: self._dialects.__getitem__}
        self.system = CentralSystem(Listen("127.0.0.1", 0), access, versions, clock, self._take)

    async def where(self) -> Mapping[str, Any]:
        """The port that stations connect to."""
        await self.system.listening.wait()
        return {"port": self.system.port}

    async def ready(self) -> Mapping[str, Any]:
        """Returns when every station has been set up and is quiet."""
        while self._ready < len(self.state.site.stations) or time.monotonic() - self._heard_at < QUIET_S:
            self._heard_at = max(self._heard_at, self._last_heard())
            await asyncio.sleep(0.05)
        return {"ready": self._ready}

    async def push(self, amps: float) -> Mapping[str, Any]:
        """Set every station to `amps`; returns when the last has accepted, and how many the state then says have."""
        self._accepted.clear()
        self._all_accepted.clear()
        began, cpu = time.perf_counter(), time.process_time()
        for evse in self.state.site.evses:
            self.system.limit(LimitOrder(evse.id, Layer.DEFAULT, amps, LEASE_S, evse.fallback_a, reduces=True))
        await self._all_accepted.wait()
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        self._tick()
        held = (known.grant.default for known in self.state.evses)
        return {"wall_s": wall_s, "cpu_s": cpu_s, "accepted": sum(h is not None and h.amps == amps for h in held)}

    async def usage(self) -> Mapping[str, Any]:
        """Processor time and messages so far."""
        return {"cpu_s": time.process_time(), "messages": self.messages}

    async def registers(self) -> Mapping[str, Any]:
        """The energy register that is known of each station."""
        pairs = zip(self.state.site.evses, self.state.evses, strict=True)
        return {"registers": {evse.station: known.register_wh for evse, known in pairs}}

    def _take(self, event: Event) -> None:
        if isinstance(event, MeterValues):
            self._tick()
            self.state = apply(self.state, event)
            self.messages += 1
            return
        self.inbox.put(event)
        self._untold = True
        if isinstance(event, ProfileAnswered):
            if event.answer is Answer.ACCEPTED:
                self._accepted.add(event.evse)
                if len(self._accepted) == len(self.state.site.evses):
                    self._all_accepted.set()
        elif isinstance(event, StationConnected):
            self._ready += 1

    def _tick(self) -> None:
        if self._untold:
            self._untold = False
            for event in self.inbox.drain():
                self.state = apply(self.state, event)

    def _last_heard(self) -> float:
        return max((link.heard_at for link in self.system.connections().values()), default=0.0)


async def main(evses: int) -> None:
    """Obey until stdin ends."""
    with TemporaryDirectory() as folder:
        site = write_site(Path(folder), evses, MeterPlace()).site
    central = Central(site)
    serving = asyncio.create_task(central.system.run())
    try:
        await obey(
            {
                "where": central.where,
                "ready": central.ready,
                "push": central.push,
                "usage": central.usage,
                "registers": central.registers,
            }
        )
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=tuned_loop()) as runner:
        runner.run(main(int(sys.argv[1])))
