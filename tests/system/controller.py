"""One life of the controller in virtual time: what `ems.assembly` puts together, without page, journal and threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ems.adapters.modbus.poller import Poller
from ems.adapters.ocpp.server import Listen
from ems.assembly.meters import installed_meters, steered_batteries
from ems.assembly.opening import DATABASE
from ems.assembly.remains import core_of
from ems.assembly.stations import central_system
from ems.control.memory import Memory
from ems.domain.decision import Decision
from ems.domain.events import ControllerStarted, Event
from ems.domain.instant import Instant
from ems.domain.state import SiteState
from ems.ports.controller import Clock
from ems.runtime.dispatcher import Dispatcher
from ems.runtime.farewell import leave_at_fallback
from ems.runtime.loop import Loop
from ems.runtime.storage import steer
from ems.runtime.supervisor import supervise
from ems.settings.build import SiteSettings
from tests.system.store import LoopStore

Seen = Callable[[Sequence[Event], SiteState, Memory, Decision], None]


class Decides(Protocol):
    """The decision function, or a broken one."""

    def decide(self, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]: ...


class VirtualController:
    """Built anew for each life from the settings and what the state folder kept."""

    def __init__(
        self,
        settings: SiteSettings,
        state_dir: Path,
        clock: Clock,
        seen: Seen,
        spoilt: Callable[[Decides], Decides] | None = None,
    ) -> None:
        self.settings, self.clock = settings, clock
        self.store = LoopStore(state_dir / DATABASE, clock)
        recovered = self.store.open()
        core = core_of(settings, recovered, clock)
        if spoilt is not None:
            core.controller = spoilt(core.controller)  # type: ignore[assignment]  # a broken core on purpose
        self.stalls: list[float] = []
        self.loop = Loop(core, clock, lambda _: None, self.stalls.append)
        self.loop.inbox.put(ControllerStarted(clock.now(), recovered.crashes))
        listen = Listen(settings.ocpp.host, settings.ocpp.port)
        self.central = central_system(settings, listen, clock, self.loop, self.store)
        self.dispatcher = Dispatcher(self.central)
        self.loop.outputs = (
            lambda _events, state, _memory, decision: self.dispatcher.dispatch(state, decision),
            lambda _events, state, _memory, decision: self.store.recorder.tick(decision.at, state, decision),
            lambda _events, state, _memory, decision: steer(self.poller, state, decision),
            seen,
        )
        meters = installed_meters(settings, settings.path.parent)
        self.poller = Poller(meters, clock, self.loop.inbox.put, steered_batteries(settings.site))
        self._services = (self.central, self.poller)
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def state(self) -> SiteState:
        """What it believes."""
        return self.loop.core.state

    def start(self) -> None:
        """Begin to tick and to listen."""
        self._tasks = (
            asyncio.create_task(self.loop.run(), name="loop"),
            asyncio.create_task(supervise(self._services), name="services"),
        )

    async def kill(self) -> None:
        """As kill -9 does: nothing more is written or said, and the kernel drops every socket."""
        self.store.scribe.kill()
        for connection in self.central.connections().values():
            connection._socket.transport.abort()
        await self._end()

    async def stop(self) -> None:
        """As SIGTERM does."""
        self._tasks[0].cancel()
        await asyncio.gather(self._tasks[0], return_exceptions=True)
        await leave_at_fallback(self.loop, self.dispatcher, self.clock)
        await self._end()
        self.store.close()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        wrong = [o for o in outcomes if isinstance(o, BaseException) and not isinstance(o, asyncio.CancelledError)]
        if wrong:
            raise BaseExceptionGroup("the controller had already failed", wrong)
