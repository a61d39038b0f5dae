"""The pages of sessions: the list with its filter and sums, and one session with everything about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Path, Query, Request, Response
from pydantic import Field

from ems.adapters.web.needs import needs
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.adapters.web.sessions.asked import SessionsAsked, Text, mark_of, mark_text
from ems.adapters.web.sessions.detail import shown
from ems.adapters.web.sessions.words import (
    COLUMNS,
    ENDED_BY,
    PAID,
    USUAL,
    Clocks,
    tiles,
)
from ems.adapters.web.sheet import Sheet
from ems.adapters.web.values import plain
from ems.domain.access.account import Role
from ems.domain.access.book import AccessBook
from ems.domain.record.export_request import SPREADSHEETS
from ems.domain.record.session_entry import SessionEntry, SessionSort
from ems.domain.site import Site
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live, Operations
from ems.ports.sessions import NotReadError, SessionDesk, SessionList

MOST = 50
SORTS = {
    SessionSort.PLUGGED: "plug-in",
    SessionSort.ENERGY: "energy",
    SessionSort.DURATION: "time plugged in",
    SessionSort.COST: "cost",
}


class PageAsked(SessionsAsked):
    """The form of the page: a place is one field, and its last day belongs to the span."""

    where: Text | None = None
    last: Text | None = None
    after: Annotated[str, Field(max_length=300)] | None = None
    column: list[Text] | None = None

    def meant(self) -> PageAsked:
        """The same in the words of the interface. Raises ValueError."""
        kind, _, name = (self.where or "").partition(":")
        if self.where is not None and kind not in {"circuit", "station", "evse"}:
            raise ValueError("where: choose from the list")
        until = self.until
        if self.last is not None:
            try:
                until = (date.fromisoformat(self.last) + timedelta(days=1)).isoformat()
            except (ValueError, OverflowError):
                raise ValueError(f"until: {self.last[:20]!r} is no day; write for example 2026-03-31") from None
        place = {"circuit": None, "station": None, "evse": None, kind: name} if self.where else {}
        return self.model_copy(update={**place, "until": until})


def session_pages(live: Live, clock: Clock, operations: Operations, sessions: SessionList, desk: SessionDesk) -> Router:
    """The pages at `/sessions`."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])
    sheet = Sheet(live, clock)

    @router.get("/sessions")
    @router.head("/sessions")
    async def every(request: Request, asked: Annotated[PageAsked, Query()]) -> Response:
        site, now, access = live.state.site, clock.now().utc, operations.daybook.access
        values: dict[str, Any] = {"wrong": "", "rows": [], "tiles": [], "more": "", "files": []}
        span_of = asked.span(site.zone, now) if asked.since is None and asked.last is None else None
        try:
            meant = asked.meant()
            wanted = meant.wanted(site, now)
            span_of = wanted.since, wanted.until
            mark, falling = mark_of(asked.after), asked.order == "falling"
            page = await sessions.page(wanted, asked.sort, falling=falling, after=mark, most=MOST)
            sums = await sessions.sums(wanted)
            values |= {
                "rows": _rows(page.entries, asked.column, access, site, now),
                "tiles": tiles(sums),
                "more": mark_text(page.next) or "",
                "files": _files(meant),
            }
        except (UnknownError, ValueError, OverflowError, NotReadError) as wrong:
            values["wrong"] = str(wrong)
        first, last = _days(span_of, asked, site)
        chosen = _chosen(asked.column)
        return await sheet.page(
            request,
            "sessions.html",
            **values,
            asked=asked,
            first=first,
            last=last,
            spans=_spans(site, now),
            columns=[(name, cell.title, name in chosen) for name, cell in COLUMNS.items()],
            heads=[(COLUMNS[name].title, COLUMNS[name].is_number) for name in chosen],
            choices=_choices(site, operations, access),
            paid=PAID,
            reasons=ENDED_BY,
            sorts=SORTS,
            onward=_onward(asked, after=None),
            ahead=_onward(asked, after=values["more"]) if values["more"] else "",
        )

    @router.get("/sessions/{name:path}")
    @router.head("/sessions/{name:path}")
    async def one(request: Request, name: Annotated[str, Path(max_length=200)]) -> Response:
        site, access = live.state.site, operations.daybook.access
        try:
            found = await desk.detail(name)
        except NotReadError as wrong:
            return problem(503, str(wrong), "not-read")
        if found is None:
            return problem(404, "there is no such session", "unknown")
        values = shown(found, access, site, clock.now().utc)
        return await sheet.page(request, "session.html", **values)

    return router


def _rows(
    entries: Iterable[SessionEntry], columns: list[str] | None, access: AccessBook, site: Site, now: datetime
) -> list[dict[str, Any]]:
    clocks, people = Clocks(site.zone), {name: one.label for name, one in access.people.items()}
    chosen = _chosen(columns)
    return [
        {
            "id": entry.id,
            "void": entry.is_void,
            "corrected": entry.corrections,
            "cells": [
                (COLUMNS[name].title, COLUMNS[name].show(entry, clocks, now, people), COLUMNS[name].is_number)
                for name in chosen
            ],
        }
        for entry in entries
    ]


def _chosen(columns: list[str] | None) -> tuple[str, ...]:
    found = tuple(name for name in COLUMNS if name in columns) if columns else ()
    return found or USUAL


def _days(told: tuple[datetime, datetime] | None, asked: PageAsked, site: Site) -> tuple[str, str]:
    """The first and the last day of the form."""
    if told is None:
        return asked.since or "", asked.last or ""
    since, until = told[0].astimezone(site.zone), (told[1] - timedelta(seconds=1)).astimezone(site.zone)
    return since.date().isoformat(), until.date().isoformat()


def _spans(site: Site, now: datetime) -> list[tuple[str, str, str]]:
    """Spans that people ask for, with their first and last day."""
    today = now.astimezone(site.zone).date()
    month = today.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    week = today - timedelta(days=today.weekday())
    year = today.replace(month=1, day=1)
    told = (
        ("Today", today, today),
        ("This week", week, today),
        ("This month", month, today),
        ("Last month", before, month - timedelta(days=1)),
        ("This year", year, today),
    )
    return [(word, first.isoformat(), last.isoformat()) for word, first, last in told]


def _choices(site: Site, operations: Operations, access: AccessBook) -> dict[str, Any]:
    centres = {person.cost_centre for person in access.people.values() if person.cost_centre}
    return {
        "circuits": [circuit.id for circuit in site.circuits],
        "stations": [station.id for station in site.stations],
        "evses": [evse.id for evse in site.evses],
        "people": [(name, plain(one.label)) for name, one in sorted(access.people.items())][:500],
        "groups": [(name, plain(one.label)) for name, one in sorted(access.groups.items())],
        "vehicles": sorted(operations.daybook.fleet.vehicles)[:500],
        "centres": sorted(centres)[:500],
    }


def _onward(asked: PageAsked, **changes: str | None) -> str:
    """The address of the same question, changed."""
    told = asked.model_dump(mode="json", by_alias=True, exclude_defaults=True) | changes
    return urlencode({key: value for key, value in told.items() if value is not None}, doseq=True)


def _files(meant: PageAsked) -> list[tuple[str, str]]:
    """The same sessions as files."""
    told = meant.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude={"where", "last", "after", "column", "sort", "order"}
    )
    kinds = [(f"CSV for a spreadsheet ({lang})", {"format": "csv", "lang": lang}) for lang in SPREADSHEETS[:2]]
    kinds += [("CSV", {"format": "csv"}), ("JSON", {"format": "json"}), ("Parquet", {"format": "parquet"})]
    return [(word, "/api/v1/exports/sessions?" + urlencode({**told, **kind}, doseq=True)) for word, kind in kinds]
