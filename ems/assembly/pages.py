"""What pages look back at is kept, and the pages of the operator's day are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ems.adapters.store.store import Store
from ems.adapters.web.audit.page import audit_pages
from ems.adapters.web.evse.page import evse_ways
from ems.adapters.web.kiosk.page import kiosk_pages
from ems.adapters.web.overview.page import overview_pages
from ems.adapters.web.payment.api import Routers
from ems.adapters.web.sheet import Sheet
from ems.adapters.web.system.page import system_ways
from ems.adapters.web.vehicles.page import vehicle_pages
from ems.assembly.past import SitePast
from ems.assembly.system import SiteSystem
from ems.domain.energy.tariff import Tariff
from ems.domain.system_status import StationAnswer
from ems.ports.controller import AccessDesk, Clock, Live, Operations
from ems.ports.reports import Saved
from ems.ports.sessions import ToldKeys
from ems.ports.stations import Remote
from ems.runtime.loop import Output


class PageNeeds(NamedTuple):
    """What pages look at: `folder` is the site's, `tariff` what is agreed now; whether there is a screen for all. How
    quickly stations answered, what control saved, and what stations say of the keys of their meters.
    """

    folder: Path
    state_dir: Path
    store: Store
    live: Live
    clock: Clock
    operations: Operations
    remote: Remote
    access: AccessDesk
    tariff: Callable[[], Tariff | None]
    kiosk: bool = False
    answers: Callable[[], Iterable[StationAnswer]] = tuple
    saved: Callable[[], Saved | None] = lambda: None
    keys: ToldKeys | None = None


@dataclass(frozen=True, slots=True)
class PageParts:
    """`routers` are offered by the web server; `look` sees every tick."""

    routers: Routers
    look: Output
    system: SiteSystem


def page_parts(needs: PageNeeds) -> PageParts:
    """The pages of the operator's day."""
    store, live, clock = needs.store, needs.live, needs.clock
    sheet = Sheet(live, clock)
    past = SitePast(store, live, clock, needs.tariff)
    system = SiteSystem(live, clock, store, past, needs.folder, needs.state_dir, needs.answers)
    routers = (
        overview_pages(sheet, past, needs.saved),
        *evse_ways(sheet, past, needs.remote, needs.keys),
        vehicle_pages(sheet, needs.operations),
        audit_pages(sheet, past),
        *system_ways(sheet, system),
        *((kiosk_pages(sheet, needs.operations),) if needs.kiosk else ()),
    )
    return PageParts(routers, lambda _events, _state, _memory, decision: store.offers.tick(decision), system)
