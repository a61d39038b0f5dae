"""The live page as the server renders it: complete without script, row by row, giving way to control in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cache
from itertools import zip_longest
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from ems.adapters.web import assets as files
from ems.adapters.web import texts
from ems.adapters.web.devices import batteries, meters, stations
from ems.adapters.web.navigation import offered
from ems.adapters.web.picture import alarms, circuits, evse_row, head, knocking
from ems.adapters.web.shape import CircuitRow
from ems.adapters.web.texts import Calendar
from ems.adapters.web.view import View
from ems.adapters.web.words import CONDITIONS, GROUPS, MODES, condition_of, status_in_words
from ems.domain.access.account import LoginRule

SLICE_PIECES = 100
PHASE_NAMES = ("L1", "L2", "L3")

Step = dict[str, Any]


class Pages:
    """Renders HTML. `reach` says in words who can see it."""

    def __init__(self, reach: str) -> None:
        templates = environment()
        self._page, self._docs = (templates.get_template(name) for name in ("page.html", "docs.html"))
        self._charts = "uplot.js" in files.load()
        self._viewer = "swagger-ui.js" in files.load()
        self.reach = reach

    async def live(self, view: View) -> bytes:
        """The page with the first picture."""
        return await render(self._page, **self._live(view))

    async def docs(self, name: str, paths: list[tuple[str, str]]) -> bytes:
        """The description of the interface."""
        listed = [{"path": path, "words": words} for path, words in paths]
        return await render(self._docs, name=name, paths=listed, viewer=self._viewer)

    def _live(self, view: View) -> dict[str, Any]:
        top = head(view)
        calendar = Calendar(view.state.site.zone, top["at"])
        rows = list(circuits(view))
        raised = [texts.of_alarm(row, calendar) for row in alarms(view)]
        return {
            "head": top,
            "site": texts.of_site(top, rows[0], calendar),
            "mode": MODES[top["mode"]],
            "has": {"pv": top["power_w"]["pv"] is not None, "battery": top["power_w"]["battery"] is not None},
            "charts": self._charts,
            "groups": GROUPS,
            "counts": counts(view),
            "phases": PHASE_NAMES,
            "circuit_rows": rows,
            "steps": _steps(view, rows, calendar),
            "alarms": raised,
            "worst": next((tone for tone in ("alarm", "hold") if any(a["tone"] == tone for a in raised)), "normal"),
            "knocks": [texts.of_knock(row, calendar) for row in knocking(view)],
            "batteries": [{"row": row, "texts": texts.of_battery(row)} for row in batteries(view)],
            "meters": [{"row": row, "texts": texts.of_meter(row)} for row in meters(view)],
            "stations": view.state.stations,
            "station_texts": ({"row": row, "texts": texts.of_station(row, calendar)} for row in stations(view)),
            "blank": dict.fromkeys(
                ("text", "remedy", "since", "tone", "station", "address", "reason", "count", "at"), ""
            ),
            "reach": self.reach,
        }


REACH = {
    LoginRule.REQUIRED: "Everybody logs in to see this page.",
    LoginRule.TO_CHANGE: "At this machine this page can be seen without a login; to change something, log in.",
    LoginRule.LOOPBACK_FREE: "At this machine no login is needed for the day's work; everybody else logs in.",
}


def reach(rule: LoginRule, has_login: bool) -> str:
    """Who can see and do what, in words."""
    first = REACH[rule] if has_login else "There is no login here, so only this machine is served."
    return f"{first} Nobody can raise a rating here."


@cache
def environment() -> Environment:
    """The templates, compiled once in the life of the program."""
    templates = Environment(
        loader=PackageLoader("ems.adapters.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["url"], templates.globals["tabs"] = files.load().url, offered
    templates.filters["in_words"] = status_in_words
    pieces = templates.get_template("pieces.html").module
    for name in ("icon", "alarm_item", "knock_item"):
        templates.globals[name] = getattr(pieces, name)
    return templates


async def render(template: Template, **values: Any) -> bytes:
    """The text of a template, piece by piece."""
    whole = []
    for k, piece in enumerate(template.generate(**values)):
        whole.append(piece)
        if k % SLICE_PIECES == 0:
            await asyncio.sleep(0)
    return "".join(whole).encode("utf-8", "replace")


def counts(view: View) -> dict[str, int]:
    """How many EVSEs are in each group."""
    counts = dict.fromkeys(GROUPS, 0)
    state = view.state
    setpoints = () if view.decision is None or state.site.policy.observes else view.decision.setpoints
    for known, owner, setpoint in zip_longest(state.evses, state.site.station_of_evse, setpoints):
        counts[CONDITIONS[condition_of(known, state.stations[owner].connected, setpoint)].group] += 1
    return counts


def _steps(view: View, rows: list[CircuitRow], calendar: Calendar) -> Iterator[Step]:
    """The tree of circuits with their EVSEs, written out as steps: a circuit opens, its EVSEs, its children, it closes.
    A flat loop over them can give way at any step, which a recursive template cannot.
    """
    tree, voltage_v = view.state.site.circuits, view.state.site.voltage_v
    below: dict[int, list[int]] = {}
    for index, parent in enumerate(tree.parents):
        below.setdefault(parent, []).append(index)
    here: dict[str, list[int]] = {}
    for index, evse in enumerate(view.state.site.evses):
        here.setdefault(evse.circuit, []).append(index)
    stack: list[tuple[int, int]] = [(0, 0)]
    while stack:
        index, depth = stack.pop()
        if index < 0:
            yield {"kind": "close"}
            continue
        row = rows[index]
        shown = {
            "row": row,
            "texts": texts.of_circuit(row, voltage_v),
            "phases": [texts.of_phase(row, p) for p in range(3)],
        }
        yield {"kind": "circuit", "circuit": shown, "index": index, "depth": depth}
        if row["id"] in here:
            yield {"kind": "table", "of": row["id"]}
            for k in here[row["id"]]:
                seen = evse_row(view, k)
                yield {"kind": "evse", "evse": {"row": seen, "texts": texts.of_evse(seen, calendar)}, "index": k}
            yield {"kind": "table end"}
        stack.append((-1, depth))
        stack += [(child, depth + 1) for child in reversed(below.get(index, []))]
