"""What pages look back at is kept, and the pages of the operator's day are put together."""

from __future__ import annotations

from dataclasses import dataclass

from ems.adapters.store.store import Store
from ems.adapters.web.payment.api import Routers
from ems.runtime.loop import Output


@dataclass(frozen=True, slots=True)
class PageParts:
    """`routers` are offered by the web server; `look` sees every tick."""

    routers: Routers
    look: Output


def page_parts(store: Store) -> PageParts:
    """The pages of the operator's day."""
    return PageParts((), lambda _events, _state, _memory, decision: store.offers.tick(decision))
