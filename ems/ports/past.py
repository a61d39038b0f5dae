"""The interface through which people look back. All of it raises NotStoredError when the database cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ems.domain.demand import Demand
from ems.domain.record.history import Audit
from ems.domain.record.past import Energies, EvsePast, Stay


class Past(Protocol):
    """What was recorded."""

    async def evse(self, evse: str, since: datetime, until: datetime) -> EvsePast:
        """What an EVSE was offered and what was drawn there."""
        ...

    async def stays(self, evse: str, most: int) -> Sequence[Stay]:
        """The newest vehicles at an EVSE, newest first."""
        ...

    async def demand(self) -> Demand | None:
        """The demand of the window that runs beside the peak of the billing period; None without a meter at the grid
        connection.
        """
        ...

    async def today(self) -> Energies:
        """The energies of today, by the clock of the site."""
        ...

    async def audits(
        self, before: int | None, most: int, words: str, since: datetime | None, until: datetime | None
    ) -> Sequence[Audit]:
        """The newest of what people did in a span, newest first, in which all `words` stand; of those with a number
        below `before`, if that is given.
        """
        ...
