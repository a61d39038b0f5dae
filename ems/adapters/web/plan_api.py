"""The plan as it can be asked for."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ems.adapters.web.api import FRESH, answer
from ems.adapters.web.plan_press import PlanPress
from ems.adapters.web.plan_shape import PlanPicture


def plan_api(press: PlanPress) -> APIRouter:
    """The machine's side of planning."""
    router = APIRouter(prefix="/api/v1", tags=["plan"])

    @router.get(
        "/plan",
        summary="What is planned",
        responses={
            200: {"model": PlanPicture, "description": "The plan, or why there is none"},
            304: {"description": "nothing has changed since the answer with this If-None-Match"},
        },
    )
    async def plan(request: Request) -> Response:
        """What every vehicle is planned to get at each step and why, who will miss how much, and what was assumed; or
        why no plan is in force.
        """
        sheet = await press.latest()
        headers = {**FRESH, "etag": sheet.tag}
        if request.headers.get("if-none-match") == sheet.tag:
            return Response(status_code=304, headers=headers)
        return answer(request, sheet.printed, "application/json", headers)

    return router
