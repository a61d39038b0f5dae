"""What drivers paid, and what goes back to them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response

from ems.adapters.web.body import Moment
from ems.adapters.web.deed import answered, carried_out, ok, who
from ems.adapters.web.money import shape
from ems.adapters.web.money.body import RefundBody
from ems.adapters.web.money.rows import record_row, refund_row, story_row
from ems.adapters.web.needs import needs
from ems.adapters.web.route import Router
from ems.domain.access.account import Role
from ems.domain.billing.money import exactly_minor
from ems.domain.billing.payment import PaymentState
from ems.domain.billing.refund import RefundAsk
from ems.ports.money import PaymentFilter, PaymentRecords

Reference = Annotated[str, Path(max_length=40, examples=["PAY-0123456789ABCDEF"])]
RefundKey = Annotated[str, Path(min_length=1, max_length=64, description="chosen anew for each refund")]


def records_api(records: PaymentRecords) -> Router:
    """Payments as operators see them."""
    router = Router(prefix="/api/v1", tags=["payments"], dependencies=[needs(Role.OPERATOR)])

    @router.get("/payments", summary="What drivers paid", responses=ok(shape.Records))
    async def every(
        state: Annotated[list[PaymentState], Query(max_length=20)] = [],  # noqa: B006 read only
        evse: Annotated[str, Query(max_length=64)] = "",
        since: Annotated[Moment | None, Query(alias="from")] = None,
        until: Annotated[Moment | None, Query(alias="to")] = None,
        search: Annotated[str, Query(max_length=100, description="in references, sessions, accounts, names")] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> Response:
        """The newest payments. Those in `manual-review` need somebody to look at the provider's own pages."""
        wanted = PaymentFilter(tuple(one.value for one in state), evse, since, until, search, limit)

        async def work() -> Response:
            found = await records.found(wanted)
            return await answered(lambda: {"payments": [record_row(one, back) for one, back in found]})

        return await carried_out(work)

    @router.get("/payment-records/{reference}", summary="Everything about a payment", responses=ok(shape.StoryRow))
    async def one(reference: Reference) -> Response:
        """A payment with its steps, its receipt and its refunds."""

        async def work() -> Response:
            story = await records.story(reference)
            return await answered(lambda: story_row(story))

        return await carried_out(work)

    @router.put("/payment-records/{reference}/refunds/{key}", summary="Give money back", responses=ok(shape.RefundRow))
    async def refund(reference: Reference, key: RefundKey, body: RefundBody, request: Request) -> Response:
        """Give back a part of what was taken, or all that is left. Told twice under one key it happens once. It is
        stored when this answers, and done when its state says so.
        """

        async def work() -> Response:
            known = (await records.story(reference)).payment
            amount = None if body.amount is None else exactly_minor(body.amount, known.currency)
            made = await records.refund(reference, RefundAsk(key, amount, body.reason, who(request)))
            story = await records.story(reference)
            return await answered(lambda: refund_row(story.payment, story.receipt, made))

        return await carried_out(work)

    return router
