"""The screen in the car park: free bays, who waits, how much of the connection is used. It is open to everybody where a
site shows it at all, so it names nobody, and nothing on it can be pressed.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from ems.adapters.web.api import answer
from ems.adapters.web.needs import needs
from ems.adapters.web.once import Once
from ems.adapters.web.overview.flow import bars
from ems.adapters.web.page import environment, render
from ems.adapters.web.picture import circuits, evses, head
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import HTML, Sheet
from ems.adapters.web.texts import kilowatts
from ems.adapters.web.values import plain, time_of
from ems.adapters.web.words import CONDITIONS
from ems.ports.controller import Operations

FEW, MANY = 24, 80
WORDS = {"charging": "charging", "waiting": "waits", "idle": "occupied", "free": "free", "problem": "out of use"}
"""How a group of conditions is called on the screen."""


def kiosk_pages(sheet: Sheet, operations: Operations) -> Router:
    """The screen at `/kiosk`."""
    router = Router(include_in_schema=False, dependencies=[needs(None)])
    template = environment().get_template("kiosk.html")

    async def made() -> bytes:
        return await render(template, **_values(sheet, operations))

    page = Once(made, sheet.clock)

    @router.get("/kiosk")
    @router.head("/kiosk")
    async def kiosk(request: Request) -> Response:
        return answer(request, await page.latest(), HTML)

    return router


def _values(sheet: Sheet, operations: Operations) -> dict[str, Any]:
    view, calendar = sheet.view(), sheet.calendar()
    top, root = head(view), next(circuits(view))
    rows = list(evses(view))
    now = view.now.utc
    held = {
        one.evse: "reserved"
        for one in operations.daybook.access.reservations.values()
        if one.starts <= now < one.ends and one.evse is not None
    }
    single = {station.id for station in view.state.site.stations if len(station.evses) == 1}
    bays = []
    for row in rows:
        group = CONDITIONS[row["condition"]].group
        reserved = group == "free" and (row["id"] in held or row["condition"] == "reserved")
        bays.append(
            {
                "name": plain(row["station"] if row["station"] in single else row["id"]),
                "group": "waiting" if reserved else group,
                "word": "reserved" if reserved else WORDS[group],
                "icon": CONDITIONS["reserved" if reserved else row["condition"]].icon,
                "soc": "" if row["soc_percent"] is None else f"{row['soc_percent']:.0f} %",
                "power": "" if group != "charging" else kilowatts(row["power_w"]),
            }
        )
    return {
        "site": plain(top["site"]["name"]),
        "now": calendar.moment(time_of(now)),
        "free": sum(bay["group"] == "free" for bay in bays),
        "bays": bays,
        "size": "large" if len(bays) <= FEW else "medium" if len(bays) <= MANY else "small",
        "waiting": len(operations.daybook.access.waiting),
        "load": bars(top["power_w"], root, view.state.site.voltage_v),
        "through": "Into the grid" if (top["power_w"]["grid"] or 0.0) < 0.0 else "From the grid",
        "grid": kilowatts(None if top["power_w"]["grid"] is None else abs(top["power_w"]["grid"])),
        "vehicles": kilowatts(top["power_w"]["ev"]),
    }
