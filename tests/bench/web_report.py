"""The report of a month out of a year of 54 EVSEs: read, added up, and set as a PDF."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Protocol

from ems.adapters.store.store import Store
from ems.adapters.web.reports.page import report_ways
from ems.adapters.web.route import Router
from ems.assembly.reports import SiteReports
from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.energy.carbon import Carbon
from ems.domain.energy.price import EnergyPrice, TimedPrice
from ems.domain.energy.tariff import Tariff
from ems.domain.phases import Wiring
from ems.domain.site import Site
from ems.domain.station import Evse, Station
from ems.ports.controller import Clock, Live
from ems.statistics.record import Facts
from tests.bench import year
from tests.bench.figure import Figure, Measured, Rule

REPORT_S = 1.0
ZONE = "Europe/Berlin"
MONTHS = ("2025-11", "2026-01", "2026-03", "2026-05", "2026-07", "2026-10")
"""Each is asked for once: a report is kept for those who ask again."""

THREE_PHASES = Wiring.parse("L1 L2 L3")
TARIFF = Tariff("flat", "EUR", ZONE, (EnergyPrice("work", (TimedPrice(0.25),)),), vat_pct=19.0)


class Scene(Live, Clock, Protocol):
    """What a scene of the tests is."""


class Timed(Protocol):
    """What an answer took."""

    @property
    def took(self) -> Sequence[float]:
        """Seconds of processor time."""
        ...

    @property
    def by_clock(self) -> Sequence[float]:
        """Seconds by the clock."""
        ...

    @property
    def held_s(self) -> float:
        """How long the event loop was held at most."""
        ...


class Asked(Protocol):
    """An office that can be asked."""

    def timed(self, path: str, turns: int) -> Timed:
        """Ask for a path several times."""
        ...


def report_routes(store: Store, scene: Scene) -> tuple[Router, ...]:
    """Reports of the site whose year it is."""
    names = [f"CP-{k:02d}" for k in range(1, year.EVSES + 1)]
    site = Site(
        name="Depot",
        timezone=ZONE,
        circuits=CircuitTree((Circuit("grid", None, (2000.0, 2000.0, 2000.0)),)),
        stations=tuple(Station(name, (Evse(name, 1, "grid", THREE_PHASES, 32.0, 6.0),)) for name in names),
    )
    facts = Facts(site, TARIFF, Carbon(otherwise=380.0))
    return report_ways(scene, scene, SiteReports(store, store.database.path or "", scene, lambda: facts))


def report_figure(yard: Asked, turns: int) -> Figure:
    """Of several months, each once."""
    told = [yard.timed(f"/api/v1/report.pdf?month={month}", 1) for month in MONTHS[:turns]]
    held_ms = 1000 * max(one.held_s for one in told)
    return Figure(
        "report of a month out of the year, as PDF",
        "s",
        Measured.of([seconds for one in told for seconds in one.took]),
        Rule.AT_MOST,
        REPORT_S,
        notes=(
            f"by the clock {median(seconds for one in told for seconds in one.by_clock):.1f} s;"
            f" the event loop was held for {held_ms:.1f} ms at most",
        ),
    )
