"""What pages look back at is kept, and the pages of the operator's day are put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ems.adapters.store.store import Store
from ems.adapters.web.overview.page import overview_pages
from ems.adapters.web.payment.api import Routers
from ems.adapters.web.sheet import Sheet
from ems.assembly.past import SitePast
from ems.domain.tariff import Tariff
from ems.ports import Clock, Live
from ems.runtime.loop import Output


@dataclass(frozen=True, slots=True)
class PageParts:
    """`routers` are offered by the web server; `look` sees every tick."""

    routers: Routers
    look: Output


def page_parts(store: Store, live: Live, clock: Clock, tariff: Callable[[], Tariff | None]) -> PageParts:
    """The pages of the operator's day. `tariff`: what is agreed now."""
    sheet, past = Sheet(live, clock), SitePast(store, live, clock, tariff)
    routers = (overview_pages(sheet, past),)
    return PageParts(routers, lambda _events, _state, _memory, decision: store.offers.tick(decision))
