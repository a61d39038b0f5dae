"""The installer's wizard as the server renders it: step by step, each of them a form of the site file beside what
`ems check` says of it.

The browser sends what is filled in and takes over parts of a new page; without scripts all of it can be read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from ems.adapters.web.api import FRESH
from ems.adapters.web.deed import carried_out
from ems.adapters.web.needs import needs
from ems.adapters.web.page import environment, render
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import plain, time_of
from ems.adapters.web.wizard.api import Desks, wizard_api
from ems.adapters.web.wizard.evidence import checklist, meter_rows, station_rows
from ems.adapters.web.wizard.forms import Form, within
from ems.adapters.web.wizard.record_api import Number, record_api
from ems.adapters.web.wizard.rows import acceptance_row, proof_row
from ems.adapters.web.wizard.settings import TOPICS, Topic, topic_forms, topic_rows
from ems.adapters.web.wizard.tariff import tariff_forms
from ems.domain.access.account import Role
from ems.domain.remote.commissioning import PROVES
from ems.domain.station import STATION_ID_RULE, is_station_id
from ems.ports.controller import Clock, Live
from ems.ports.site import CircuitSum, DraftView, FileFinding

_HTML = "text/html; charset=utf-8"
OWN = ("circuits", "meters", "batteries", "stations", "limits", "classes")
"""Sections that are many entries."""


class Stage(NamedTuple):
    """A step of the wizard: its word in the address, its title, and the sections of the file that it is about."""

    word: str
    title: str
    sections: tuple[str, ...]


STAGES = (
    Stage("site", "Site", ("site",)),
    Stage("circuits", "Circuits", ("circuits",)),
    Stage("meters", "Meters", ("meters",)),
    Stage("batteries", "Batteries", ("batteries",)),
    Stage("stations", "Stations", ("stations",)),
    Stage("limits", "Strategy and limits", ("limits", "classes", "policy", "calendar", "access", "ocpp", "web")),
    Stage("prices", "Prices and payment", ("tariff", "payment")),
    Stage("proofs", "Tests", ()),
    Stage("acceptance", "Acceptance", ()),
)
SINGLE = ("policy", "calendar", "access", "ocpp", "web", "payment")
"""Sections that are one form; all but those of `ALONE` stand below the limits."""

ALONE = frozenset({"payment"})
TITLES = {
    "policy": "Strategy",
    "calendar": "Public holidays",
    "payment": "How drivers pay by card",
    "access": "Who may charge",
    "ocpp": "Where stations connect",
    "web": "Where this page is served",
}


def wizard_ways(live: Live, clock: Clock, desks: Desks) -> tuple[Router, ...]:
    """Everything about the installation: the interface and the pages."""
    records = record_api(live, clock, desks.site, desks.proofs, desks.records)
    return wizard_api(desks), records, wizard_pages(live, clock, desks)


def wizard_pages(live: Live, clock: Clock, desks: Desks) -> Router:
    """The pages of the wizard."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.INSTALLER)])
    steps = {stage.word: environment().get_template(f"wizard_{stage.word}.html") for stage in STAGES}
    record = environment().get_template("wizard_record.html")
    kept = environment().get_template("wizard_kept_record.html")

    async def page(template: Any, **values: Any) -> Response:
        async def work() -> Response:
            view = await desks.site.view()
            records, faults = await desks.records.records()
            calendar = Calendar(live.state.site.zone, time_of(clock.now().utc))
            common = await asyncio.to_thread(_common, view, desks)
            topic: Topic | None = values.setdefault("topic", None)
            if topic is not None:
                common["forms"] = await asyncio.to_thread(topic_forms, topic, view, desks.site)
            shown = await render(
                template,
                site=live.state.site.name,
                zone=live.state.site.zone.key,
                now=calendar.clock(time_of(clock.now().utc)),
                moment=lambda at: "" if at is None else calendar.moment(at),
                stages=STAGES,
                view=view,
                **common,
                **_live(live, clock, view),
                **_tests(desks),
                records=[(one, calendar.moment(time_of(one.at))) for one in reversed(records)],
                faults=faults,
                **values,
            )
            return Response(shown, headers=dict(FRESH), media_type=_HTML)

        return await carried_out(work)

    @router.get("/wizard")
    @router.head("/wizard")
    async def first() -> Response:
        return Response(status_code=303, headers={"location": f"/wizard/{STAGES[0].word}", "cache-control": "no-store"})

    @router.get("/wizard/record")
    async def printed(request: Request) -> Response:
        del request
        return await page(record, stage=None)

    @router.get("/wizard/record/{number}")
    async def one(number: Number) -> Response:
        found, _ = await desks.records.records()
        known = next((one for one in found if one.number == number), None)
        if known is None:
            return problem(404, f"there is no record {number}", "unknown")
        at = f"{known.at.astimezone(ZoneInfo(known.told.zone)):%Y-%m-%d %H:%M}"
        return await page(kept, stage=None, record=known, at=at, proves=PROVES)

    @router.get("/wizard/{word}")
    @router.head("/wizard/{word}")
    async def step(word: str) -> Response:
        stage = next((one for one in STAGES if one.word == word), None)
        if stage is None:
            return problem(404, f"the wizard has the steps {', '.join(one.word for one in STAGES)}", "unknown")
        return await page(steps[word], stage=stage)

    _settings(router, page)
    return router


def _settings(router: Router, page: Callable[..., Awaitable[Response]]) -> None:
    template = environment().get_template("settings.html")

    @router.get("/settings")
    @router.head("/settings")
    async def settings() -> Response:
        return Response(status_code=303, headers={"location": TOPICS[0].path, "cache-control": "no-store"})

    @router.get("/settings/{word}")
    @router.head("/settings/{word}")
    async def of_topic(word: str) -> Response:
        topic = next((one for one in TOPICS if one.word == word), None)
        if topic is None:
            return problem(404, f"there are settings of {', '.join(one.word for one in TOPICS)}", "unknown")
        return await page(template, stage=None, topic=topic)


def _common(view: DraftView, desks: Desks) -> dict[str, Any]:
    data, site = view.data, desks.site
    entrance = site.entrance()
    forms = {name: Form(site.fields(name)) for name in (*OWN, *SINGLE, "site", "evses")}
    single = {name: _single(view, name, forms[name]) for name in SINGLE}
    return {
        "entries": {name: list(_entries(view, name, forms[name], forms["evses"])) for name in OWN},
        "single": [one for name, one in single.items() if name not in ALONE],
        "payment": single["payment"],
        "tariff": tariff_forms(view, site),
        "site_form": forms["site"].placed(view.findings, ("site",), data.get("site")),
        "blank": {name: forms[name].rows(None) for name in (*OWN, "evses")},
        "names": {name: list(_keys(data, name)) for name in ("circuits", "meters")},
        "meter_models": site.meter_models(),
        "station_models": entrance.models,
        "urls": entrance.urls,
        "errors": sum(1 for one in view.findings if one.severity == "error"),
        "whole": [one for one in view.findings if not one.section],
        "counts": {stage.word: _count(view, stage) for stage in STAGES},
        "topics": list(topic_rows(view)),
        "tree": list(_tree(view.sums)),
        "about": lambda section: _about(view, section),
    }  # fmt: skip


def _single(view: DraftView, name: str, form: Form) -> dict[str, Any]:
    place = form.placed(view.findings, (name,), view.data.get(name), is_there=name in view.data)
    return {"section": name, "title": TITLES[name], "form": place}


def _entries(view: DraftView, section: str, form: Form, outlet: Form) -> Iterator[dict[str, Any]]:
    """Every entry of a section as a form; what lies in a station, its outlets, are forms beside it."""
    for name, value in _named(view.data.get(section)):
        route, told = (section, name), value if isinstance(value, Mapping) else {}
        evses = [
            outlet.placed(view.findings, (*route, "evses", number), evse)
            for number, evse in _named(told.get("evses") if section == "stations" else None)
        ]
        yield {
            "form": form.placed(view.findings, route, value, below=[one.route for one in evses]),
            "evses": evses,
            "password": bool(told.get("password_file")),
        }


def _named(known: Any) -> list[tuple[str, Any]]:
    """What lies in a section by name, or by its number in a list."""
    pairs = enumerate(known) if isinstance(known, list) else known.items() if isinstance(known, Mapping) else ()
    return [(str(key), value) for key, value in pairs]


def _about(view: DraftView, section: str) -> list[FileFinding]:
    """What is said of a section that is no entry of it."""
    known = [list(within(view.findings, (section, name))) for name, _ in _named(view.data.get(section))]
    told = [one for many in known for one in many]
    return [one for one in within(view.findings, (section,)) if one not in told]


def _count(view: DraftView, stage: Stage) -> int:
    return sum(1 for one in view.findings if one.severity == "error" and one.section in stage.sections)


def _keys(data: Mapping[str, Any], section: str) -> Iterator[str]:
    known = data.get(section)
    yield from (str(key) for key in known) if isinstance(known, Mapping) else ()


def _tree(sums: Sequence[CircuitSum]) -> Iterator[dict[str, Any]]:
    """The circuits with what is summed up, parents before children, each with its depth."""
    below: dict[str | None, list[CircuitSum]] = {}
    for one in sums:
        below.setdefault(one.parent, []).append(one)
    waiting = [(one, 0) for one in reversed(below.get(None, []))]
    while waiting:
        one, depth = waiting.pop()
        rating = max(one.rating_a)
        yield {
            "id": one.id,
            "depth": min(depth, 5),
            "rating": _amps(one.rating_a, one.rating_a),
            "fallback": _amps(one.fallback_a, one.rating_a),
            "worst": _amps(one.most_a, one.rating_a),
            "children": _amps(one.children_a, one.rating_a) if one.id in below else "",
            "meter": one.meter or "–",
            "evses": one.outlets,
            "share": round(100 * min(1.0, max(one.fallback_a) / rating)) if rating else 0,
            "over": any(a > most + 1e-9 for a, most in zip(one.fallback_a, one.rating_a, strict=True)),
        }
        waiting += [(child, depth + 1) for child in reversed(below.get(one.id, []))]


def _amps(amps: Sequence[float], there: Sequence[float]) -> str:
    shown = [f"{a:.4g}" if has else "–" for a, has in zip(amps, there, strict=True)]
    return shown[0] if len(set(shown)) == 1 else " / ".join(shown)


def _live(live: Live, clock: Clock, view: DraftView) -> dict[str, Any]:
    known = view.data.get("stations")
    drafted = {str(key) for key in known} if isinstance(known, Mapping) else set()
    state, now = live.state, clock.now()
    return {
        "knocks": [
            {
                "station": plain(one.station),
                "address": plain(one.address),
                "reason": plain(one.reason),
                "count": one.count,
                "at": time_of(one.at),
                "drafted": one.station in drafted,
                "may_be": is_station_id(one.station),
            }
            for one in live.knocks()[:50]
        ],
        "id_rule": STATION_ID_RULE,
        "running_stations": station_rows(state, live.decision, now),
        "running_meters": meter_rows(state, now),
        "running_evses": [evse.id for evse in state.site.evses],
    }


def _tests(desks: Desks) -> dict[str, Any]:
    run = desks.proofs.acceptance()
    proofs = [proof_row(one) for one in desks.proofs.proofs()]
    return {
        "proofs": proofs,
        "run": None if run is None else acceptance_row(run),
        "left_s": 0 if run is None or run.is_over else max(0, round((run.ends - desks.proofs.now()).total_seconds())),
        "checklist": checklist,
    }
