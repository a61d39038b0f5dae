"""Roaming partners for programs: how it stands with each, and exchange of credentials."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response

from ems.adapters.web.api import FRESH
from ems.adapters.web.deed import GONE, answered, carried_out, ok, who
from ems.adapters.web.needs import needs
from ems.adapters.web.roaming import shape
from ems.adapters.web.roaming.rows import partner_row, partner_rows, record_row
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.ports.roaming import Partners

Name = Annotated[str, Path(max_length=100)]
Record = Annotated[str, Path(max_length=39)]


def partners_api(partners: Partners) -> Router:
    """Everything about partners; it is the installer's affair."""
    router = Router(prefix="/api/v1", tags=["partners"], dependencies=[needs(Role.INSTALLER)])
    waits = [needs(Role.INSTALLER, waits=True)]

    @router.get("/partners", summary="All roaming partners", responses=ok(shape.PartnerRows))
    async def every() -> Response:
        """Partners of the site file, whether credentials were exchanged, and what each is still to be told."""
        return await answered(lambda: partner_rows(partners))

    @router.post("/partners/{name}/invitation", summary="Let a partner register", responses=ok(shape.Invitation))
    async def invite(name: Name, request: Request) -> Response:
        """Make the token with which a partner registers here, within a week. It is told once; hand it over safely."""

        async def work() -> Response:
            token = await partners.invite(name, who(request))
            return await answered(lambda: {"token": token, "versions_url": partners.versions_url}, dict(FRESH))

        return await carried_out(work)

    @router.post(
        "/partners/{name}/registration",
        dependencies=waits,
        summary="Register at a partner",
        responses=ok(shape.PartnerRow),
    )
    async def register(name: Name, request: Request) -> Response:
        """Register at a partner with the token that it gave us; where we are registered, both sides get new tokens."""

        async def work() -> Response:
            await partners.register(name, who(request))
            return await answered(lambda: partner_row(next(one for one in partners.views() if one.id == name)))

        return await carried_out(work)

    @router.delete(
        "/partners/{name}/registration",
        dependencies=waits,
        summary="Part with a partner",
        status_code=204,
        responses=GONE,
    )
    async def unregister(name: Name, request: Request) -> Response:
        """No token is good any more, drivers of the partner are refused, and it is told nothing further."""

        async def work() -> Response:
            await partners.unregister(name, who(request))
            return Response(status_code=204, headers=dict(FRESH))

        return await carried_out(work)

    @router.post(
        "/partners/{name}/tokens", dependencies=waits, summary="Fetch tokens of a partner", responses=ok(shape.Fetched)
    )
    async def pull(name: Name, request: Request) -> Response:
        """Fetch all tokens of a partner now; it pushes changes by itself, and they are fetched every few hours."""

        async def work() -> Response:
            count = await partners.pull(name, who(request))
            return await answered(lambda: {"tokens": count})

        return await carried_out(work)

    _records(router, partners)
    return router


def _records(router: Router, partners: Partners) -> None:
    @router.get("/partners/{name}/records", summary="What a partner was charged", responses=ok(shape.RecordRows))
    async def records(name: Name, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> Response:
        """The newest charge detail records that a partner was told."""

        async def work() -> Response:
            found = await partners.records(name, limit)
            return await answered(lambda: {"records": [record_row(one) for one in found]})

        return await carried_out(work)

    @router.post("/partners/{name}/records/{record}/credit", summary="Take a record back", responses=ok(shape.Credited))
    async def credit(name: Name, record: Record, request: Request) -> Response:
        """No record can be changed: another one takes it back, with its total negative."""

        async def work() -> Response:
            made = await partners.credit(name, record, who(request))
            return await answered(lambda: {"id": made})

        return await carried_out(work)
