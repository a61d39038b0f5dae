"""Prepaid accounts: what people paid in advance, as bookings that are only ever added."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response

from ems.adapters.web.deed import answered, carried_out, ok, who
from ems.adapters.web.money import shape
from ems.adapters.web.money.body import BookingBody, OpenBody, TopUpBody
from ems.adapters.web.money.rows import account_row, booking_row, top_up_row
from ems.adapters.web.needs import needs
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.billing.money import exactly_minor
from ems.ports.money import Prepaid

Name = Annotated[str, Path(max_length=64, examples=["ada"])]
BookingKey = Annotated[str, Path(min_length=1, max_length=64, description="chosen anew for each booking")]


def prepaid_api(prepaid: Prepaid) -> Router:
    """Everything about prepaid accounts."""
    router = Router(prefix="/api/v1", tags=["prepaid"], dependencies=[needs(Role.OPERATOR)])

    @router.get("/prepaid", summary="Prepaid accounts", responses=ok(shape.AccountRows))
    async def every() -> Response:
        """All accounts with what is left in each."""

        async def work() -> Response:
            found = await prepaid.accounts()
            return await answered(lambda: {"accounts": [account_row(one) for one in found]})

        return await carried_out(work)

    @router.get("/prepaid/{person}", summary="One prepaid account", responses=ok(shape.Bookings))
    async def one(person: Name, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        """An account with its newest bookings; the sum of all of them is the balance."""

        async def work() -> Response:
            known = await prepaid.account(person)
            found = await prepaid.bookings(person, limit)
            rows = [booking_row(one, known.currency) for one in found]
            return await answered(lambda: {"account": account_row(known), "bookings": rows})

        return await carried_out(work)

    @router.put("/prepaid/{person}", summary="Open or close a prepaid account", responses=ok(shape.AccountRow))
    async def opened(person: Name, body: OpenBody, request: Request) -> Response:
        """With an open account the tags of a person charge for what is in it, and for nothing else. A closed one keeps
        its bookings; the sessions that run are settled.
        """

        async def work() -> Response:
            known = await prepaid.open(person, body.open, who(request))
            return await answered(lambda: account_row(known))

        return await carried_out(work)

    @router.put("/prepaid/{person}/bookings/{key}", summary="Book by hand", responses=ok(shape.AccountRow))
    async def book(person: Name, key: BookingKey, body: BookingBody, request: Request) -> Response:
        """Book an amount with a note. Told twice under one key it happens once."""

        async def work() -> Response:
            amount = exactly_minor(body.amount, (await prepaid.account(person)).currency)
            known = await prepaid.book(person, amount, body.note, key, who(request))
            return await answered(lambda: account_row(known))

        return await carried_out(work)

    @router.post("/prepaid/{person}/top-ups", summary="Top up by card", responses=ok(shape.TopUpRow))
    async def top_up(person: Name, body: TopUpBody) -> Response:
        """Begin a payment: whoever pays is to be sent to `redirect`. What was taken is in the account at once."""

        async def work() -> Response:
            amount = exactly_minor(body.amount, (await prepaid.account(person)).currency)
            begun = await prepaid.top_up(person, amount, body.path())
            return await answered(lambda: top_up_row(begun))

        return await carried_out(work)

    return router


def owner_api(prepaid: Prepaid) -> Router:
    """What the owner of an account may do without a login, by the secret address of it."""
    router = Router(prefix="/api/v1", tags=["prepaid"])

    @router.post(
        "/my/{link}/top-ups",
        dependencies=[needs(None)],
        summary="Top up the own account by card",
        responses=ok(shape.TopUpRow),
    )
    async def top_up(link: Annotated[str, Path(max_length=64)], body: TopUpBody) -> Response:
        """As for operators, by who knows the secret address of an account."""

        async def work() -> Response:
            known = await prepaid.linked(link)
            begun = await prepaid.top_up(known.person, exactly_minor(body.amount, known.currency), body.path())
            return await answered(lambda: top_up_row(begun))

        return await carried_out(work)

    return router
