"""Gives money back: a refund is stored first, then asked of the provider until it is done, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ems.domain.billing.money import major
from ems.domain.billing.payment import Payment
from ems.domain.billing.refund import Refund, RefundAsk
from ems.ports.controller import Clock, NotStoredError
from ems.ports.money import RefundBook
from ems.ports.payments import PaymentProvider, ProviderBusyError, ProviderRefusedError

log = logging.getLogger(__name__)

CALL_S = 30.0
FIRST_S, AGAIN_MOST_S = 1.0, 60.0
LOOK_S = 600.0
"""So often it is looked for refunds that nobody works on; there are none unless something went wrong."""


class Refunder:
    """A `Service`. `listener` hears the account that a refund was taken out of, or put back into."""

    name = "refunds"

    def __init__(
        self,
        provider: PaymentProvider,
        book: RefundBook,
        clock: Clock,
        listener: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._provider, self._book, self._clock, self._listener = provider, book, clock, listener
        self._under_way: set[str] = set()
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Take up what the run before left open, then work until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            wait_s = FIRST_S
            while True:
                try:
                    for refund, payment in await self._book.open():
                        self._begin(refund, payment)
                    wait_s = LOOK_S
                except NotStoredError as trouble:
                    log.warning("refund.not_read %s", trouble)
                    wait_s = min(AGAIN_MOST_S, 2.0 * wait_s)
                await asyncio.sleep(wait_s)

    async def refund(self, reference: str, ask: RefundAsk) -> Refund:
        """Give something back; returns when that is stored. Raises UnknownError, NotStoredError, or ValueError where
        its provider never would.
        """
        self._must_move(await self._book.payment(reference), ask.amount)
        refund, payment = await self._book.ask(reference, ask, self._clock.now().utc)
        log.info("refund.asked payment=%s amount=%d who=%.64r", payment.tag, refund.amount, refund.who)
        self._listener(payment.account)
        self._begin(refund, payment)
        return refund

    def _must_move(self, payment: Payment, amount: int | None) -> None:
        name, currency = self._provider.name, payment.currency
        if payment.provider != name:
            raise ValueError(
                f"this was paid with {payment.provider}, and here is {name} now: give it back at the pages of"
                f" {payment.provider}, or set that up again"
            )
        can = None if amount is None else self._provider.takeable(amount, currency)
        if amount is not None and can is not None and can != amount:
            asked, less = major(amount, currency), major(can, currency)
            raise ValueError(f"{name} gives back nothing as fine as {asked} {currency}: round it, down to {less} or up")

    def _begin(self, refund: Refund, payment: Payment) -> None:
        is_open = refund.over("", refund.since) is not refund
        if self._group is not None and is_open and refund.id not in self._under_way:
            if payment.provider != self._provider.name:
                log.error("refund.other_provider payment=%s was taken by %s", payment.tag, payment.provider)
                return
            self._under_way.add(refund.id)
            self._group.create_task(self._drive(refund, payment))

    async def _drive(self, refund: Refund, payment: Payment) -> None:
        try:
            why = await self._asked(refund, payment)
            done = refund.over(why, self._clock.now().utc)
            await self._kept(done)
            log.info("refund.%s payment=%s why=%.100r", done.state.value, payment.tag, why)
            self._listener(payment.account)
        finally:
            self._under_way.discard(refund.id)

    async def _asked(self, refund: Refund, payment: Payment) -> str:
        """Ask until the provider says something; why it will not, empty when it did."""
        wait_s = FIRST_S
        while True:
            try:
                async with asyncio.timeout(CALL_S):
                    await self._provider.refund(payment.hold_id, refund.amount, refund.id)
            except (ProviderBusyError, TimeoutError) as trouble:
                log.warning("refund.waits payment=%s: %s", payment.tag, trouble)
            except ProviderRefusedError as refused:
                return str(refused)[:500] or "the provider refused"
            else:
                return ""
            await asyncio.sleep(wait_s)
            wait_s = min(AGAIN_MOST_S, 2.0 * wait_s)

    async def _kept(self, done: Refund) -> None:
        while True:
            try:
                await self._book.over(done)
            except NotStoredError as trouble:
                log.warning("refund.not_stored refund=%.64r: %s", done.id, trouble)
                await asyncio.sleep(FIRST_S)
            else:
                return
