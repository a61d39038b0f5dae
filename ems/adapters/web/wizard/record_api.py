"""Commissioning records: made of what is seen at that moment, kept, and printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Path, Request, Response

from ems.adapters.web.api import FRESH
from ems.adapters.web.deed import answered, carried_out, ok, who
from ems.adapters.web.needs import needs
from ems.adapters.web.problem import documented
from ems.adapters.web.route import Router
from ems.adapters.web.wizard import shape
from ems.adapters.web.wizard.body import RecordBody
from ems.adapters.web.wizard.evidence import checklist, meter_rows, station_rows
from ems.adapters.web.wizard.record import record_parts
from ems.adapters.web.wizard.rows import acceptance_row, proof_row, record_row
from ems.domain.access.account import Role
from ems.domain.remote.commissioning import Part
from ems.ports.controller import Clock, Live
from ems.ports.site import DraftView, ProofDesk, RecordDesk, SiteDesk

Number = Annotated[int, Path(ge=1, le=1_000_000)]
PDF: dict[int | str, dict[str, Any]] = {
    200: {"description": "The record as a file", "content": {"application/pdf": {}}},
    404: documented("there is nothing of that name"),
    422: documented("it cannot be read now"),
}


def record_api(live: Live, clock: Clock, site: SiteDesk, proofs: ProofDesk, records: RecordDesk) -> Router:
    """Making, listing and printing records."""
    router = Router(prefix="/api/v1/site/records", tags=["installation"], dependencies=[needs(Role.INSTALLER)])

    @router.get("", summary="Commissioning records", responses=ok(shape.Records, 401, 403, 422))
    async def listed() -> Response:
        """Every record, the oldest first, and where their chain of digests does not hold."""

        async def work() -> Response:
            found, faults = await records.records()
            return await answered(lambda: {"records": [record_row(one) for one in found], "faults": list(faults)})

        return await carried_out(work)

    @router.post("", summary="Record the commissioning", responses=ok(shape.RecordRow))
    async def add(body: RecordBody, request: Request) -> Response:
        """What is so now, all tests and the supervised run. Records are only ever added to."""

        async def work() -> Response:
            complete, parts = seen_now(live, clock, await site.view(), proofs)
            record = await records.add(complete, tuple(parts), body.note.strip(), who(request))
            return await answered(lambda: record_row(record))

        return await carried_out(work)

    @router.get("/{number}.pdf", summary="A record as PDF", responses=PDF)
    async def printed(number: Number) -> Response:
        """To be signed by hand, and kept elsewhere."""

        async def work() -> Response:
            return _file(await records.printed(number), f"commissioning-{number}.pdf")

        return await carried_out(work)

    return router


def seen_now(live: Live, clock: Clock, view: DraftView, proofs: ProofDesk) -> tuple[bool, Iterator[Part]]:
    """Whether everything that must be so is so, and the tables of a record."""
    state, now, run = live.state, clock.now(), proofs.acceptance()
    meters, outlets = meter_rows(state, now), station_rows(state, live.decision, now)
    tests = [proof_row(one) for one in proofs.proofs()]
    watched = None if run is None else acceptance_row(run)
    items = tuple(checklist(view, meters, outlets, tests, watched))
    parts = record_parts(state.site, items, view.sums, meters, outlets, tests, watched)
    return all(one.is_done for one in items), parts


def _file(content: bytes, name: str) -> Response:
    return Response(
        content, 200, {**FRESH, "content-disposition": f'attachment; filename="{name}"'}, media_type="application/pdf"
    )
