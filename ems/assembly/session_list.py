"""The list of sessions of a running daemon: what waits is written first, then it is read beside the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from ems.adapters.store.reading import NotReadableError, Reader
from ems.adapters.store.session_reading import SessionReader
from ems.adapters.store.store import Store
from ems.assembly.export_tables import point_of
from ems.domain.energy.step import EnergyPoint, Step, in_steps
from ems.domain.record.session_entry import (
    SessionEntry,
    SessionFilter,
    SessionMark,
    SessionPage,
    SessionQuarter,
    SessionSort,
    SessionSums,
)
from ems.ports.sessions import NotReadError

T = TypeVar("T")

READ_S = 30.0


@dataclass(frozen=True, slots=True)
class SiteSessions:
    """The `SessionList` port."""

    store: Store
    reader: SessionReader
    zone: Callable[[], ZoneInfo]

    async def page(
        self, wanted: SessionFilter, sort: SessionSort, *, falling: bool, after: SessionMark | None, most: int
    ) -> SessionPage:
        """At most `most` entries behind a mark."""
        return await _read(lambda: self.reader.page(wanted, sort, falling=falling, after=after, most=most))

    async def sums(self, wanted: SessionFilter) -> SessionSums:
        """What all of them add up to."""
        return await _read(lambda: self.reader.sums(wanted))

    async def entry(self, name: str) -> SessionEntry | None:
        """One session; None when there is none of that id."""
        return await _read(lambda: self.reader.entry(name))

    async def quarters(self, name: str) -> Sequence[SessionQuarter]:
        """What a session used, by quarter hours."""
        return await _read(lambda: self.reader.quarters(name))

    async def energy(self, kind: str, name: str, since: datetime, until: datetime, step: Step) -> Sequence[EnergyPoint]:
        """What flowed through a circuit, or at an EVSE, in steps of the site's clock."""
        zone = self.zone()
        reader: Reader = self.store.reader
        return await _read(
            lambda: tuple(in_steps(map(point_of, reader.intervals(since, until, kind, name)), step, zone))
        )


async def _read(query: Callable[[], T]) -> T:
    try:
        async with asyncio.timeout(READ_S):
            return await asyncio.to_thread(query)
    except NotReadableError as wrong:
        raise NotReadError(str(wrong)) from wrong
    except TimeoutError:
        raise NotReadError(f"the database took longer than {READ_S:.0f} s; ask for less") from None
