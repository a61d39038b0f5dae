"""The page of vehicles: what they need, when they leave, what they are promised. What is changed here goes through the
interface, which says no with words; two people who change the same are told (If-Match).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import Request, Response

from ems.adapters.web.described import etag_of
from ems.adapters.web.needs import needs
from ems.adapters.web.operations.rows import class_rows, next_rows, vehicle_row
from ems.adapters.web.operations.shape import GoalRow, NextRow, VehicleRow
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import Sheet
from ems.adapters.web.texts import Calendar, kilowatthours
from ems.adapters.web.values import plain
from ems.domain.access.account import Role
from ems.domain.access.tag import as_reported
from ems.domain.departure import Departure, Goal, on_day
from ems.domain.fleet import Fleet
from ems.domain.session import Session
from ems.domain.shared_bay import shared_bays
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.ports.controller import Operations

SHOWN = 300
DAYS = 7
SHARED_SHOWN = 20


def vehicle_pages(sheet: Sheet, operations: Operations) -> Router:
    """The page at `/vehicles`."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])

    @router.get("/vehicles")
    @router.head("/vehicles")
    async def vehicles(request: Request) -> Response:
        fleet, state, now = operations.daybook.fleet, sheet.live.state, sheet.clock.now().utc
        values = await asyncio.to_thread(_values, fleet, state, now, sheet.calendar())
        return await sheet.page(request, "vehicles.html", **values)

    return router


def _values(fleet: Fleet, state: SiteState, now: datetime, calendar: Calendar) -> dict[str, Any]:
    site, names = state.site, sorted(fleet.vehicles)
    sessions = [known.session for known in state.evses if known.session is not None]
    here = {session.vehicle.id: session for session in sessions if session.vehicle is not None}
    leaving = {row["vehicle"]: row for row in next_rows(fleet, now, site)}
    rows = [vehicle_row(fleet, name) for name in names[:SHOWN]]
    today = now.astimezone(site.zone).date()
    days = [today + timedelta(k) for k in range(DAYS)]
    return {
        "rows": [_row(row, leaving.get(row["id"]), here.get(row["id"]), calendar) for row in rows],
        "more": max(0, len(names) - SHOWN),
        "days": [{"name": f"{day:%a}", "date": f"{day:%d %b}", "holiday": site.holidays.holds(day)} for day in days],
        "today": today.isoformat(),
        "weeks": [
            {
                "name": plain(row["name"] or row["id"]),
                "days": [list(_leaves(fleet, row["id"], day, site)) for day in days],
            }
            for row in rows
        ],
        "shared": list(_shared(fleet, days, site)),
        "classes": list(class_rows(fleet, site)),
        "evses": [evse.id for evse in site.evses],
    }


def _shared(fleet: Fleet, days: Sequence[date], site: Site) -> Iterator[str]:
    """What cannot be, in words: nobody is refused for it, as one may make room for the other."""
    single = (one for many in fleet.departures.values() for one in many)
    found = shared_bays(fleet, single, days, site)
    for evse, *both in found[:SHARED_SHOWN]:
        names = [fleet.vehicles[one.vehicle].label for one in both]
        first, second = (one.at.astimezone(site.zone) for one in both)
        times = f"{names[0]} at {first:%H:%M} and {names[1]} at {second:%H:%M}"
        yield plain(f"{first:%a %d %b}: {times} leave from one EVSE, {evse}")
    if len(found) > SHARED_SHOWN:
        yield f"and {len(found) - SHARED_SHOWN} more such pairs"


def _leaves(fleet: Fleet, vehicle: str, day: date, site: Site) -> Iterator[dict[str, str]]:
    """When a vehicle leaves on a date: what is said of that date counts in place of its week."""
    single: list[Departure] = [
        one for one in fleet.departures.get(vehicle, ()) if one.at.astimezone(site.zone).date() == day
    ]
    for one in single:
        yield {"at": f"{one.at.astimezone(site.zone):%H:%M}", "goal": _goal(one.goal), "kind": "once"}
    if not single:
        for at, goal in on_day(fleet.weekly.get(vehicle, ()), day, site.holidays):
            yield {"at": f"{at:%H:%M}", "goal": _goal(goal), "kind": "weekly"}


def _goal(goal: Goal) -> str:
    if goal.soc_percent is not None:
        return f"{goal.soc_percent:.0f} %"
    return "" if goal.energy_wh is None else f"{goal.energy_wh / 1000:g} kWh"


def _row(row: VehicleRow, leaves: NextRow | None, session: Session | None, calendar: Calendar) -> dict[str, Any]:
    there = ""
    if session is not None:
        need = session.need.energy_wh
        of = "" if need is None else f" of {kilowatthours(need)}"
        there = f"has {kilowatthours(session.delivered_wh)}{of}"
    return {
        "row": row,
        "name": plain(row["name"] or row["id"]),
        "etag": etag_of(row),
        "about": plain("; ".join(_about(row)) or "nothing is known of it but its name"),
        "soc": "" if row["soc_percent"] is None else f"{row['soc_percent']:.0f} %",
        "leaves": "" if leaves is None else f"leaves {calendar.moment(leaves['at'])}{_with(leaves)}",
        "evse": None if session is None else session.evse,
        "there": there,
        "words": f"{row['id']} {row['name']} {' '.join(row['id_tags'])} {row['evse'] or ''}".casefold(),
    }


def _with(row: GoalRow) -> str:
    if row["target_soc_percent"] is not None:
        return f" with {row['target_soc_percent']:.0f} %"
    return "" if row["energy_kwh"] is None else f" with {row['energy_kwh']:g} kWh"


def _tag(text: str) -> str:
    reported = as_reported(text)
    return f"{text} (most stations report {reported}, another tag to them)" if reported else text


def _about(row: VehicleRow) -> Iterator[str]:
    if row["battery_kwh"]:
        yield f"{row['battery_kwh']:g} kWh battery"
    if row["max_a"]:
        yield f"up to {row['max_a']:g} A" + (f" on {row['legs']} phases" if row["legs"] else "")
    if row["max_kw"]:
        yield f"up to {row['max_kw']:g} kW DC"
    if row["id_tags"]:
        yield f"tags {', '.join(map(_tag, row['id_tags']))}"
    if row["evse"]:
        yield f"always at {row['evse']}"
    if row["service_class"] is not None:
        yield f"class {row['service_class']}"
    promise = row["guarantee"]
    if promise is not None and promise["energy_kwh"]:
        yield f"promised {promise['energy_kwh']:g} kWh" + (f" by {promise['by']}" if promise["by"] else "")
    if promise is not None and promise["minimum_always"]:
        yield "never below its minimum current"
