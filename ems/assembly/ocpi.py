"""Roaming, put together where a site wants it: partners, the door where they ask, and who is admitted for them."""

from __future__ import annotations

from typing import NamedTuple

from ems.adapters.store.store import Store
from ems.adapters.web.payment.api import Routers
from ems.assembly.operations import SiteOperations
from ems.assembly.receipts import read
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.ports.controller import Clock, Live, Service
from ems.ports.stations import Remote
from ems.runtime.porter import Porter
from ems.runtime.till import Till
from ems.settings.ocpi import OcpiSettings


class RoamingParts(NamedTuple):
    """What the daemon needs of all this; nothing where the site has no partners."""

    services: tuple[Service, ...] = ()
    routers: Routers = ()


def roaming_parts(  # noqa: PLR0913, PLR0917 - everything that a partner's customer meets
    settings: OcpiSettings | None,
    live: Live,
    clock: Clock,
    operations: SiteOperations,
    remote: Remote,
    porter: Porter,
    store: Store,
    till: Till,
) -> RoamingParts:
    """Roaming with the partners that the site file names. The porter asks it about tags that are not ours, and the till
    tells it of every session that is over.
    """
    if settings is None:
        return RoamingParts()
    # Five megabytes, which a site without partners has no use for.
    from ems.adapters.ocpi.ground import Ground  # noqa: PLC0415
    from ems.adapters.ocpi.service import Roaming  # noqa: PLC0415
    from ems.adapters.web.roaming.page import roaming_ways  # noqa: PLC0415

    async def closed_tab(session: str) -> tuple[Tab, Receipt | None] | None:
        tab = await read(store.closed_tab(session))
        return None if tab is None else (tab, await read(store.receipt(session)))

    ground = Ground(settings.operator, live, operations, remote, clock, porter.admit, till.tab, closed_tab)
    roaming = Roaming.of(ground, settings.partners, store.roaming, store.audit.add)
    porter.guest_of, porter.consult = roaming.guest_of, roaming.consult
    till.closings.append(roaming.closed)
    return RoamingParts((roaming,), roaming_ways(live, clock, roaming, roaming))
