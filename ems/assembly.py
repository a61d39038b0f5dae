"""Puts a daemon together: picks the adapters that a site asks for and ties them to the loop.

Read top-down: `Daemon.of` builds every part from the settings, `Daemon.run` lets them work until told to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO

from ems import __version__
from ems.adapters.calendar.schedule import Calendar, Job
from ems.adapters.modbus.address import Bus, Framing, MeterAddress, SerialBus, TcpBus
from ems.adapters.modbus.poller import InstalledMeter, Poller
from ems.adapters.modbus.register_map import RegisterMap
from ems.adapters.ocpp.handshake import Access
from ems.adapters.ocpp.server import CentralSystem
from ems.adapters.ocpp.server import Listen as OcppListen
from ems.adapters.ocpp.v16.record import StationRecord
from ems.adapters.ocpp.v16.station import SUBPROTOCOL, Station16
from ems.adapters.ocpp.v16.transactions import Book
from ems.adapters.store.journal import FileJournal
from ems.adapters.store.recovery import Recovered
from ems.adapters.store.segment import Header
from ems.adapters.store.store import Store
from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from ems.control.memory import Memory
from ems.control.tick import Controller
from ems.domain.decision import Decision
from ems.domain.events import ControllerStarted, Event, StoreTroubled
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.ports import Clock, Service
from ems.runtime.clock import SystemClock
from ems.runtime.dispatcher import Dispatcher
from ems.runtime.farewell import leave_at_fallback
from ems.runtime.live import LiveView
from ems.runtime.loop import Core, Loop
from ems.runtime.recovery import remembered, restored
from ems.runtime.supervisor import supervise
from ems.runtime.watchdog import Watchdog
from ems.settings.build import Framer, MeterConnection, SiteSettings
from ems.settings.document import read_data
from ems.settings.places import Catalogue, catalogue_files
from ems.settings.revision import reload
from ems.settings.station_models import recognise

log = logging.getLogger(__name__)

EXIT_STALLED = 70
DATABASE = "ems.sqlite3"
JOURNAL = "journal"
EVERY_QUARTER = "*/15 * * * *"
EVERY_HOUR = "7 * * * *"


class AssemblyError(RuntimeError):
    """The daemon cannot be put together; the message says why and what helps."""


@dataclass(slots=True)
class Daemon:
    """All parts of a running controller."""

    settings: SiteSettings
    clock: Clock
    loop: Loop
    live: LiveView
    central: CentralSystem
    web: WebServer
    store: Store
    journal: FileJournal
    dispatcher: Dispatcher
    watchdog: Watchdog
    services: Sequence[Service]
    state_dir: Path
    _lock: IO[str]

    @classmethod
    def of(cls, settings: SiteSettings, state_dir: Path) -> Daemon:
        """Build everything. Blocks while the database opens. Raises AssemblyError."""
        lock = _locked(state_dir)
        clock = SystemClock()
        troubles = _Troubles()
        store = Store(database_of(state_dir), clock, troubles)
        recovered = store.open()
        core = _core(settings, recovered, clock)
        watchdog = Watchdog()
        loop = Loop(core, clock, lambda decision: watchdog.stroke(_status(decision)), partial(_on_stall, watchdog))
        loop.inbox.put(ControllerStarted(clock.now(), recovered.crashes))
        troubles.tell(loop, clock)
        central = _central(settings, clock, loop, store)
        dispatcher, live = Dispatcher(central), LiveView(core.state, central.knocks)
        journal = FileJournal(state_dir / JOURNAL, Header(__version__, settings.revision, settings.text))
        journal.begin(core.state, core.memory)
        web = WebServer(live, clock, WebOptions(settings.web.host, settings.web.port))
        loop.outputs = _outputs(dispatcher, journal, store, live)
        poller = Poller(installed_meters(settings), clock, loop.inbox.put)
        calendar = Calendar(_jobs(store, live), clock)
        services: tuple[Service, ...] = (central, poller, web, calendar)
        return cls(
            settings, clock, loop, live, central, web, store, journal, dispatcher, watchdog, services, state_dir, lock
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then leave the stations at their fallback and everything written."""
        self.journal.start()
        loop, services = asyncio.create_task(self.loop.run()), asyncio.create_task(supervise(self.services))
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait((loop, services, stopping), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self.watchdog.stopping()
            await _cancelled(loop)
            await leave_at_fallback(self.loop, self.dispatcher, self.clock)
            await _cancelled(services, stopping)
            await asyncio.to_thread(self.journal.close)
            await asyncio.to_thread(self.store.close)
            self._lock.close()
            self.watchdog.close()

    def reload(self) -> None:
        """Read the site again: policy, limits and passwords apply at once, the installation after a restart."""
        self.watchdog.reloading()
        again = reload(self.settings.path, self.settings, self.state_dir)
        for finding in again.findings:
            log.warning("site.finding %s", finding)
        if again.refused:
            log.error("site.reload-refused running=%s", self.settings.revision)
            return
        for difference in again.differences:
            log.info("site.changed %s", difference)
        self.settings = again.settings
        core, site = self.loop.core, again.settings.site
        core.state, core.controller = replace(core.state, site=site), Controller.of(site)
        core.memory = replace(core.memory, seen=None)
        self.journal.header = Header(__version__, again.settings.revision, again.settings.text)
        self.journal.begin(core.state, core.memory)
        self.central.admit(_access(again.settings))


def database_of(state_dir: Path) -> str | Path:
    """Where the database is: EMS_DATABASE, a path or a PostgreSQL URL, else a file in the state folder."""
    return os.environ.get("EMS_DATABASE") or state_dir / DATABASE


def tuned_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop to run on; and fewer rounds of the garbage collector, whose long ones would delay a tick."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


def installed_meters(settings: SiteSettings) -> tuple[InstalledMeter, ...]:
    """The meters of a site with their register maps. Raises AssemblyError when a map cannot be read."""
    files = catalogue_files(Catalogue.METERS, settings.path.parent)
    known: dict[str, RegisterMap] = {}
    meters = []
    for connection in settings.meters:
        if connection.model not in known:
            data, findings = read_data(files[connection.model])
            if data is None:
                raise AssemblyError(f"meter model {connection.model}: {'; '.join(map(str, findings))}")
            known[connection.model] = RegisterMap.from_data(connection.model, data)
        meters.append(installed(connection, known[connection.model], settings.site))
    return tuple(meters)


def installed(connection: MeterConnection, model: RegisterMap, site: Site) -> InstalledMeter:
    """One meter at its address; what the site does not say, the model does."""
    ratings = [max(circuit.rating_a) for circuit in site.circuits if circuit.meter == connection.id]
    bus: Bus
    if connection.device is not None:
        baud, frame = connection.baud or model.default.baud or 9600, connection.frame or model.default.frame or "8N1"
        bus = SerialBus(connection.device, baud, frame)
    else:
        bus = TcpBus(
            connection.host or "", connection.port, Framing.RTU if connection.framer is Framer.RTU else Framing.TCP
        )
    phases = connection.phases if model.conductors >= len(connection.phases) else connection.phases[: model.conductors]
    address = MeterAddress(
        id=connection.id,
        bus=bus,
        unit=connection.unit,
        every_s=connection.every_s,
        timeout_s=connection.timeout_s or 1.0,
        phases=phases,
        invert=connection.invert,
        ct_ratio=connection.ct_ratio,
        nominal_v=site.voltage_v,
        rated_a=max(ratings, default=None),
    )
    return InstalledMeter(address, model)


def _core(settings: SiteSettings, recovered: Recovered, clock: Clock) -> Core:
    site = settings.site
    models = {name: known.model for name, known in recovered.models.items() if name in settings.recognisable}
    state = restored(site, recovered.sessions, recovered.grants, models)
    return Core(Controller.of(site), state, remembered(state, clock.now()))


def _central(settings: SiteSettings, clock: Clock, loop: Loop, store: Store) -> CentralSystem:
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
        record = StationRecord(station, site.voltage_v, site.zone, clock, loop.inbox.put, ledger, known, book)
        record.model = loop.core.state.stations[index].model
        record.opened_at = dict.fromkeys(book.open, clock.now().monotonic_s)
        dialects[station.id] = Station16(record)
    listen = OcppListen(settings.ocpp.host, settings.ocpp.port)
    versions = {SUBPROTOCOL: dialects.__getitem__}
    return CentralSystem(listen, _access(settings), versions, clock, loop.inbox.put)


def _access(settings: SiteSettings) -> Access:
    hashes = settings.access

    async def verify(station: str, password: bytes) -> bool:
        known = hashes.get(station)
        return known is not None and await asyncio.to_thread(known.verify, password)

    stations = frozenset(station.id for station in settings.site.stations)
    return Access(stations, frozenset(name for name in stations if hashes.get(name) is not None), verify)


def _outputs(
    dispatcher: Dispatcher, journal: FileJournal, store: Store, live: LiveView
) -> tuple[Callable[[Sequence[Event], SiteState, Memory, Decision], None], ...]:
    return (
        lambda _events, state, _memory, decision: dispatcher.dispatch(state, decision),
        lambda events, state, memory, decision: journal.append(decision.at, events, decision, state, memory),
        lambda _events, state, _memory, decision: store.recorder.tick(decision.at, state, decision),
        lambda _events, state, _memory, decision: live.publish(state, decision),
    )


def _jobs(store: Store, live: LiveView) -> tuple[Job, ...]:
    async def aggregate(due: datetime) -> None:
        store.ledger.knocked(live.knocks())
        await store.aggregate(due)

    async def purge(_due: datetime) -> None:
        await store.purge()

    return (Job("aggregate", EVERY_QUARTER, aggregate), Job("purge", EVERY_HOUR, purge))


class _Troubles:
    """Carries what the writer's thread says about its disk to the loop, once there is one."""

    def __init__(self) -> None:
        self._latest = ""
        self._tell: Callable[[str], None] | None = None

    def __call__(self, reason: str) -> None:
        self._latest = reason
        if self._tell is not None:
            self._tell(reason)

    def tell(self, loop: Loop, clock: Clock) -> None:
        """From now on tell this loop."""
        running = asyncio.get_running_loop()

        def put(reason: str) -> None:
            loop.inbox.put(StoreTroubled(clock.now().monotonic_s, reason))

        self._tell = lambda reason: _in_loop(running, partial(put, reason))
        if self._latest:
            put(self._latest)


def _in_loop(running: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody listens any more
        running.call_soon_threadsafe(work)


def _locked(state_dir: Path) -> IO[str]:
    """One controller per site: two would fight over the same stations (failsafe row 23)."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (state_dir / "lock").open("w")
    except OSError as failed:
        raise AssemblyError(f"cannot use the state folder {state_dir}: {failed.strerror}; set EMS_STATE_DIR") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise AssemblyError(f"another controller uses {state_dir}; stop it, or set EMS_STATE_DIR") from None
    return lock


def _on_stall(watchdog: Watchdog, seconds: float) -> None:
    """A machine that does not let us run for seconds needs a fresh start; without a manager it would be none."""
    if watchdog.is_supervised:
        log.critical("loop.stalled seconds=%.1f leaving", seconds)
        os._exit(EXIT_STALLED)


def _status(decision: Decision) -> str:
    on = sum(1 for setpoint in decision.setpoints if setpoint.amps > 0 and setpoint.controlled)
    return f"{decision.level.name.lower()}, {on} EVSEs on, {len(decision.alarms)} alarms"


async def _cancelled(*tasks: asyncio.Task[object]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
