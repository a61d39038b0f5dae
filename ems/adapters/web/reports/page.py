"""The page of reports: complete without script, good to print; the browser adds charts beside the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from ems.adapters.web import assets as files
from ems.adapters.web.needs import needs
from ems.adapters.web.problem import problem
from ems.adapters.web.reports.api import reports_api
from ems.adapters.web.reports.asked import First, Last, Month, period_of
from ems.adapters.web.reports.rows import excluded_row, export_row, plain
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import Sheet as Frame
from ems.adapters.web.values import plain as plain_words
from ems.domain.access.account import Role
from ems.ports.controller import Clock, Live
from ems.ports.reports import NoReportError, Reports
from ems.statistics.period import ONE_DAY, Every, Period
from ems.statistics.record import Exclusion
from ems.statistics.report import Report
from ems.statistics.sheet import Column, Kind, Sheet, Value, in_words

SHOWN = 100
"""Rows of a sheet on the page; the CSV has all."""

HEAT_STEPS = 10


class Cell(NamedTuple):
    """A cell: words, and the value for charts; `heat` 0 … 10, None where it is no heat map."""

    words: str
    value: str
    is_number: bool
    is_foreign: bool
    heat: int | None


def report_ways(live: Live, clock: Clock, reports: Reports) -> tuple[Router, Router]:
    """Everything about reports: the interface and the page."""
    return reports_api(live, clock, reports), report_pages(live, clock, reports)


def report_pages(live: Live, clock: Clock, reports: Reports) -> Router:
    """The page at `/reports`."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])
    frame = Frame(live, clock)
    charts = "uplot.js" in files.load()

    @router.get("/reports")
    @router.head("/reports")
    async def page(request: Request, month: Month = None, first: First = None, last: Last = None) -> Response:
        zone, now = live.state.site.zone, clock.now().utc
        try:
            period = period_of(month or None, first, last, now, zone)
        except (ValueError, OverflowError) as wrong:
            return problem(422, str(wrong), "refused")
        trouble, report = "", None
        try:
            report = await reports.report(period)
            excluded = await reports.excluded(period)
        except NoReportError as failed:
            trouble, excluded = str(failed), ()
        return await frame.page(
            request,
            "reports.html",
            charts=charts,
            trouble=trouble,
            **_period(period, now, zone),
            **_shown(report, zone),
            excluded=[{**excluded_row(one), **_local(one.began_s, one.ended_s, zone)} for one in excluded],
            causes=list(Exclusion),
            places=[*(one.id for one in live.state.site.stations), *(one.id for one in live.state.site.evses)],
            exports=[_export(export_row(view), zone) for view in reports.exports()],
        )

    return router


def _period(period: Period, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """The period, those around it, and how it is asked for."""
    month = Period.around(period.first, Every.MONTH, zone)
    is_month = period == month
    today = now.astimezone(zone).date()
    following = Period.around(month.last.replace(day=28), Every.MONTH, zone)
    after = Period.around(date.fromordinal(following.last.toordinal() + 1), Every.MONTH, zone)
    return {
        "period": f"{period.first:%B %Y}" if is_month else str(period),
        "query": f"month={period}" if is_month else f"from={period.first}&to={period.last}",
        "month": f"{period.first:%Y-%m}",
        "this_month": f"{today:%Y-%m}",
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "today": today.isoformat(),
        "before": str(month.before(Every.MONTH)),
        "after": None if after.first > today else str(after),
        "is_month": is_month,
        "year": f"from={_a_year_before(today.replace(day=1))}&to={today.replace(day=1) - ONE_DAY}",
    }


def _a_year_before(first: date) -> date:
    """Of the first of a month."""
    return first.replace(year=first.year - 1)


def _shown(report: Report | None, zone: ZoneInfo) -> dict[str, Any]:
    if report is None:
        return {"made": "", "notes": (), "figures": [], "sheets": []}
    figures = report.sheet("figures")
    assert figures is not None
    value = figures.columns[figures.column("value")]
    shown = (
        {"title": row["figure"], "words": in_words(row["value"], value, zone), "unit": row["unit"]}
        for row in figures.records()
    )
    return {
        "made": f"{report.made.astimezone(zone):%Y-%m-%d %H:%M}",
        "notes": report.notes,
        "figures": list(shown),
        "sheets": [_sheet(sheet, zone) for sheet in report.sheets if sheet is not figures],
    }


def _sheet(sheet: Sheet, zone: ZoneInfo) -> dict[str, Any]:
    chart = sheet.chart
    heat = chart.ys if chart is not None and chart.form == "heat" else ()
    most = max((value for row in sheet.rows for value in row if isinstance(value, float)), default=0.0)
    drawn = chart if chart is not None and chart.form != "heat" else None
    return {
        "name": sheet.name,
        "title": sheet.title,
        "about": sheet.about,
        "empty": sheet.empty,
        "wide": sheet.wide,
        "columns": [{"label": one.label, "is_number": one.is_number} for one in sheet.columns],
        "rows": [list(_cells(row, sheet.columns, heat, most, zone)) for row in sheet.rows[:SHOWN]],
        "more": max(0, len(sheet.rows) - SHOWN),
        "is_heat": bool(heat),
        "chart": None
        if drawn is None or not sheet.rows
        else {
            "form": drawn.form,
            "x": sheet.column(drawn.x),
            "ys": ",".join(str(sheet.column(name)) for name in drawn.ys),
            "unit": drawn.unit,
        },
    }


def _cells(
    row: Sequence[Value], columns: Sequence[Column], heat: Sequence[str], most: float, zone: ZoneInfo
) -> Iterator[Cell]:
    """`most`: the highest value of a heat map."""
    for value, column in zip(row, columns, strict=True):
        hot = None
        if column.name in heat and isinstance(value, float):
            hot = min(HEAT_STEPS, round(value / most * HEAT_STEPS)) if most else 0
        is_foreign = column.kind is Kind.TEXT
        words = in_words(value, column, zone)
        words = plain_words(words) if is_foreign else words
        told = plain(value) if column.is_number else words
        yield Cell(words, "" if told is None else str(told), column.is_number, is_foreign, hot)


def _local(began_s: int, ended_s: int, zone: ZoneInfo) -> dict[str, str]:
    begins, ends = (f"{datetime.fromtimestamp(at_s, zone):%Y-%m-%d %H:%M}" for at_s in (began_s, ended_s))
    return {"from": begins, "until": ends}


def _export(row: Any, zone: ZoneInfo) -> dict[str, Any]:
    def moment(text: str | None) -> str:
        return "" if text is None else f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M}"

    runs = [{**run, "tried": moment(run["tried"]), "next": moment(run["next"])} for run in row["runs"]]
    return {**row, "next_due": moment(row["next_due"]), "runs": runs}
