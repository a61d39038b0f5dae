"""The overview: what flows, what it will cost, who waits, who is at risk, what is wrong. It is made once a second for
all who look; what comes from the database, more rarely.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Generic, TypeVar

from fastapi import Request, Response

from ems.adapters.web import texts
from ems.adapters.web.api import answer
from ems.adapters.web.needs import needs
from ems.adapters.web.once import Each
from ems.adapters.web.overview.flow import HEIGHT, WIDTH, Spark, bars, spark
from ems.adapters.web.overview.risk import at_risk
from ems.adapters.web.page import counts, environment, render
from ems.adapters.web.picture import alarms, circuits, head
from ems.adapters.web.plan.words import absence
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import HTML, Sheet
from ems.adapters.web.texts import NOTHING, Calendar, kilowatthours, kilowatts
from ems.adapters.web.values import time_of
from ems.adapters.web.words import GROUPS, MODES
from ems.control.aims import plan_in_force
from ems.domain.access.account import Role
from ems.domain.demand import Demand
from ems.domain.plan import Plan
from ems.domain.record.past import Energies
from ems.domain.strategy import WAYS
from ems.ports.controller import NotStoredError
from ems.ports.past import Past
from ems.ports.reports import Saved

DEMAND_S, TODAY_S = 5.0, 60.0
MOST_ALARMS, MOST_AT_RISK = 5, 8

T = TypeVar("T")


class Kept(Generic[T]):
    """What the database says, asked again when it is older than `for_s`; None when it cannot be read."""

    def __init__(self, ask: Callable[[], Awaitable[T]], for_s: float, sheet: Sheet) -> None:
        self._ask, self._for_s, self._sheet = ask, for_s, sheet
        self._at = float("-inf")
        self._told: T | None = None

    async def latest(self) -> T | None:
        """For one who asks at a time."""
        now = self._sheet.clock.now().monotonic_s
        if now - self._at >= self._for_s:
            try:
                self._told = await self._ask()
            except NotStoredError:
                self._told = None
            self._at = now
        return self._told


def overview_pages(sheet: Sheet, past: Past, saved: Callable[[], Saved | None]) -> Router:
    """The page at `/overview`."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])
    demand, today = Kept(past.demand, DEMAND_S, sheet), Kept(past.today, TODAY_S, sheet)
    template = environment().get_template("overview.html")
    drawn: list[tuple[Plan, int, Spark | None]] = []

    def ahead() -> Spark | None:
        """The line of a plan, drawn anew each minute."""
        view = sheet.view()
        plan, minute = plan_in_force(view.state, view.now), int(view.now.monotonic_s // 60)
        if plan is None:
            return None
        if not drawn or drawn[0][0] is not plan or drawn[0][1] != minute:
            drawn[:] = [(plan, minute, spark(view, plan))]
        return drawn[0][2]

    async def made() -> bytes:
        values = _values(sheet, await demand.latest(), await today.latest(), ahead(), saved())
        return await render(template, **sheet.frame(Role.VIEWER), **values)

    page = Each(made, sheet.clock)

    @router.get("/overview")
    @router.head("/overview")
    async def overview(request: Request) -> Response:
        return answer(request, await page.latest(), HTML)

    return router


def _values(
    sheet: Sheet, demand: Demand | None, today: Energies | None, ahead: Spark | None, saved: Saved | None
) -> dict[str, Any]:
    view, calendar = sheet.view(), sheet.calendar()
    top, root = head(view), next(circuits(view))
    raised = [texts.of_alarm(row, calendar) for row in alarms(view)]
    connected = sum(station.connected for station in view.state.stations)
    late = at_risk(view, calendar)
    return {
        "mode": MODES[top["mode"]],
        "told": texts.of_site(top, root, calendar),
        "bars": bars(top["power_w"], root, view.state.site.voltage_v),
        "tiles": [*_tiles(demand, today, calendar), *_saved(saved)],
        "groups": [(key, word, counts(view)[key]) for key, word in GROUPS.items()],
        "stations": (connected, len(view.state.stations)),
        "late": late[:MOST_AT_RISK],
        "late_total": len(late),
        "alarms": raised[:MOST_ALARMS],
        "alarms_total": top["alarms_total"],
        "spark": ahead,
        "spark_words": _ahead(ahead, calendar),
        "absence": absence(view.state, view.now),
        "strategy": WAYS[view.state.strategy].word,
        "width": WIDTH,
        "height": HEIGHT,
    }


def _tiles(demand: Demand | None, today: Energies | None, calendar: Calendar) -> Iterator[dict[str, str]]:
    if demand is not None:
        until = calendar.moment(time_of(demand.ends))
        peak = demand.peak_w
        is_new = peak is not None and demand.expected_w is not None and demand.expected_w > peak
        yield {
            "what": f"Demand until {until}",
            "value": kilowatts(demand.expected_w),
            "more": f"{kilowatts(demand.mean_w)} so far{'; a new peak' if is_new else ''}",
            "tone": "wait" if is_new else "",
        }
        yield {
            "what": "Highest demand billed so far",
            "value": kilowatts(peak),
            "more": "no window has ended yet"
            if demand.peak_at is None
            else f"from {calendar.date(time_of(demand.peak_at))}",
            "tone": "",
        }
    yield from _today(today, calendar)


def _today(today: Energies | None, calendar: Calendar) -> Iterator[dict[str, str]]:
    if today is None:
        return
    until = "known after the first quarter hour"
    if today.until is not None:
        until = f"until {calendar.moment(time_of(today.until))}"
    vehicles_wh = 0.0 if today.vehicles_wh is None and today.until is not None else today.vehicles_wh
    for what, energy_wh in (
        ("Vehicles today", vehicles_wh),
        ("Grid today", today.grid_wh),
        ("PV today", None if today.pv_wh is None else abs(today.pv_wh)),
    ):
        if energy_wh is not None or what == "Vehicles today":
            yield {"what": what, "value": kilowatthours(energy_wh), "more": until, "tone": ""}


def _saved(saved: Saved | None) -> Iterator[dict[str, str]]:
    if saved is None:
        return
    what = "Saved this month by control" if saved.amount >= 0 else "Control cost more this month"
    until = f"{saved.last.day} {saved.last:%b}"
    yield {
        "what": what,
        "value": f"{abs(saved.amount):,} {saved.currency}".replace(",", "\u202f"),
        "more": f"until {until}, against charging at once",
        "tone": "" if saved.amount >= 0 else "wait",
    }


def _ahead(ahead: Spark | None, calendar: Calendar) -> str:
    if ahead is None:
        return NOTHING
    return f"Highest planned power {kilowatts(ahead.peak_w)} from {calendar.moment(ahead.peak_at)}."
