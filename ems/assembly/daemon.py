"""A controller and all its parts.

Read top-down: `Daemon.of` builds every part from the settings, `Daemon.run` lets them work until told to stop.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from ems import __version__
from ems.adapters.calendar.schedule import Calendar
from ems.adapters.modbus.poller import Poller
from ems.adapters.ocpp.server import CentralSystem, Listen
from ems.adapters.store.journal import FileJournal
from ems.adapters.store.segment import Header
from ems.adapters.store.store import Store
from ems.assembly.access import porter_of
from ems.assembly.alarms import Audience, audience_of
from ems.assembly.entry import web_options
from ems.assembly.error import AssemblyError
from ems.assembly.meter_keys import SiteMeterKeys
from ems.assembly.meters import METER_CHECKS, installed_meters, own_models, steered_batteries
from ems.assembly.opening import check_free, database_of, store_of
from ems.assembly.operations import SiteOperations
from ems.assembly.outputs import jobs_of, outputs_of
from ems.assembly.payments import provision_of
from ems.assembly.planning import ChildPlanning, planning_of, setup_of
from ems.assembly.product import Ground, Product, product_of
from ems.assembly.remains import close_what_is_left_behind, core_of
from ems.assembly.stations import access_of, central_system
from ems.control.tick import Controller
from ems.domain.decision import Decision
from ems.domain.events import ControllerStarted, SettingsTroubled
from ems.ports.controller import Clock, Service
from ems.runtime.clock import SystemClock
from ems.runtime.dispatcher import Dispatcher
from ems.runtime.farewell import leave_at_fallback
from ems.runtime.foresight import Foreseer
from ems.runtime.live import LiveView
from ems.runtime.lock import LockError, locked
from ems.runtime.loop import Loop
from ems.runtime.replan import Replanner
from ems.runtime.supervisor import supervise
from ems.runtime.troubles import Troubles
from ems.runtime.watchdog import Watchdog
from ems.settings.build import SiteSettings
from ems.settings.finding import in_short, printable
from ems.settings.revision import Reloaded, reload

log = logging.getLogger(__name__)

EXIT_STALLED = 70
JOURNAL = "journal"
RELOAD_S = 60.0


@dataclass(slots=True)
class Daemon:
    """All parts of a running controller."""

    settings: SiteSettings
    clock: Clock
    loop: Loop
    live: LiveView
    central: CentralSystem
    product: Product
    store: Store
    journal: FileJournal
    dispatcher: Dispatcher
    planning: ChildPlanning
    supposing: ChildPlanning
    replanner: Replanner
    watchdog: Watchdog
    services: Sequence[Service]
    state_dir: Path
    _lock: IO[str]
    may_restart: bool = False
    restarts: asyncio.Event = field(default_factory=asyncio.Event)
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(
        cls,
        settings: SiteSettings,
        state_dir: Path,
        *,
        ocpp_port: int | None = None,
        web_port: int | None = None,
        trouble: str = "",
    ) -> Daemon:
        """Build everything, in a running loop. Blocks while the database opens. Raises AssemblyError, and has then left
        no trace in the database: a start that cannot be is no crash.

        `ocpp_port`, `web_port`: listen there, whatever the settings say. `trouble`: why `settings` are of an earlier
        revision than the site's files.
        """
        ocpp = Listen(settings.ocpp.host, settings.ocpp.port if ocpp_port is None else ocpp_port)
        shown = web_options(settings.web, web_port)
        try:
            lock = locked(state_dir)
        except LockError as refused:
            raise AssemblyError(str(refused)) from None
        clock = SystemClock()
        troubles = Troubles(clock)
        try:
            check_free("stations", ocpp.host, ocpp.port, "EMS_OCPP_PORT")
            check_free("the page", shown.host, shown.port, "EMS_HTTP_PORT")
            meters = installed_meters(settings, own_models(settings, state_dir))
            provision, told = provision_of(settings.payment), audience_of(settings, clock)
            store = store_of(state_dir, clock, troubles)
        except BaseException:
            lock.close()
            raise
        recovered = store.open()
        close_what_is_left_behind(settings.site, recovered, store, clock)
        core = core_of(settings, recovered, clock)
        watchdog = Watchdog()
        loop = Loop(core, clock, lambda decision: watchdog.stroke(_status(decision)), partial(_on_stall, watchdog))
        loop.inbox.put(ControllerStarted(clock.now(), recovered.crashes))
        if trouble:
            log.error("site.last-good running=%s cause=%r", settings.revision, trouble)
            loop.inbox.put(SettingsTroubled(clock.now().monotonic_s, trouble))
        operations = SiteOperations.of(recovered.daybook, store, loop, clock)
        troubles.tell(loop.inbox.put)
        porter = porter_of(settings, recovered, clock, loop)
        keys = SiteMeterKeys(store, clock, settings.meter_keys)
        central = central_system(settings, ocpp, clock, loop, store, porter, keys)
        dispatcher, live = Dispatcher(central), LiveView(core.state, central.knocks)
        journal = FileJournal(state_dir / JOURNAL, Header(__version__, settings.revision, settings.text))
        journal.begin(core.state, core.memory)
        planning, supposing = (planning_of(settings, database_of(state_dir), operations.pushed) for _ in range(2))
        replanner, foreseer = Replanner(planning, clock, loop.inbox.put), Foreseer(supposing)
        product = product_of(
            Ground(
                settings, state_dir, shown, told, provision, clock, store, recovered, loop, live, operations,
                central, porter, planning, foreseer, keys,
            )
        )  # fmt: skip
        poller = Poller(meters, clock, loop.inbox.put, steered_batteries(settings.site))
        loop.outputs = (
            *outputs_of(dispatcher, poller, journal, store, live),
            *(replanner.look, foreseer.look),
            *product.looks,
        )
        calendar = Calendar((*jobs_of(store, live), *product.jobs), clock)
        services: tuple[Service, ...] = (central, poller, calendar, replanner, foreseer, *product.services)
        made = cls(
            settings, clock, loop, live, central, product, store, journal, dispatcher, planning, supposing, replanner,
            watchdog, services, state_dir, lock,
        )  # fmt: skip
        product.held_by(made)
        return made

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` or `restarts` is set; then leave the stations at their fallback and everything written. An
        end by an error counts as a crash for the next start.
        """
        self.journal.start()
        site = _Part("site", self._read_again)
        loop = asyncio.create_task(self.loop.run())
        services = asyncio.create_task(supervise((*self.services, site)))
        stopping, again = asyncio.create_task(stop.wait()), asyncio.create_task(self.restarts.wait())
        is_orderly = True
        try:
            done, _ = await asyncio.wait((loop, services, stopping, again), return_when=asyncio.FIRST_COMPLETED)
            is_orderly = all(task.exception() is None for task in done)
            for task in done:
                task.result()
        finally:
            self.watchdog.stopping(begins_anew=self.restarts.is_set())
            try:
                await _cancelled(loop)
                await leave_at_fallback(self.loop, self.dispatcher, self.clock)
            finally:
                await self.product.close()
                await _cancelled(services, stopping, again)
                await asyncio.to_thread(self.journal.close)
                await asyncio.to_thread(self.store.close, goodbye=is_orderly)
                self._lock.close()
                self.watchdog.close()

    def reload(self) -> None:
        """Ask for the site to be read again, beside the loop: policy, limits, passwords and who is told of what apply
        as soon as it has been read, the installation after a restart.
        """
        self.watchdog.reloading()
        self._asked.set()

    def restart(self) -> None:
        """End as for `stop`; whoever runs this begins anew where `restarts` is set."""
        self.restarts.set()

    async def _read_again(self) -> None:
        """Serve `reload`; in a thread, because a large file takes longer than a tick may."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                async with asyncio.timeout(RELOAD_S):
                    again, told = await asyncio.to_thread(self._reloaded)
            except TimeoutError:
                log.warning("site.reload-refused running=%s cause='the disk does not answer'", self.settings.revision)
                continue
            except AssemblyError as wrong:
                log.error("site.reload-refused running=%s cause=%r", self.settings.revision, str(wrong))  # noqa: TRY400
                self.loop.inbox.put(SettingsTroubled(self.clock.now().monotonic_s, str(wrong)))
                continue
            self._take_over(again, told)

    def _reloaded(self) -> tuple[Reloaded, Audience | None]:
        """The site as it is in its file, and who is to be told of what happens (None: as before, because the file has
        errors). Blocks. Raises AssemblyError.
        """
        again = reload(self.settings.path, self.settings, self.state_dir, METER_CHECKS)
        return again, None if again.refused else audience_of(again.settings, self.clock)

    def _take_over(self, again: Reloaded, told: Audience | None) -> None:
        for finding in again.findings:
            log.warning("site.finding %s; %s", finding, printable(finding.remedy))
        trouble = in_short(again.findings) if again.refused else ""
        self.loop.inbox.put(SettingsTroubled(self.clock.now().monotonic_s, trouble))
        if again.refused or told is None:
            log.error("site.reload-refused running=%s", self.settings.revision)
            return
        for difference in again.differences:
            log.info("site.changed %s", difference)
        waiting = tuple(difference.text for difference in again.differences if difference.needs_restart)
        if waiting:
            log.warning("site.waits-for-restart %s", printable("; ".join(waiting)))
        log.info("site.reloaded revision=%s", again.settings.revision)
        if again.differences:
            changes = [str(difference) for difference in again.differences]
            told_of = {"revision": again.settings.revision, "changes": changes}
            self.store.audit.add(self.clock.now().utc, "site file", "SiteReloaded", told_of)
        self.settings = again.settings
        core, site = self.loop.core, again.settings.site
        core.state, core.controller = replace(core.state, site=site), Controller.of(site)
        core.memory = replace(core.memory, seen=None)
        self.journal.header = Header(__version__, again.settings.revision, again.settings.text)
        self.journal.begin(core.state, core.memory)
        setup = setup_of(again.settings, database_of(self.state_dir))
        self.planning.take_over(setup)
        self.supposing.take_over(setup)
        self.replanner.site_changed()
        self.product.take_over(again.settings, told, waiting)
        self.central.admit(access_of(again.settings))


class _Part(NamedTuple):
    """A `Service` that is one method of a larger thing."""

    name: str
    run: Callable[[], Coroutine[None, None, None]]


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
