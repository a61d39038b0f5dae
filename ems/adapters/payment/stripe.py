"""Stripe: hosted Checkout with a hold on the card, of which what a session cost is captured.

Manual capture, one partial capture that lets go of the rest, and when a hold ends: docs.stripe.com, "Place a hold on a
payment method". Idempotency keys are kept by Stripe for at least 24 hours; what is asked later than that is looked up
first, because a key that is forgotten would capture nothing twice, but answers with an error.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import stripe
from stripe import StripeClient

from ems.adapters.payment.stripe_amount import least, takeable, to_stripe
from ems.domain.billing.payment import Payment
from ems.ports.payments import (
    Checkout,
    ForgedNoticeError,
    HoldState,
    HoldView,
    ProviderBusyError,
    ProviderRefusedError,
)

P = ParamSpec("P")
T = TypeVar("T")

TOLERANCE_S = 300
CALL_S = 20
MAX_TEXT = 2000
PAGE_S = 3600
"""Stripe wants at least 30 minutes; a payment closes its page sooner. The same whenever it is asked again."""

MAX_NOTICE, MAX_SIGNATURE = 200_000, 2000

AGAIN = frozenset({401, 403, 409, 429})
"""A key that is wrong can be put right, and another request under the same key ends."""

BUSY = (stripe.APIConnectionError, stripe.RateLimitError)
MOST_REFUNDS = 100
REFUNDED = frozenset({"succeeded", "pending", "requires_action"})
"""What is pending is on its way (docs.stripe.com/refunds)."""

HELD, TAKEN, GONE = "requires_capture", "succeeded", "canceled"


def _sound(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """An answer that makes no sense says nothing of what was done: it is to be asked again."""

    @wraps(method)
    async def sound(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as nonsense:
            raise ProviderBusyError(f"the answer makes no sense: {nonsense!s:.100}") from None

    return sound


class Stripe:
    """Implements `PaymentProvider`. Calls run in threads, because the package waits for the network.

    `notice_secret` empty: notices are not taken. `address`: where the interface is, if not at Stripe.
    """

    name = "stripe"

    def __init__(self, key: str, notice_secret: str = "", address: str | None = None) -> None:
        addresses: Any = {} if address is None else {"base_addresses": {"api": address}}
        network = stripe.RequestsClient(timeout=CALL_S)
        self._client = StripeClient(key, http_client=network, max_network_retries=0, **addresses)
        self._notice_secret = notice_secret

    def least(self, currency: str) -> int:
        """The smallest amount that is taken, minor units."""
        return least(currency)

    def takeable(self, amount: int, currency: str) -> int:
        """The largest amount up to that which is no finer than Stripe takes, minor units."""
        return takeable(amount, currency)

    @_sound
    async def open(self, payment: Payment, key: str) -> Checkout:
        """Make a Checkout Session whose payment is only authorised."""
        line = {
            "quantity": 1,
            "price_data": {
                "currency": payment.currency.lower(),
                "unit_amount": to_stripe(takeable(payment.hold, payment.currency), payment.currency),
                "product_data": {"name": payment.subject},
            },
        }
        told: Any = {
            "mode": "payment",
            "line_items": [line],
            "payment_intent_data": {"capture_method": "manual", "metadata": {"payment": payment.id[:8]}},
            "client_reference_id": payment.tag,
            "success_url": payment.back_url,
            "cancel_url": payment.back_url,
            "expires_at": int(payment.created.timestamp()) + PAGE_S,
        }
        made = await _called(lambda: self._client.v1.checkout.sessions.create(told, {"idempotency_key": key}))
        return Checkout(_text(made.id), _text(made.url))

    @_sound
    async def look(self, checkout: str) -> HoldView:
        """Ask how the Checkout Session and its payment stand."""
        expand: Any = {"expand": ["payment_intent.latest_charge"]}
        return _view(await _called(lambda: self._client.v1.checkout.sessions.retrieve(checkout, expand)))

    @_sound
    async def close(self, checkout: str, key: str) -> HoldView:
        """Expire the Checkout Session; one that was paid meanwhile cannot be, and says so."""
        seen = await self.look(checkout)
        if seen.state is not HoldState.OPEN:
            return seen
        try:
            await _called(lambda: self._client.v1.checkout.sessions.expire(checkout, None, {"idempotency_key": key}))
        except ProviderRefusedError:
            return await self.look(checkout)
        return await self.look(checkout)

    @_sound
    async def capture(self, hold_id: str, amount: int, key: str) -> int:
        """Capture an amount; the rest of the hold is let go of by that."""
        intent = await self._intent(hold_id)
        currency = _currency(intent)
        taken = takeable(amount, currency)
        wanted = to_stripe(taken, currency)
        if intent.status == TAKEN:
            _must_be_same(intent, wanted)
            return taken
        told: Any = {"amount_to_capture": wanted}
        done = await _called(lambda: self._client.v1.payment_intents.capture(hold_id, told, {"idempotency_key": key}))
        _must_be_same(done, wanted)
        return taken

    @_sound
    async def release(self, hold_id: str, key: str) -> None:
        """Cancel the payment."""
        intent = await self._intent(hold_id)
        if intent.status == GONE:
            return
        if intent.status == TAKEN:
            raise ProviderRefusedError("an amount was taken already of a hold that was to be let go")
        await _called(lambda: self._client.v1.payment_intents.cancel(hold_id, None, {"idempotency_key": key}))

    @_sound
    async def refund(self, hold_id: str, amount: int, key: str) -> None:
        """Refund a part of a payment, unless a refund of this key is there already."""
        wanted: Any = {"payment_intent": hold_id, "limit": MOST_REFUNDS}
        there = await _called(lambda: self._client.v1.refunds.list(wanted))
        done = next((one for one in there.data if _metadata(one).get("refund") == key), None)
        if done is None:
            currency = _currency(await self._intent(hold_id))
            if amount != takeable(amount, currency):
                raise ProviderRefusedError(f"{amount} minor units of {currency} are finer than Stripe gives back")
            told: Any = {"payment_intent": hold_id, "amount": to_stripe(amount, currency), "metadata": {"refund": key}}
            options: Any = {"idempotency_key": f"refund:{key}"}
            done = await _called(lambda: self._client.v1.refunds.create(told, options))
        if done.status not in REFUNDED:
            raise ProviderRefusedError(f"the refund is {done.status!s:.40} at Stripe")

    def notice(self, signature: str, body: bytes, now: datetime) -> str:
        """The Checkout Session that a signed notice is about; what else it says is not believed."""
        if not self._notice_secret:
            raise ForgedNoticeError("notices are not taken here: no notice_secret_file is named")
        if len(body) > MAX_NOTICE or len(signature) > MAX_SIGNATURE:
            raise ForgedNoticeError("the notice is larger than any of Stripe")
        try:
            stripe.WebhookSignature.verify_header(body.decode(), signature, self._notice_secret, tolerance=None)
            signed_at = int(dict(part.partition("=")[::2] for part in signature.split(","))["t"])
            told = json.loads(body)["data"]["object"]
            checkout = str(told["id"]) if told["object"] == "checkout.session" else ""
        except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError):
            raise ForgedNoticeError("the notice is not signed by Stripe") from None
        if abs(now.timestamp() - signed_at) > TOLERANCE_S:
            raise ForgedNoticeError("the notice was signed too long ago")
        return checkout

    async def _intent(self, hold_id: str) -> Any:
        return await _called(lambda: self._client.v1.payment_intents.retrieve(hold_id))


def _view(session: Any) -> HoldView:
    intent = session.payment_intent
    status = getattr(intent, "status", None)
    if status in {HELD, TAKEN}:
        return HoldView(HoldState.HELD, _text(intent.id), _capture_before(intent))
    if status == GONE or session.status == "expired":
        return HoldView(HoldState.OVER)
    return HoldView(HoldState.OPEN)


def _capture_before(intent: Any) -> datetime | None:
    details = getattr(getattr(intent, "latest_charge", None), "payment_method_details", None)
    moment = getattr(getattr(details, "card", None), "capture_before", None)
    return datetime.fromtimestamp(moment, UTC) if isinstance(moment, int) else None


def _currency(intent: Any) -> str:
    return _text(intent.currency).upper()


def _must_be_same(intent: Any, wanted: int) -> None:
    taken = getattr(intent, "amount_received", wanted)
    if intent.status != TAKEN or taken != wanted:
        raise ProviderRefusedError(f"{taken} was taken where {wanted} was to be")


def _metadata(told: Any) -> dict[str, Any]:
    return dict(told.metadata.to_dict()) if told.metadata else {}


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT or not value.isprintable():
        raise ValueError(f"{value!r:.40} is neither a name nor an address")
    return value


async def _called(call: Callable[[], T]) -> T:
    """The answer of a call in a thread; errors as the port has them."""
    try:
        return await asyncio.to_thread(call)
    except BUSY as busy:
        raise ProviderBusyError(_words(busy)) from None
    except stripe.StripeError as refused:
        if (refused.http_status or 500) >= 500 or refused.http_status in AGAIN:
            raise ProviderBusyError(_words(refused)) from None
        raise ProviderRefusedError(_words(refused)) from None


def _words(error: stripe.StripeError) -> str:
    return " ".join(str(error.user_message or error).split())[:200] or type(error).__name__
