"""Rounds: the same request to several stations, with progress."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from pydantic import ValidationError

from ems.adapters.web.deed import answered, carried_out, ok, who
from ems.adapters.web.needs import NotAllowedError, needs, visitor
from ems.adapters.web.problem import documented, problem
from ems.adapters.web.route import Router
from ems.adapters.web.stations import shape
from ems.adapters.web.stations.body import AskBody
from ems.adapters.web.stations.operations import RoundBody
from ems.adapters.web.stations.rows import round_row
from ems.domain.access.account import Role
from ems.ports.controller import Clock
from ems.ports.stations import ObjectionError, Rounds


def round_paths(router: Router, clock: Clock, rounds: Rounds) -> None:
    """The paths of rounds."""

    @router.get("/rounds", summary="The last rounds", responses=ok(shape.RoundRows, 400))
    async def all_rounds() -> Response:
        """The last rounds, newest first."""
        found = rounds.rounds()
        return await answered(lambda: {"rounds": [round_row(one) for one in found]})

    @router.post(
        "/rounds",
        summary="Ask several stations for the same",
        responses={**ok(shape.RoundRow, 400, 403, 404, 415, 422), 409: documented("too many rounds are under way")},
        dependencies=[needs(Role.OPERATOR)],
    )
    async def begin(body: RoundBody, request: Request) -> Response:
        """Ask several stations for the same, a few at a time; the answer is the round as it begins."""

        async def work() -> Response:
            operation, filled = body.chosen(), _filled(body)
            asking = visitor(request)
            if asking.role is None or asking.role < operation.role:
                raise NotAllowedError(f"this needs the role {operation.role.word}", known=asking.role is not None)
            begun = rounds.begin(
                body.stations,
                filled.asked(clock.now().utc),
                who(request),
                insists=filled.insists,
                when_back=filled.when_back,
            )
            return await answered(lambda: round_row(begun))

        return await or_objection(work)

    @router.get("/rounds/{number}", summary="A round", responses=ok(shape.RoundRow, 404))
    async def one(number: int) -> Response:
        """A round with its progress."""

        async def work() -> Response:
            found = rounds.round(number)
            return await answered(lambda: round_row(found))

        return await carried_out(work)

    @router.post(
        "/rounds/{number}/stop",
        summary="Stop a round",
        responses=ok(shape.RoundRow, 403, 404),
        dependencies=[needs(Role.OPERATOR)],
    )
    async def stop(number: int) -> Response:
        """Ask no further station; what was asked is not taken back."""

        async def work() -> Response:
            found = rounds.stop(number)
            return await answered(lambda: round_row(found))

        return await carried_out(work)


def _filled(body: RoundBody) -> AskBody:
    try:
        return body.filled()
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in ("body", *first["loc"]))
        raise ValueError(f"{where}: {first['msg']}") from None


async def or_objection(work: Callable[[], Awaitable[Response]]) -> Response:
    """As `carried_out`; an objection says whether somebody may insist."""

    async def objected() -> Response:
        try:
            return await work()
        except ObjectionError as wrong:
            remedy = "; say `insists` to have it done all the same" if wrong.may_insist else ""
            return problem(
                409, f"{wrong}{remedy}", "objection", more={"may_insist": wrong.may_insist, "objection": str(wrong)}
            )

    return await carried_out(objected)
