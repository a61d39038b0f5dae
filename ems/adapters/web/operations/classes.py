"""Classes of service: what each is called, and what every vehicle of it is promised."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response

from ems.adapters.web.deed import GONE, answered, carried_out, done, ok, who
from ems.adapters.web.needs import needs
from ems.adapters.web.operations import shape
from ems.adapters.web.operations.body import ClassBody
from ems.adapters.web.operations.rows import class_row, class_rows
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.daybook import ClassKept, ClassReleased
from ems.domain.service_class import HIGHEST, LOWEST
from ems.ports.controller import Clock, Live, Operations

Number = Annotated[int, Path(ge=LOWEST, le=HIGHEST, description="vehicles of a higher number go first")]


def classes(router: Router, live: Live, _clock: Clock, operations: Operations) -> None:
    """Add the paths."""

    @router.get("/classes", summary="Classes of service", responses=ok(shape.Classes, 400))
    async def every() -> Response:
        """What the classes of service are called and promise, by the site file or by people. A vehicle is of the class
        of its departure or need, else of its own, else of that of its EVSE; what the vehicle itself is promised wins.
        """
        fleet, site = operations.daybook.fleet, live.state.site
        return await answered(lambda: {"classes": list(class_rows(fleet, site))})

    @router.put(
        "/classes/{number}",
        dependencies=[needs(Role.OPERATOR)],
        summary="Promise something to a class",
        responses=ok(shape.ClassRow),
    )
    async def promise(number: Number, body: ClassBody, request: Request) -> Response:
        """Say what a class is called and what every vehicle of it is promised, in place of the site file; without a
        guarantee nothing is. It holds at once, also for those that are plugged in.
        """

        async def work() -> Response:
            await operations.change(ClassKept(body.service_class(number)), who(request))
            fleet, site = operations.daybook.fleet, live.state.site
            return await answered(lambda: class_row(fleet, site, number))

        return await carried_out(work)

    @router.delete(
        "/classes/{number}",
        dependencies=[needs(Role.OPERATOR)],
        summary="Leave a class to the site file",
        status_code=204,
        responses=GONE,
    )
    async def release(number: Number, request: Request) -> Response:
        """Take back what was said of a class: the site file counts again."""
        return await done(operations.change(ClassReleased(number), who(request)))
