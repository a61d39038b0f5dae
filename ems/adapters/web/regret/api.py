"""What is said of finished days, as it can be asked for."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query, Response

from ems.adapters.web.deed import answered, ok
from ems.adapters.web.needs import needs
from ems.adapters.web.problem import problem
from ems.adapters.web.regret import shape
from ems.adapters.web.regret.words import regret_row
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.ports.controller import Live
from ems.ports.energy import Hindsight


def regret_api(live: Live, hindsight: Hindsight) -> Router:
    """The path."""
    router = Router(prefix="/api/v1", tags=["plan"], dependencies=[needs(Role.VIEWER)])

    @router.get("/regret", summary="What days cost beyond what they could have", responses=ok(shape.RegretDays, 404))
    async def regret(
        day: Annotated[
            date | None, Query(description="a date of the site; all that are known unless it is given")
        ] = None,
    ) -> Response:
        """What finished days cost, what they could have cost had everything been known, and why they cost more: how
        they were carried out, what drivers said, who came unexpectedly; and what limits cost.
        """
        found = [verdict for verdict in hindsight.days if day in {None, verdict.day}]
        if day is not None and not found:
            return problem(404, f"nothing is said of {day}: a day is looked at soon after it is over", "unknown")
        currency = live.state.site.currency
        return await answered(lambda: {"days": [regret_row(verdict, currency) for verdict in found]})

    return router
