"""What roaming needs of the site: what is to be seen there, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ems.adapters.ocpi.naming import evse_uid
from ems.domain.billing.price_list import PriceList
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.domain.roaming import Operator
from ems.domain.station import Evse
from ems.ports.controller import Clock, Live, Operations
from ems.ports.stations import Remote


@dataclass(frozen=True, slots=True)
class Ground:
    """`admit` gives a tag a pass at an EVSE until a moment, `admits` whether it may begin there now; `tab` is that
    of the session at an EVSE, `closed_tab` that of a session that is over, with its receipt (None: it was free, or
    there is none).
    """

    operator: Operator
    live: Live
    operations: Operations
    remote: Remote
    clock: Clock
    admit: Callable[[str, str, datetime], None]
    admits: Callable[[str, str], bool]
    tab: Callable[[str], Tab | None]
    closed_tab: Callable[[str], Awaitable[tuple[Tab, Receipt | None] | None]]

    def evse(self, uid: str) -> Evse | None:
        """The EVSE that partners call so; upper and lower case are the same."""
        known = self.live.state.site.evses
        return next((one for one in known if evse_uid(one.id).casefold() == uid.casefold()), None)

    def is_held(self, evse: str) -> bool:
        """Whether an EVSE is kept for somebody."""
        return next(self.operations.daybook.access.holds(evse, self.clock.now().utc), None) is not None

    def price_lists(self) -> Sequence[PriceList]:
        """The price lists that count for guests, who are in none of our groups."""
        lists = self.operations.daybook.prices.lists.values()
        return sorted((one for one in lists if not one.groups), key=lambda one: one.id)
