"""Energy by interval, and files of what was recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from ems.adapters.web.deed import answered, ok
from ems.adapters.web.needs import needs
from ems.adapters.web.problem import documented, problem
from ems.adapters.web.route import Router
from ems.adapters.web.sessions import shape
from ems.adapters.web.sessions.api import read
from ems.adapters.web.sessions.asked import SessionsAsked, SpanAsked, Text
from ems.adapters.web.sessions.rows import energy_row
from ems.adapters.web.values import time_of
from ems.domain.access.account import Role
from ems.domain.energy.step import Step
from ems.domain.record.export_request import MEDIA, Exported, ExportRequest, Form
from ems.domain.record.session_entry import SessionFilter
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live
from ems.ports.sessions import BusyError, Exports, SessionList

MOST_POINTS = 12_000
"""More become a file; so many quarter hours are four months."""

LENGTH = {Step.QUARTER: 0.25, Step.HOUR: 1.0, Step.DAY: 23.0, Step.MONTH: 24.0 * 28}
COMMON: dict[int | str, dict[str, Any]] = {
    404: documented("there is nothing of that name"),
    422: documented("it cannot be meant"),
    503: documented("it cannot be read now, or too many files are being made"),
}


class EnergyAsked(SpanAsked):
    """Of one circuit, or of one EVSE."""

    circuit: Text | None = None
    evse: Text | None = None
    step: Step = Field(Step.HOUR, description="of the clock of the site; a day has 23 to 25 hours")


class FileAsked(SessionsAsked):
    """Which rows, and as what kind of file. All but the span is of sessions; circuit and EVSE are of energy too."""

    format: Form = Form.CSV
    lang: Text | None = Field(None, description="a CSV that a spreadsheet in this language opens right; en, de, …")
    columns: Text | None = Field(None, max_length=1000, description="only these columns, with commas between them")
    step: Step = Field(Step.QUARTER, description="of energy")
    kind: Literal["circuit", "evse", "meter", "drawn"] | None = Field(None, description="of energy: only of this kind")


def file_api(live: Live, clock: Clock, sessions: SessionList, exports: Exports) -> Router:
    """Energy by interval, and files."""
    router = Router(prefix="/api/v1", tags=["sessions"], dependencies=[needs(Role.VIEWER)])

    @router.get("/energy", summary="Energy by interval", responses=ok(shape.Energy, 404, 422, 503))
    async def energy(asked: Annotated[EnergyAsked, Query()]) -> Response:
        """What flowed through a circuit or at an EVSE in a span, in steps. Energy belongs to the interval in which it
        flowed, whenever a session began.
        """

        async def work() -> Response:
            site = live.state.site
            since, until = asked.span(site.zone, clock.now().utc)
            kind, name = _subject(asked)
            if kind == "circuit" and name not in site.circuits:
                raise UnknownError(f"the site has no circuit {name!r}")
            if (until - since) / timedelta(hours=LENGTH[asked.step]) > MOST_POINTS:
                raise ValueError(f"these are more than {MOST_POINTS} steps: take longer ones, or a file of them")
            points = await sessions.energy(kind, name, since, until, asked.step)
            return await answered(
                lambda: {
                    "since": time_of(since),
                    "until": time_of(until),
                    "kind": kind,
                    "name": name,
                    "step": asked.step.value,
                    "energy_wh": sum(point.energy_wh or 0 for point in points),
                    "points": [energy_row(point) for point in points],
                }
            )

        return await read(work)

    @router.get(
        "/exports/{what}",
        dependencies=[needs(Role.VIEWER, waits=True)],
        summary="A file of what was recorded",
        responses={200: {"content": {media.partition(";")[0]: {} for media in MEDIA.values()}}, **COMMON},
    )
    async def export(what: Annotated[Exported, Path()], asked: Annotated[FileAsked, Query()]) -> Response:
        """Sessions, energy, transactions or alarms of a span as CSV, JSON or Parquet, sent as it is read. A CSV is for
        programs (UTF-8, commas, UTC), or with `lang` for a spreadsheet: with a byte order mark, the separator and
        decimal sign of that language, and times of the site.
        """

        async def work() -> Response:
            site, form = live.state.site, asked.format
            wanted = asked.wanted(site, clock.now().utc)
            if what is not Exported.SESSIONS:
                wanted = SessionFilter(wanted.since, wanted.until)
            kind, name = _subject(asked) if what is Exported.ENERGY and (asked.circuit or asked.evse) else ("", "")
            request = ExportRequest(
                what,
                form,
                wanted,
                site.zone.key,
                kind=kind or asked.kind or "",
                name=name,
                step=asked.step,
                language=asked.lang or "",
                columns=tuple(asked.columns.split(",")) if asked.columns else (),
            )
            pieces: AsyncIterator[bytes] = await exports.open(request)
            first, last = (f"{at.astimezone(site.zone):%Y-%m-%d}" for at in (wanted.since, wanted.until))
            headers = {
                "cache-control": "no-store",
                "content-disposition": f'attachment; filename="{what.value}-{first}-{last}.{form.value}"',
            }
            return StreamingResponse(pieces, headers=headers, media_type=MEDIA[form])

        try:
            return await read(work)
        except BusyError as busy:
            return problem(503, str(busy), "busy", {"retry-after": "30"})

    return router


def _subject(asked: EnergyAsked | FileAsked) -> tuple[str, str]:
    if (asked.circuit is None) is (asked.evse is None):
        raise ValueError("name a circuit or an evse")
    return ("evse", asked.evse) if asked.evse is not None else ("circuit", asked.circuit or "")
