"""What people come for, put together: pages and interfaces, remote control, access, money, alarms, reports, partners.

Control works without any of it. What each area of the product brings is the same everywhere: paths that the web server
offers, looks at every finished tick, services that run, jobs of the calendar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ems.adapters.calendar.schedule import Job
from ems.adapters.ocpp.server import CentralSystem
from ems.adapters.store.recovery import Recovered
from ems.adapters.store.store import Store
from ems.adapters.web.access.page import access_ways
from ems.adapters.web.app import WebOptions
from ems.adapters.web.energy.api import energy_prices
from ems.adapters.web.energy.page import series_pages
from ems.adapters.web.server import WebServer
from ems.adapters.web.sheet import Sheet
from ems.adapters.web.stations.page import station_ways
from ems.assembly.access import AccessParts, access_parts
from ems.assembly.alarms import AlarmParts, Audience
from ems.assembly.drivers import DriverParts, driver_parts
from ems.assembly.energy_prices import SitePrices
from ems.assembly.entry import accounts_of
from ems.assembly.hindsight import hindsight_of
from ems.assembly.interface_document import InterfaceDocument
from ems.assembly.meter_keys import SiteMeterKeys
from ems.assembly.ocpi import RoamingParts, roaming_parts
from ems.assembly.opening import database_of
from ems.assembly.operations import SiteOperations
from ems.assembly.pages import PageNeeds, PageParts, page_parts
from ems.assembly.payments import Provision, payment_parts
from ems.assembly.planning import ChildPlanning
from ems.assembly.remote import RemoteParts, remote_parts
from ems.assembly.reports import ReportParts, report_parts
from ems.assembly.sessions import session_ways
from ems.assembly.sources import Sources
from ems.assembly.sso import sso_ways
from ems.assembly.wizard import Held, WizardParts, wizard_parts
from ems.ports.controller import Clock, Service
from ems.ports.foresight import Foresight
from ems.runtime.live import LiveView
from ems.runtime.loop import Loop, Output
from ems.runtime.porter import Porter
from ems.settings.build import SiteSettings


class Ground(NamedTuple):
    """What every area stands on. `shown`: where the page is served; `told`: whom alarms and notices are for;
    `provision`: who takes the drivers' money.
    """

    settings: SiteSettings
    state_dir: Path
    shown: WebOptions
    told: Audience
    provision: Provision
    clock: Clock
    store: Store
    recovered: Recovered
    loop: Loop
    live: LiveView
    operations: SiteOperations
    central: CentralSystem
    porter: Porter
    planning: ChildPlanning
    foresight: Foresight
    keys: SiteMeterKeys


@dataclass(frozen=True, slots=True)
class Product:
    """The areas together. `looks` see every finished tick, in this order."""

    web: WebServer
    pages: PageParts
    remote: RemoteParts
    access: AccessParts
    drivers: DriverParts
    alarms: AlarmParts
    reporting: ReportParts
    roaming: RoamingParts
    wizard: WizardParts
    looks: tuple[Output, ...]
    services: tuple[Service, ...]
    jobs: tuple[Job, ...]

    def held_by(self, running: Held) -> None:
        """The daemon whose site file the wizard changes."""
        self.wizard.held_by(running)

    def take_over(self, settings: SiteSettings, told: Audience, waiting: Sequence[str]) -> None:
        """Go on with what the site file says now; `waiting` for a restart is the rest of it, in words."""
        self.pages.system.waiting = waiting
        self.remote.take_over(settings)
        self.access.take_over(settings)
        self.drivers.take_over(settings, told.server)
        self.alarms.take_over(settings, told)
        self.reporting.take_over(settings.reports)
        self.roaming.take_over(settings.ocpi)

    async def close(self) -> None:
        """What must be told to stations before the services end."""
        await self.remote.close()


def product_of(ground: Ground) -> Product:
    """Every area that the settings ask for."""
    settings, state_dir, _, _, provision, clock, store, recovered, loop, live, operations, central, porter, *_ = ground
    access = access_parts(porter, central, operations, store, loop, clock, recovered)
    remote = remote_parts(settings, access.desk, clock, loop, store, state_dir)
    paying = payment_parts(provision, operations, store, loop, recovered, live, remote.control)
    access.priced_by(paying.till, paying.unpaid)
    alarms = AlarmParts(ground.told, settings, live, clock, store, operations)
    drivers = driver_parts(settings, live, operations, store, remote.control, paying, access, ground.told.server)
    drivers.heard_by(alarms.keeper)
    alarms.keeper.sources.append(ground.keys.troubles)
    wizard = wizard_parts(settings, state_dir, loop, store, live, central, remote.control)

    def sources() -> Sources:
        return ground.planning.setup.sources

    reporting = report_parts(settings, store, live, clock, operations, sources, lambda: alarms.mail)
    roaming = roaming_parts(settings.ocpi, live, clock, operations, remote.control, porter, store, paying.till)
    pages = page_parts(_page_needs(ground, remote, access, reporting))
    accounts = accounts_of(recovered, store, clock, state_dir, ground.shown)
    hindsight = hindsight_of(ground.planning, operations.pushed, store, clock)
    areas = (paying, alarms, pages, drivers, wizard, reporting, roaming)
    prices = SitePrices(sources, operations.pushed, lambda: (reporting.co2_series(), live.state.site.zone))
    further = (
        *(router for area in areas for router in area.routers),
        *station_ways(live, clock, remote.control, remote.rounds),
        *access_ways(live, clock, operations, access.site),
        *session_ways(store, database_of(state_dir), live, clock, operations, settings.meter_keys, reporting.carbon),
        *sso_ways(settings.oidc, accounts, live, clock),
        energy_prices(live, clock, operations, prices),
        series_pages(Sheet(live, clock), prices),
    )
    web = WebServer(
        live,
        clock,
        ground.shown,
        operations,
        ground.foresight,
        further,
        accounts,
        hindsight,
        InterfaceDocument(settings),
    )
    looks: Sequence[Output] = (operations.roster.look, remote.control.look, access.watch.look)
    services: Sequence[Service] = (web, accounts, remote.uploads, remote.ftp, access.lists, access.usher, hindsight)
    served = (paying, alarms, drivers, reporting, roaming)
    return Product(
        web=web,
        pages=pages,
        remote=remote,
        access=access,
        drivers=drivers,
        alarms=alarms,
        reporting=reporting,
        roaming=roaming,
        wizard=wizard,
        looks=(*looks, *paying.looks, *alarms.looks, pages.look, wizard.look, reporting.look),
        services=(*services, ground.keys, wizard.prover, *(one for area in served for one in area.services)),
        jobs=reporting.jobs,
    )


def _page_needs(ground: Ground, remote: RemoteParts, access: AccessParts, reporting: ReportParts) -> PageNeeds:
    return PageNeeds(
        folder=ground.settings.path.parent,
        state_dir=ground.state_dir,
        store=ground.store,
        live=ground.live,
        clock=ground.clock,
        operations=ground.operations,
        remote=remote.control,
        access=access.site,
        tariff=lambda: ground.planning.setup.sources.tariff,
        kiosk=ground.settings.web.kiosk,
        answers=ground.central.answers,
        saved=lambda: reporting.savings.latest,
        keys=ground.keys,
    )
