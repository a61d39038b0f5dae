"""How drivers pay: begun, followed and stopped by who knows a payment's id, which nobody can guess; and notices of the
provider.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import Header, Path, Request, Response

from ems.adapters.web.api import FRESH
from ems.adapters.web.deed import answered, carried_out, ok
from ems.adapters.web.needs import needs
from ems.adapters.web.payment import shape
from ems.adapters.web.payment.body import PayBody
from ems.adapters.web.prices.rows import price_list_row, receipt_row
from ems.adapters.web.prices.shape import ReceiptRow
from ems.adapters.web.problem import documented, problem
from ems.adapters.web.route import Router
from ems.adapters.web.values import plain, time_of
from ems.domain.access.account import Role
from ems.domain.billing.money import major
from ems.domain.billing.payment import Payment, PaymentState
from ems.domain.unknown import UnknownError
from ems.ports.payments import ForgedNoticeError, Payments

Routers = tuple[Router, ...]
Name = Annotated[str, Path(max_length=64)]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern="^([!-~]{16,255})?$",
        description="of 16 to 255 characters that nobody guesses, as a UUID, new for each payment: asked again under it"
        " within any time there is still one payment",
    ),
]
PAGE_S = 10.0
"""So long the answer waits for the provider's page; after that the driver asks again."""

SIGNATURE = "stripe-signature"
TO_PAY = frozenset({PaymentState.CREATED, PaymentState.HOLD_REQUESTED})
SETTLED = frozenset({PaymentState.CAPTURED, PaymentState.RELEASED, PaymentState.FAILED, PaymentState.EXPIRED})


def pay(payments: Payments) -> Router:
    """Everything about payments. Drivers do not log in."""
    router = Router(prefix="/api/v1", tags=["payments"])
    _drivers(router, payments)
    return router


def _drivers(router: Router, payments: Payments) -> None:
    open_to_all = [needs(None)]

    @router.post(
        "/payments",
        dependencies=[needs(Role.OPERATOR, waits=True)],
        summary="Pay for a session",
        responses=ok(shape.PaymentRow),
    )
    async def begin(body: PayBody, key: Key = "") -> Response:
        """Begin a payment at an EVSE: the driver is to be sent to `redirect`, where the amount `hold` is blocked. The
        session begins by itself once it is, and what it cost is taken at its end. For apps of the operator, with a
        token; drivers begin at the page behind the code on the charger. Whoever gets no answer asks again under the
        same `Idempotency-Key`, and is told of the same payment.
        """

        async def work() -> Response:
            begun = await payments.begin(body.evse, body.path(), key)
            return await _told(await payments.opened(begun.id, PAGE_S))

        return await carried_out(work)

    @router.get(
        "/payments/{name}", dependencies=open_to_all, summary="One payment", responses=ok(shape.PaymentRow, 404, 503)
    )
    async def one(name: Name) -> Response:
        """How a payment stands."""

        async def work() -> Response:
            return await _told(await payments.payment(name))

        return await carried_out(work)

    @router.get(
        "/payments/{name}/receipt",
        dependencies=open_to_all,
        summary="What a paid session costs",
        responses=ok(ReceiptRow, 404, 503),
    )
    async def receipt(name: Name) -> Response:
        """What the session of a payment costs so far; its receipt once it is over."""

        async def work() -> Response:
            cost = await payments.cost(name)
            if cost is None:
                raise UnknownError("the session of this payment has not begun")
            return await answered(lambda: receipt_row(cost.receipt, cost.is_final))

        return await carried_out(work)

    @router.delete(
        "/payments/{name}", dependencies=open_to_all, summary="Stop a payment", responses=ok(shape.PaymentRow)
    )
    async def stop(name: Name) -> Response:
        """The driver wants no more: before the start nothing is charged, and a session that runs is ended."""

        async def work() -> Response:
            return await _told(await payments.stop(name))

        return await carried_out(work)

    @router.post(
        "/payment-notices",
        dependencies=open_to_all,
        summary="Notices of the payment provider",
        status_code=204,
        responses={204: {"description": "taken"}, 400: documented("it is not signed by the provider")},
    )
    async def notice(request: Request) -> Response:
        """A signed notice only makes the controller ask the provider at once; what it says is not believed."""
        try:
            payments.noticed(request.headers.get(SIGNATURE, ""), await request.body())
        except ForgedNoticeError as forged:
            return problem(400, str(forged), "forged")
        return Response(status_code=204, headers=dict(FRESH))


async def _told(known: Payment) -> Response:
    row = payment_row(known)
    return await answered(lambda: row)


def payment_row(known: Payment) -> shape.PaymentRow:
    """A payment as its driver sees it."""
    cap = None if known.cap_wh is None else f"{Decimal(known.cap_wh) / 1000:.3f}"
    return {
        "id": known.id,
        "evse": known.evse,
        "state": known.state.value,
        "is_over": known.state.is_over,
        "hold": str(major(known.hold, known.currency)),
        "currency": known.currency,
        "cap_kwh": cap,
        "price_list": price_list_row(known.prices),
        "redirect": known.url or None if known.state in TO_PAY else None,
        "expires": time_of(known.expires),
        "session": known.session or None,
        "amount": str(major(known.amount, known.currency)) if known.state in SETTLED else None,
        "why": plain(known.why),
    }
