"""Sessions as they are listed, corrected and handed on, for those who ask.

Everything here reads on its own connections, in threads or in a process of its own; nothing waits on the control path.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from ems.domain.energy_step import EnergyPoint, Step
from ems.domain.export_request import ExportRequest
from ems.domain.session_entry import (
    SessionEntry,
    SessionFilter,
    SessionMark,
    SessionPage,
    SessionQuarter,
    SessionSort,
    SessionSums,
)


class NotReadError(Exception):
    """What was recorded cannot be read now; the text says why."""


class BusyError(Exception):
    """So much is being done for others that this must wait; the text says when to come again."""


class SessionList(Protocol):
    """The sessions of the site. Every method raises NotReadError."""

    async def page(
        self, wanted: SessionFilter, sort: SessionSort, *, falling: bool, after: SessionMark | None, most: int
    ) -> SessionPage:
        """At most `most` entries behind a mark."""
        ...

    async def sums(self, wanted: SessionFilter) -> SessionSums:
        """What all of them add up to."""
        ...

    async def entry(self, name: str) -> SessionEntry | None:
        """One session; None when there is none of that id."""
        ...

    async def quarters(self, name: str) -> Sequence[SessionQuarter]:
        """What a session used, by quarter hours."""
        ...

    async def energy(self, kind: str, name: str, since: datetime, until: datetime, step: Step) -> Sequence[EnergyPoint]:
        """What flowed through a circuit, or at an EVSE, in steps of the site's clock."""
        ...


class Exports(Protocol):
    """Files for others."""

    async def open(self, asked: ExportRequest) -> AsyncIterator[bytes]:
        """The pieces of a file; returns when the first one is there. Raises ValueError, NotReadError or BusyError."""
        ...
