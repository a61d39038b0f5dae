"""Reports put together: what is read, what else must be known, who watches, and what goes out by itself."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ems.adapters.calendar.schedule import Job
from ems.adapters.store.database import WRITE_ERRORS, Database
from ems.adapters.store.daybook import read_daybook
from ems.adapters.store.report_reading import read_past
from ems.adapters.store.store import Store
from ems.adapters.web.payment.api import Routers
from ems.adapters.web.reports.page import report_ways
from ems.assembly.courier import SiteCourier
from ems.assembly.exporting import ExportProcesses
from ems.assembly.opening import database_of
from ems.assembly.operations import SiteOperations
from ems.assembly.planning import setup_of
from ems.assembly.report_process import ReportProcess
from ems.assembly.report_wire import Wanted
from ems.assembly.savings import Savings
from ems.assembly.sources import PriceFolder, Sources
from ems.domain.daybook import Daybook
from ems.domain.energy.carbon import Carbon
from ems.domain.energy.price_push import Pushed
from ems.domain.site import Site
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live, NotStoredError, Service
from ems.ports.reports import ExportRun, ExportView, NoReportError, Printed
from ems.runtime.exporter import Exporter
from ems.runtime.loop import Output
from ems.runtime.watchkeeper import Watchkeeper
from ems.settings.build import SiteSettings
from ems.settings.mail import MailSettings
from ems.settings.reports import ReportSettings
from ems.statistics.period import Period
from ems.statistics.record import Excluded, Facts
from ems.statistics.report import Report, report_of

log = logging.getLogger(__name__)

FRESH_S, FINISHED_FRESH_S = 20.0, 300.0
"""How long a report is not made anew: of a time that goes on, and of one that is over."""

MOST_KEPT = 4
EVERY_MINUTE, EVERY_NIGHT = "* * * * *", "23 2 * * *"


def facts_of(site: Site, settings: ReportSettings, sources: Sources, pushed: Pushed, book: Daybook) -> Facts:
    """What else a report must know. Reads price files."""
    tariff, doubts = PriceFolder(sources.prices).completed(sources.tariff, pushed)
    carbon, more = carbon_of(site, settings, sources, pushed)
    people = {person.id: person.label for person in book.access.people.values()}
    return Facts(site, tariff, carbon, dict(book.fleet.vehicles), people, (*doubts, *more))


def carbon_of(site: Site, settings: ReportSettings, sources: Sources, pushed: Pushed) -> tuple[Carbon, tuple[str, ...]]:
    """What a kWh stands for, and in words what of that could not be used. Reads files of a series."""
    carbon = Carbon(otherwise=settings.co2_g_per_kwh, pv_g_per_kwh=settings.co2_pv_g_per_kwh)
    if settings.co2_series is None:
        return carbon, ()
    series, doubts = PriceFolder(sources.prices).intensity(settings.co2_series, site.zone, pushed)
    return replace(carbon, series=series, is_followed=True), tuple(doubts)


class _Made(NamedTuple):
    """A report that is kept: since when, and what it was made of."""

    since_s: float
    wanted: Wanted
    report: Report


@dataclass(slots=True)
class SiteReports:
    """The `Reports` port. One report is made at a time, in a process of its own, and kept for those who ask for the
    same soon. `where` the database is.
    """

    store: Store
    where: str | Path
    clock: Clock
    facts: Callable[[], Facts]
    process: ReportProcess = field(default_factory=ReportProcess)
    exporter: Exporter | None = None
    _made: dict[Period, _Made] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def report(self, period: Period) -> Report:
        """As the port says."""
        async with self._lock:
            return (await self._of(period)).report

    async def _of(self, period: Period) -> _Made:
        now, known = self.clock.now(), self._made.get(period)
        is_over = period.end < now.utc
        if known is not None and now.monotonic_s - known.since_s < (FINISHED_FRESH_S if is_over else FRESH_S):
            return known
        facts = await asyncio.to_thread(self.facts)
        wanted = Wanted(self.where, period, int(now.utc.timestamp()), facts)
        made = self._made[period] = _Made(now.monotonic_s, wanted, await self.process.report(wanted))
        while len(self._made) > MOST_KEPT:
            del self._made[next(iter(self._made))]
        return made

    async def printed(self, period: Period) -> Printed:
        """As the port says."""
        async with self._lock:
            made = await self._of(period)
            content = await self.process.printed(made.wanted)
        return Printed(file_name(made.report.site, period, "pdf"), "application/pdf", content)

    async def excluded(self, period: Period) -> Sequence[Excluded]:
        """As the port says."""
        return await self.store.reports.excluded(period)

    async def exclude(self, told: Excluded, who: str) -> Excluded:
        """As the port says."""
        kept = await self.store.reports.exclude(told._replace(who=who), self.clock.now().utc)
        self._made.clear()
        return kept

    async def withdraw(self, number: int, who: str) -> None:
        """As the port says."""
        await self.store.reports.withdraw(number, who, self.clock.now().utc)
        self._made.clear()

    def exports(self) -> Sequence[ExportView]:
        """As the port says."""
        return () if self.exporter is None else self.exporter.views()

    async def send_now(self, name: str, who: str) -> ExportRun:
        """As the port says."""
        if self.exporter is None:
            raise UnknownError("nothing goes out by itself here")
        return await self.exporter.send_now(name, who)


def file_name(what: str, period: Period, ending: str) -> str:
    """A plain name for a file about a period, on any system."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", what).strip("-").lower() or "site"
    return f"{plain[:60]}-{period.slug}.{ending}"


@dataclass(frozen=True, slots=True)
class ReportParts:
    """`routers` are offered by the web server; `look` sees every tick; `services` run, `jobs` are the calendar's.
    `savings` are what control saved; `carbon` tells what a kWh stands for, and may read files.
    """

    routers: Routers
    look: Output
    services: tuple[Service, ...]
    jobs: tuple[Job, ...]
    savings: Savings
    exporter: Exporter
    co2_series: Callable[[], str | None]
    carbon: Callable[[], Carbon]
    take_over: Callable[[ReportSettings], None]


def report_parts(
    settings: SiteSettings,
    store: Store,
    live: Live,
    clock: Clock,
    operations: SiteOperations,
    sources: Callable[[], Sources],
    mail: Callable[[], MailSettings | None],
) -> ReportParts:
    """Everything about reports of a daemon. `sources`: the tariff and where prices lie, `mail`: where mail goes out, as
    they are now.
    """
    assumed = [settings.reports]

    def facts() -> Facts:
        return facts_of(live.state.site, assumed[0], sources(), operations.pushed(), operations.daybook)

    def carbon() -> Carbon:
        return carbon_of(live.state.site, assumed[0], sources(), operations.pushed())[0]

    def take_over(told: ReportSettings) -> None:
        assumed[0] = told
        exporter.take_over(told.exports)

    reports = SiteReports(store, sources().database, clock, facts)
    savings = Savings(reports, lambda: live.state.site.zone, clock)
    files = ExportProcesses(sources().database)
    courier = SiteCourier(lambda: live.state.site.name, reports.report, file_name, files, mail, clock)
    exporter = Exporter(settings.reports.exports, lambda: live.state.site.zone, courier, store.reports, clock)
    reports.exporter = exporter
    forget = partial(_forget, lambda: assumed[0].names_days, store)
    jobs = (Job("exports", EVERY_MINUTE, exporter.look), Job("names", EVERY_NIGHT, forget))
    watch = Watchkeeper(store.reports, store.reports.last_quarter())
    return ReportParts(
        report_ways(live, clock, reports), watch.look, (reports.process, savings), jobs, savings,
        exporter, lambda: assumed[0].co2_series, carbon, take_over,
    )  # fmt: skip


async def _forget(names_days: Callable[[], int | None], store: Store, due: datetime) -> None:
    """Whoever charged longer ago than the site file says is forgotten."""
    days = names_days()
    if days is None:
        return
    try:
        await store.corrections.forget_names(due - timedelta(days=days), "site file", due)
    except NotStoredError as failed:
        log.warning("reports.names-not-forgotten cause=%r", str(failed))


def report_beside(settings: SiteSettings, state_dir: Path, clock: Clock, period: Period) -> Report:
    """A report beside the daemon, or without one, from its database. Raises NoReportError; blocks."""
    database = Database(database_of(state_dir))
    if database.path is not None and not database.path.exists():
        raise NoReportError(f"{database}: nothing has been recorded yet; a daemon makes it")
    past = read_past(database, settings.site, period, int(clock.now().utc.timestamp()))
    try:
        with database.reading().connect() as connection:
            book = read_daybook(connection)
    except WRITE_ERRORS as error:
        raise NoReportError(f"{database} cannot be read: {error}") from None
    sources = setup_of(settings, database_of(state_dir)).sources
    return report_of(past, facts_of(settings.site, settings.reports, sources, book.series, book))
