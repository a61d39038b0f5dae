"""The interfaces between reports, whoever reads them, and where what they tell is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from ems.statistics.export_plan import ExportPlan
from ems.statistics.period import Period
from ems.statistics.record import Cause, ControlQuarter, Excluded
from ems.statistics.report import Report


class NoReportError(Exception):
    """A report cannot be made now; the text says why."""


class WatchBook(Protocol):
    """Where it is kept what the controller saw; never waits."""

    def outage(self, evse: str, began: datetime, seen: datetime, ended: datetime | None, cause: Cause) -> None:
        """An EVSE is out of order since `began`, still so at `seen`, or no more."""
        ...

    def quarter(self, told: ControlQuarter) -> None:
        """How a quarter hour was controlled so far."""
        ...


class RunState(StrEnum):
    """How an export of a period stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given up"
    SKIPPED = "skipped"


class ExportRun(NamedTuple):
    """An export of one period: tried so often, last at `tried`, again at `next`. `answer`: what came of the last
    attempt; `who` asked for it at `due`, empty for the calendar.
    """

    name: str
    period: str
    due: datetime
    state: RunState = RunState.WAITING
    attempts: int = 0
    tried: datetime | None = None
    next: datetime | None = None
    answer: str = ""
    who: str = ""


class ExportView(NamedTuple):
    """An export as people see it: its plan, when it is due next, and its last runs, newest first."""

    plan: ExportPlan
    next_due: datetime
    runs: tuple[ExportRun, ...]


class Saved(NamedTuple):
    """What control saved from one day to another, both included; negative where it cost."""

    amount: Decimal
    currency: str
    first: date
    last: date


class Printed(NamedTuple):
    """A document with its name and media type."""

    name: str
    media_type: str
    content: bytes


class Reports(Protocol):
    """What finished times add up to. Everything is made beside the loop; what takes long is done one at a time.

    Raises NoReportError where the past cannot be read, ValueError where what is asked cannot be meant, UnknownError
    where there is no such thing, and NotStoredError where a change could not be stored.
    """

    async def report(self, period: Period) -> Report:
        """The report of a period."""
        ...

    async def printed(self, period: Period) -> Printed:
        """The same as a PDF."""
        ...

    async def excluded(self, period: Period) -> Sequence[Excluded]:
        """Times that do not count against the uptime, of those that reach into a period."""
        ...

    async def exclude(self, told: Excluded, who: str) -> Excluded:
        """Say that a time does not count; its number and `who` are put in."""
        ...

    async def withdraw(self, number: int, who: str) -> None:
        """Take that back."""
        ...

    def exports(self) -> Sequence[ExportView]:
        """What goes out by itself."""
        ...

    async def send_now(self, name: str, who: str) -> ExportRun:
        """Send what was due last once more; returns what came of it."""
        ...


class RunBook(Protocol):
    """Where it is kept how exports stand."""

    async def runs(self) -> Sequence[ExportRun]:
        """The last runs of each export, newest first. Raises NoReportError."""
        ...

    async def keep_run(self, run: ExportRun) -> None:
        """Returns when it would survive a power cut. Raises NotStoredError."""
        ...

    def add_audit(self, at: datetime, who: str, what: str, detail: dict[str, str]) -> None:
        """Somebody asked for something."""
        ...


class Courier(Protocol):
    """Makes what goes out, and brings it there."""

    async def bring(self, plan: ExportPlan, period: Period) -> str:
        """Make the export of a period and deliver it; returns in words what came of it. Raises NotDeliveredError, or
        NoReportError where it cannot be made now. What is delivered twice can be known as the same.
        """
        ...
