"""Alarms: what lasts, what was, and who has seen it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import ConfigDict, Field

from ems.adapters.web.alarms import shape
from ems.adapters.web.alarms.rows import alarm_row
from ems.adapters.web.body import Body
from ems.adapters.web.deed import answered, carried_out, ok, who
from ems.adapters.web.needs import needs
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.alarm.incident import MAX_NOTE
from ems.ports.notices import Alarms

Number = Annotated[int, Path(ge=1, lt=2**31)]
MOST = 200


class NoteBody(Body):
    """What somebody says who has seen an alarm."""

    model_config = ConfigDict(
        str_max_length=MAX_NOTE, json_schema_extra={"examples": [{"note": "the electrician comes at two"}]}
    )
    note: Annotated[str, Field(description="what is done about it")] = ""


def alarm_api(alarms: Alarms) -> Router:
    """Everything about alarms."""
    router = Router(prefix="/api/v1", tags=["alarms"], dependencies=[needs(Role.VIEWER)])

    @router.get("/alarms", summary="Alarms", responses=ok(shape.AlarmList, 400, 422, 503))
    async def listed(
        open: Annotated[bool, Query(description="true: only those that last")] = False,
        before: Annotated[int | None, Query(ge=1, lt=2**63, description="only those with a lower number")] = None,
        kind: Annotated[str, Query(max_length=40, description="as offline, fault or meter")] = "",
        search: Annotated[str, Query(max_length=100, description="in its text, its members and its note")] = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = MOST,
    ) -> Response:
        """Alarms, the newest first: debounced, what many stations of a circuit have in common as one, with who has seen
        them. What is wrong at this very moment is in `/api/v1/state`.
        """

        async def work() -> Response:
            if open:
                found = [one for one in alarms.open if before is None or one.number < before]
                wanted = [one for one in found if (not kind or one.kind == kind) and matches(one.text, search)][:limit]
            else:
                wanted = list(await alarms.history(before, limit, search, kind))

            def rows() -> dict[str, Any]:
                return {"alarms": [alarm_row(one) for one in wanted], **counts(alarms)}

            return await answered(rows)

        return await carried_out(work)

    @router.get("/alarms/{number}", summary="One alarm", responses=ok(shape.AlarmRecord, 404, 422, 503))
    async def one(number: Number) -> Response:
        """One alarm, also one that is over."""

        async def work() -> Response:
            found = await alarms.alarm(number)
            return await answered(lambda: alarm_row(found))

        return await carried_out(work)

    @router.post(
        "/alarms/{number}/acknowledge",
        dependencies=[needs(Role.OPERATOR)],
        summary="Say that an alarm is seen",
        responses=ok(shape.AlarmRecord),
    )
    async def acknowledge(number: Number, body: NoteBody, request: Request) -> Response:
        """Somebody has seen an alarm, and notes what is done about it. It stays open until it is over, but asks for
        nobody's attention any more. A later note takes the place of an earlier one; the audit has both.
        """

        async def work() -> Response:
            seen = await alarms.acknowledge(number, body.note, who(request))
            return await answered(lambda: alarm_row(seen))

        return await carried_out(work)

    return router


def counts(alarms: Alarms) -> dict[str, int]:
    """How many last, and how many of them nobody has seen."""
    lasting = alarms.open
    return {"open": len(lasting), "unseen": sum(one.needs_attention for one in lasting)}


def matches(text: str, words: str) -> bool:
    """Whether a text has these words."""
    return words.casefold() in text.casefold()
