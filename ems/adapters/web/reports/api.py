"""What finished times add up to, for programs: JSON, CSV and PDF; excluded times; exports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Path, Query, Request, Response

from ems.adapters.web.api import FRESH
from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
from ems.adapters.web.needs import needs
from ems.adapters.web.problem import documented, problem
from ems.adapters.web.reports import shape
from ems.adapters.web.reports.asked import First, Last, Month, period_of
from ems.adapters.web.reports.body import ExcludedBody
from ems.adapters.web.reports.rows import excluded_row, export_row, report_rows, run_row, sheet_csv, sheet_rows
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live
from ems.ports.reports import NoReportError, Reports
from ems.statistics.period import Period
from ems.statistics.report import SHEETS, Report
from ems.statistics.sheet import Sheet

WRITES = [needs(Role.OPERATOR)]
UNREADABLE: dict[int | str, dict[str, Any]] = {503: documented("the past cannot be read now")}
FILES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The report as a file", "content": {"application/pdf": {}}},
    422: documented("it cannot be meant"),
    **UNREADABLE,
}

SHEET = {**ok(shape.SheetShape, 400, 404, 422), **UNREADABLE}
SHEET[200] = {**SHEET[200], "content": {"text/csv": {"schema": {"type": "string"}}}}

Asked = Callable[[str | None, date | None, date | None], Period]


def reports_api(live: Live, clock: Clock, reports: Reports) -> Router:
    """Everything about reports."""
    router = Router(prefix="/api/v1", tags=["reports"], dependencies=[needs(Role.VIEWER)])

    def asked(month: str | None, first: date | None, last: date | None) -> Period:
        return period_of(month, first, last, clock.now().utc, live.state.site.zone)

    _figures(router, reports, asked)
    _excluded(router, live, clock, reports, asked)
    _exports(router, reports)
    return router


async def read(work: Callable[[], Awaitable[Response]]) -> Response:
    """The answer of something that asks the past."""
    try:
        return await carried_out(work)
    except NoReportError as failed:
        return problem(503, str(failed), "no-report")


def named(report: Report, name: str) -> Sheet:
    """A sheet of a report. Raises UnknownError."""
    found = report.sheet(name)
    if found is None:
        raise UnknownError(f"a report has no sheet {name[:40]!r}; it has: {', '.join(SHEETS)}")
    return found


def file(content: bytes | str, media_type: str, name: str) -> Response:
    """Something to be saved under a name."""
    headers = {**FRESH, "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, headers=headers, media_type=media_type)


def _figures(router: Router, reports: Reports, asked: Asked) -> None:
    @router.get(
        "/reports", summary="What a time adds up to", responses={**ok(shape.ReportShape, 400, 422), **UNREADABLE}
    )
    async def report(month: Month = None, first: First = None, last: Last = None) -> Response:
        """All sheets of a month, or of any days: sessions and energy by cost centre, EVSE, tag, person and day, what it
        would have been without control, peaks with who was on, utilisation, uptime, readiness, quality of control.
        """

        async def work() -> Response:
            made = await reports.report(asked(month, first, last))
            return await answered(lambda: report_rows(made))

        return await read(work)

    @router.get(
        "/reports/{sheet}",
        summary="One sheet of that",
        responses=SHEET,
    )
    async def one(
        sheet: Annotated[str, Path(max_length=40)],
        month: Month = None,
        first: First = None,
        last: Last = None,
        form: Annotated[str, Query(alias="format", pattern="^(json|csv)$", description="json or csv")] = "json",
    ) -> Response:
        """One of the sheets as JSON, or as CSV with the names of the columns in the first line."""

        async def work() -> Response:
            period = asked(month, first, last)
            found = named(await reports.report(period), sheet)
            if form == "csv":
                return file(sheet_csv(found), "text/csv; charset=utf-8", f"{found.name}-{period.slug}.csv")
            return await answered(lambda: sheet_rows(found))

        return await read(work)

    @router.get("/report.pdf", summary="The report as PDF", responses=FILES)
    async def document(month: Month = None, first: First = None, last: Last = None) -> Response:
        """The report of a month, or of any days, to be printed and sent."""

        async def work() -> Response:
            made = await reports.printed(asked(month, first, last))
            return file(made.content, made.media_type, made.name)

        return await read(work)


def _excluded(router: Router, live: Live, clock: Clock, reports: Reports, asked: Asked) -> None:
    @router.get(
        "/excluded-times",
        summary="What does not count against the uptime",
        responses={**ok(shape.ExcludedList, 400, 422), **UNREADABLE},
    )
    async def every(month: Month = None, first: First = None, last: Last = None) -> Response:
        """Times that somebody said are beyond the operator's control (23 CFR 680.116(b)(3))."""

        async def work() -> Response:
            found = await reports.excluded(asked(month, first, last))
            return await answered(lambda: {"excluded": [excluded_row(one) for one in found]})

        return await read(work)

    @router.post(
        "/excluded-times",
        dependencies=WRITES,
        summary="Say that a time does not count",
        responses=ok(shape.ExcludedShape),
    )
    async def add(body: ExcludedBody, request: Request) -> Response:
        """Outages in that time do not count against the uptime. It is in the audit with who said so."""

        async def work() -> Response:
            told = body.excluded(live.state.site, clock.now().utc, who(request))
            kept = await reports.exclude(told, told.who)
            return await answered(lambda: excluded_row(kept))

        return await read(work)

    @router.delete(
        "/excluded-times/{number}", dependencies=WRITES, summary="Take that back", status_code=204, responses=GONE
    )
    async def remove(number: Annotated[int, Path(ge=1, le=2**31)], request: Request) -> Response:
        """It counts again; who took it back is in the audit."""
        return await done(reports.withdraw(number, who(request)))


def _exports(router: Router, reports: Reports) -> None:
    @router.get("/scheduled-exports", summary="What goes out by itself", responses=ok(shape.ExportList, 400))
    async def exports() -> Response:
        """The exports of the site file, when each is due next, and what became of the last ones."""
        views = reports.exports()
        return await answered(lambda: {"exports": [export_row(view) for view in views]})

    @router.post(
        "/scheduled-exports/{name}/send",
        dependencies=WRITES,
        summary="Send one now",
        responses=ok(shape.RunShape),
    )
    async def send(name: Annotated[str, Path(max_length=100)], request: Request) -> Response:
        """Send what was due last, also if it went out already. The answer says what came of it."""

        async def work() -> Response:
            run = await reports.send_now(name, who(request))
            return await answered(lambda: run_row(run))

        return await read(work)
