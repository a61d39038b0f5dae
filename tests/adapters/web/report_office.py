"""An office with reports: the real store and application; October 2026 is in the database."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx2

from ems.adapters.store.moment import from_ms
from ems.adapters.store.recovery import Recovered
from ems.adapters.web.reports.page import report_ways
from ems.adapters.web.route import Router
from ems.assembly.reports import SiteReports
from ems.domain.energy.carbon import Carbon
from ems.domain.energy.price import EnergyPrice, TimedPrice
from ems.domain.energy.tariff import Tariff
from ems.domain.instant import Instant
from ems.ports.delivery import NotDeliveredError
from ems.runtime.exporter import Exporter
from ems.statistics.export_plan import Content, ExportPlan, ToMail
from ems.statistics.period import Every, Period
from ems.statistics.record import QUARTER_S, Cause, ControlQuarter, Facts
from tests.adapters.store.seeded import Seeded, write
from tests.adapters.web.office import Office
from tests.adapters.web.test_injection import HOSTILE
from tests.statistics.month import NOW_S, OCTOBER, s

TARIFF = Tariff("flat", "EUR", "Europe/Berlin", (EnergyPrice("work", (TimedPrice(0.25),)),), vat_pct=20.0)
WHO = ("Ada", "Ben", "Cem", "Dana")


class Later:
    """A clock that stands in November."""

    def now(self) -> Instant:
        """The fifth, at one in the morning."""
        return Instant(1000.0, from_ms(1000 * NOW_S))


class Lame:
    """A courier that arrives the second time."""

    def __init__(self) -> None:
        self.brought = 0

    async def bring(self, plan: ExportPlan, period: Period) -> str:
        """Nothing is made."""
        self.brought += 1
        if self.brought == 1:
            raise NotDeliveredError("smtp.example.com:587: no route")
        return f"mailed {plan.content} {period}"


PLAN = ExportPlan("office", Content.REPORT, Every.MONTH, ToMail(("office@depot.example",)))


class ReportOffice(Office):
    """Pages are asked for by `page`."""

    def ways(self, _recovered: Recovered) -> tuple[Router, ...]:
        scene, later = self.scene, Later()
        facts = Facts(scene.site, TARIFF, Carbon(otherwise=380.0), {}, {f"p{k}": name for k, name in enumerate(WHO)})
        self.reports = SiteReports(self.store, str(self.store.database), later, lambda: facts)
        self.reports.exporter = Exporter((PLAN,), lambda: scene.site.zone, Lame(), self.store.reports, later)
        return tuple(report_ways(scene, later, self.reports))

    def close(self) -> None:
        """As an office, and nobody makes reports any more."""
        self.reports.process.close()
        super().close()

    def page(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        """A page or anything else that is read."""

        async def once() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
                return await client.get(path, headers=headers)

        return self._runner.run(once())

    def october(self) -> None:
        """Three sessions at each EVSE every fourth day, by people of two cost centres; a hostile one; an outage."""
        site = self.scene.site
        found = []
        for k in range(31):
            for j, evse in enumerate(site.evses):
                if (k + j) % 4 == 0:
                    begin = OCTOBER.begin + timedelta(days=k, hours=6 + j % 12, minutes=7 * j % 60)
                    who = j % len(WHO)
                    energy = 4_000 + 900 * ((k * j) % 17)
                    one = Seeded(evse.id, begin, 3.0 + j % 5, energy, 6, 900 * (j % 3), f"04A{who}", f"p{who}")
                    one.cost_centre, one.cost_minor = f"{4000 + who % 2}", 500 + 10 * j
                    found.append(one)
        hostile = Seeded(site.evses[0].id, OCTOBER.begin, tag=HOSTILE["I02 script"][:20], cost_centre="=1+1")
        store = self.store
        with store.database.connect() as connection, store.database.transaction(connection, durable=False):
            write(connection, [hostile, *found])
        began = from_ms(1000 * s("2026-10-10T00:00"))
        store.reports.outage(site.evses[0].id, began, began, began + timedelta(hours=10), Cause.OFFLINE)
        for at_s in range(OCTOBER.begin_s, OCTOBER.end_s, QUARTER_S):
            store.reports.quarter(ControlQuarter(at_s, QUARTER_S, 2 if at_s % 86_400 == 0 else 0, 1.5, "grid", 0, 240))
        with ThreadPoolExecutor(1) as beside:  # a browser test has a loop of its own here
            beside.submit(asyncio.run, store.flush()).result(30)
