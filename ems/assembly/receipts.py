"""What sessions cost, from the till while they run and from the store when they are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ems.adapters.store.beside import read
from ems.adapters.store.store import Store
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.runtime.till import Till


@dataclass(frozen=True, slots=True)
class SiteReceipts:
    """The `Receipts` port of a running daemon."""

    till: Till
    store: Store

    def tab(self, evse: str) -> Tab | None:
        """The tab of the session at an EVSE; None when there is none."""
        return self.till.tab(evse)

    async def receipt(self, session: str) -> Receipt | None:
        """The receipt of a session that is over; None when there is none."""
        return await read(self.store.receipt(session))

    async def receipts(self, since: datetime, until: datetime, most: int) -> Sequence[Receipt]:
        """The newest receipts of a span, newest first."""
        return await read(self.store.receipts(since, until, most))
