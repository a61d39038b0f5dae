"""The plan as it can be asked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request, Response

from ems.adapters.web.api import FRESH, Desk, answer
from ems.adapters.web.described import ETAG
from ems.adapters.web.needs import needs
from ems.adapters.web.once import printed
from ems.adapters.web.operations.body import WhatIfBody
from ems.adapters.web.plan.picture import encoded, plan_picture
from ems.adapters.web.plan.press import PlanPress
from ems.adapters.web.plan.shape import PlanPicture
from ems.adapters.web.plan.words import supposed
from ems.adapters.web.problem import documented, problem
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.ports.foresight import Foresight, NoForesightError


def plan_api(press: PlanPress) -> Router:
    """The machine's side of planning."""
    router = Router(prefix="/api/v1", tags=["plan"], dependencies=[needs(Role.VIEWER)])

    @router.get(
        "/plan",
        summary="What is planned",
        responses={
            200: {"model": PlanPicture, "description": "The plan, or why there is none", "headers": ETAG},
            304: {"description": "nothing has changed since the answer with this If-None-Match"},
        },
    )
    async def plan(
        request: Request,
        known: Annotated[str | None, Header(alias="If-None-Match", description="the ETag of what is known")] = None,
    ) -> Response:
        """What every vehicle is planned to get at each step and why, who will miss how much, and what was assumed; or
        why no plan is in force.
        """
        sheet = await press.latest()
        headers = {**FRESH, "etag": sheet.tag}
        if known == sheet.tag:
            return Response(status_code=304, headers=headers)
        return answer(request, sheet.printed, "application/json", headers)

    return router


def suppose_api(desk: Desk, foresight: Foresight) -> Router:
    """Questions about what would be planned."""
    router = Router(prefix="/api/v1", tags=["plan"], dependencies=[needs(Role.OPERATOR, waits=True)])

    @router.post(
        "/plan/what-if",
        summary="What would be planned",
        responses={
            200: {"model": PlanPicture, "description": "The plan as it would be"},
            404: documented("the site has no such circuit or EVSE"),
            422: documented("these cannot be limits"),
            503: documented("there is no answer; the detail says why"),
        },
    )
    async def what_if(body: WhatIfBody, request: Request) -> Response:
        """The plan as it would be under further limits, in the shape of the plan. Nothing is steered by it, and nothing
        is kept.
        """
        site, now = desk.live.state.site, desk.clock.now()
        try:
            limits = body.all(site.circuits.root.id, now.utc)
        except ValueError as wrong:
            return problem(422, str(wrong), "refused")
        if any(limit.scope not in site.circuits and site.evse_index(limit.scope) is None for limit in limits):
            return problem(404, "this site has no such circuit or EVSE; /api/v1/state lists them", "unknown")
        try:
            plan = await foresight.what_if(limits)
        except NoForesightError as unknown:
            return problem(503, str(unknown), "no-foresight")
        told = await encoded(await plan_picture(desk.view(), plan, supposed(limits, site.zone, now.utc)))
        return answer(request, await printed(told.json), "application/json")

    return router
