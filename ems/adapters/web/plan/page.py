"""The page of the plan as the server renders it. The browser adds charts; every other word is from here, and a new plan
is shown by taking over parts of a new page.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Set
from itertools import groupby, islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.adapters.web import assets as files
from ems.adapters.web import texts
from ems.adapters.web.navigation import Tab, offered
from ems.adapters.web.once import Printed, printed
from ems.adapters.web.page import environment, render
from ems.adapters.web.plan.picture import MISSED_WH
from ems.adapters.web.plan.press import PlanPress, PlanSheet
from ems.adapters.web.plan.shape import ChargeRow, DeficitRow, LeftOutRow, PlanPicture
from ems.adapters.web.plan.words import between, whole_kwh
from ems.adapters.web.regret.words import in_words, parts
from ems.adapters.web.texts import Calendar
from ems.domain.strategy import PLANNED, WAYS, Strategy
from ems.planning.day_verdict import DayVerdict
from ems.ports.energy import Hindsight

ROWS = 600
LEAST_SPANS, MOST_SPANS = 3, 12
"""Rows of the table in all, and for one vehicle."""


class Span(NamedTuple):
    """Steps in a row with the same current for the same reason, in words."""

    when: str
    amps: str
    power: str
    why: str


class PlanPages:
    """Renders the page, once for every sheet of the press. `reach` says in words who can see it; `may_choose`: a
    strategy can be chosen there, and `may_suppose`: what-ifs are answered. `hindsight` tells of the last finished day.
    """

    def __init__(
        self, press: PlanPress, reach: str, may_choose: bool, may_suppose: bool, hindsight: Hindsight | None = None
    ) -> None:
        self._press, self._hindsight = press, hindsight
        self._template = environment().get_template("plan.html")
        self._fixed = {
            "charts": "uplot.js" in files.load(),
            "strategies": [(key.value, called) for key, called in WAYS.items()],
            "reach": reach,
            "may_choose": may_choose,
            "may_suppose": may_suppose,
        }
        self._lock = asyncio.Lock()
        self._made: dict[tuple[tuple[Tab, ...], bool], tuple[PlanSheet, DayVerdict | None, Printed]] = {}

    async def latest(self, zone: ZoneInfo, software: str, *, operates: bool) -> Printed:
        """The page of the plan as it is told now, with times of `zone`, for whoever may steer, or only look."""
        async with self._lock:
            sheet = await self._press.latest()
            days = () if self._hindsight is None else self._hindsight.days
            last = days[0] if days else None
            seen_by = offered(), operates
            made = self._made.get(seen_by)
            if made is None or made[0] is not sheet or made[1] is not last:
                values = {**_values(sheet.picture, zone), **self._fixed, "software": software}
                values |= {name: operates and self._fixed[name] for name in ("may_choose", "may_suppose")}
                values |= {"past": _past(last, sheet.picture["site"]["currency"])}
                made = sheet, last, await printed(await render(self._template, **values))
                self._made[seen_by] = made
            return made[2]


def _values(told: PlanPicture, zone: ZoneInfo) -> dict[str, object]:
    calendar = Calendar(zone, told["at"])
    return {
        "told": told,
        "clock": calendar.clock(told["at"]),
        "strategy": WAYS[Strategy(told["strategy"])],
        "tone": _tone(told),
        "made": "" if told["made"] is None else calendar.moment(told["made"]),
        "age": texts.duration(told["age_s"]),
        "assumptions": _assumptions(told),
        "tiles": tuple(_tiles(told, calendar)),
        "missed": _missed({row["session"] for row in told["deficits"]}),
        "short": [{"row": row, "share": _share(row)} for row in told["deficits"]],
        "left_out": [f"{_name(row)}, {whole_kwh(row['missing_wh'])} kWh missing" for row in told["left_out"]],
        "ready": [_ready(row, calendar) for row in _punctual(told)],
        "charges": (_lines(told, row, calendar) for row in told["charges"]),
    }


def _past(last: DayVerdict | None, currency: str) -> dict[str, object] | None:
    """The last finished day; None while nothing is said of any."""
    if last is None:
        return None
    why = () if last.regret is None else tuple(parts(last.regret, currency))
    return {"text": in_words(last, currency), "parts": why, "assumed": last.assumed}


def _tone(told: PlanPicture) -> str:
    """How serious the banner looks: no plan is no fault where none is needed, and one that cannot be renewed is not all
    there is to know.
    """
    if told["in_force"]:
        doubtful = told["trouble"] or told["observes"] or told["deficits"] or told["left_out"]
        return "hold" if doubtful else "normal"
    return "hold" if told["strategy"] in PLANNED else "calm"


def _missed(sessions: Set[str]) -> str:
    """That the strategy does not get what it aims for; empty where it does."""
    return f"{len(sessions)} vehicle{'' if len(sessions) == 1 else 's'} will miss something" if sessions else ""


def _name(row: ChargeRow | DeficitRow | LeftOutRow) -> str:
    return row["vehicle"] or row["evse"]


def _share(row: DeficitRow) -> str:
    share = 1.0 - row["short_wh"] / row["need_wh"] if row["need_wh"] > 0.0 else 0.0
    return f"{100.0 * min(1.0, max(0.0, share)):.0f}%"


def _punctual(told: PlanPicture) -> Iterator[ChargeRow]:
    """Vehicles that will have what they need, in the order in which they leave."""
    short = {row["session"] for row in told["deficits"]}
    there = (row for row in told["charges"] if not row["expected"] and row["session"] not in short)
    return iter(sorted(there, key=lambda row: (row["departure"] is None, row["departure"] or "", row["evse"])))


def _ready(row: ChargeRow, calendar: Calendar) -> dict[str, str]:
    full = "" if row["ends"] is None else f"ready at {calendar.moment(row['ends'])}"
    return {"name": _name(row), "want": _want(row, calendar), "full": full}


def _want(row: ChargeRow, calendar: Calendar) -> str:
    by = "" if row["departure"] is None else f" by {calendar.moment(row['departure'])}"
    promise = f"; promised {row['promise']}" if row["promise"] else ""
    return f"{whole_kwh(row['need_wh'])} kWh{by}{promise}"


def _tiles(told: PlanPicture, calendar: Calendar) -> Iterator[dict[str, str]]:
    """The plan in a few numbers."""
    present = [row for row in told["charges"] if not row["expected"]]
    # A vehicle may miss what is promised for a moment, and what it wants by its departure.
    short: dict[str, float] = {}
    for row in told["deficits"]:
        short[row["session"]] = max(row["short_wh"], short.get(row["session"], 0.0))
    missing, left_out = sum(short.values()), len(told["left_out"])
    about = (
        f"{whole_kwh(missing)} kWh short" * (missing >= MISSED_WH),
        f"nothing planned for {left_out}" * bool(left_out),
    )
    yield {
        "what": "Vehicles ready in time",
        "value": f"{len(present) - len(short)} of {len(present) + left_out}",
        "more": ", ".join(filter(None, about)),
    }
    expected = sum(row["planned_wh"] for row in told["charges"] if row["expected"])
    yield {
        "what": "Energy planned",
        "value": f"{whole_kwh(sum(row['planned_wh'] for row in present))} kWh",
        "more": f"and {whole_kwh(expected)} kWh for vehicles expected" if expected >= MISSED_WH else "",
    }
    now = _step_now(told)
    flows = [(watts, k) for k, watts in enumerate(told["grid_w"]) if watts is not None and k >= now]
    if flows:
        watts, k = max(flows, key=lambda flow: flow[0])
        limit = told["limit_w"][k] if told["limit_w"] else None
        of = "" if limit is None else f", limit {texts.kilowatts(limit)}"
        when = f"from {calendar.moment(told['edges'][k])}"
        yield {"what": "Highest grid power", "value": texts.kilowatts(watts), "more": f"{when}{of}"}
    if told["price_per_kwh"]:
        least = min(told["price_per_kwh"][now:])
        k = told["price_per_kwh"].index(least, now)
        yield {
            "what": f"Lowest price, {told['site']['currency']}/kWh",
            "value": f"{least:.3f}".replace("-", "−"),
            "more": f"from {calendar.moment(told['edges'][k])}, now {told['price_per_kwh'][now]:.3f}".replace("-", "−"),
        }


def _assumptions(told: PlanPicture) -> list[str]:
    """What is assumed of several vehicles is said once, and by the names that people know."""
    names = {row["evse"]: _name(row) for row in told["charges"]}
    found: dict[str, list[str]] = {}
    for text in told["assumptions"]:
        evse, _, rest = text.partition(": ")
        about, said = (names[evse], rest) if rest and evse in names else ("", text)
        found.setdefault(said, []).append(about)
    return [f"{', '.join(about)}: {said}" if any(about) else said for said, about in found.items()]


def _step_now(told: PlanPicture) -> int:
    """The step in which we are; the first or the last one where we are outside of the plan."""
    return min(max(0, bisect_right(told["edges"], told["at"]) - 1), max(0, len(told["edges"]) - 2))


def _lines(told: PlanPicture, row: ChargeRow, calendar: Calendar) -> dict[str, object]:
    spans = tuple(_spans(told, row, calendar))
    return {"row": row, "name": _name(row), "want": _want(row, calendar), "spans": spans}


def _spans(told: PlanPicture, row: ChargeRow, calendar: Calendar) -> Iterator[Span]:
    """The next steps of a vehicle, as long as it is there; as many as the table has room for."""
    room = min(MOST_SPANS, max(LEAST_SPANS, ROWS // max(1, len(told["charges"]))))
    edges, leaves = told["edges"], row["departure"]
    for (amps, why), some in islice(groupby(_steps(told, row), key=lambda step: (step[1], step[2])), room):
        inside = [step[0] for step in some]
        end = edges[inside[-1] + 1]
        when = between(edges[inside[0]], end if leaves is None else min(end, leaves), calendar)
        if amps:
            yield Span(when, texts.whole_amps(amps), texts.kilowatts(amps * row["watts_per_a"]), why)
        else:
            yield Span(when, "pauses", texts.NOTHING, why)


def _steps(told: PlanPicture, row: ChargeRow) -> Iterator[tuple[int, float, str]]:
    """(step, current, reason) from now up to the departure."""
    reasons = {why["since"]: why["text"] for why in row["why"]}
    text, departure, now = "", row["departure"], _step_now(told)
    for k, amps in enumerate(row["amps"]):
        text = reasons.get(k, text)
        if departure is not None and told["edges"][k] >= departure:
            return
        if k >= now:
            yield k, round(amps or 0.0, 1), text
