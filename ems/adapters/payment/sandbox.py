"""A provider that is built in: nobody's money moves. Its pages approve or decline; for trying out and for tests."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from ems.domain.billing.payment import Payment
from ems.ports.payments import Checkout, ForgedNoticeError, HoldState, HoldView, HostedPage

PATH = "/pay/sandbox/"
MAX_PAGES = 1000


@dataclass(frozen=True, slots=True)
class _Page:
    shown: HostedPage
    state: HoldState = HoldState.OPEN


class Sandbox:
    """Implements `PaymentProvider` and `HostedPages`. It forgets its pages with the process: who has not approved by
    then begins again. What is held it takes and lets go of at any time.
    """

    name = "sandbox"

    def __init__(self) -> None:
        self._pages: OrderedDict[str, _Page] = OrderedDict()

    def least(self, currency: str) -> int:
        """It takes any amount."""
        del currency
        return 1

    def takeable(self, amount: int, currency: str) -> int:
        """However fine."""
        del currency
        return amount

    async def open(self, payment: Payment, key: str) -> Checkout:
        """Make a page; the same for the same key."""
        # The key says which payment it is, and that is a secret of its driver.
        checkout = f"sandbox-{hashlib.sha256(key.encode()).hexdigest()[:24]}"
        if checkout not in self._pages:
            shown = HostedPage(payment.prices.title, payment.hold, payment.currency, payment.back_url)
            self._pages[checkout] = _Page(shown)
            while len(self._pages) > MAX_PAGES:
                self._pages.popitem(last=False)
        return Checkout(checkout, PATH + quote(checkout, safe=""))

    async def look(self, checkout: str) -> HoldView:
        """What the driver pressed."""
        page = self._pages.get(checkout)
        if page is None:
            return HoldView(HoldState.OVER)
        return HoldView(page.state, f"hold-{checkout}" if page.state is HoldState.HELD else "")

    async def close(self, checkout: str, key: str) -> HoldView:
        """Nobody can press anything any more."""
        del key
        page = self._pages.get(checkout)
        if page is not None and page.state is HoldState.OPEN:
            self._pages[checkout] = replace(page, state=HoldState.OVER)
        return await self.look(checkout)

    async def capture(self, hold_id: str, amount: int, key: str) -> int:
        """Nothing moves."""
        del hold_id, key
        return amount

    async def release(self, hold_id: str, key: str) -> None:
        """Nothing moves."""

    async def refund(self, hold_id: str, amount: int, key: str) -> None:
        """Nothing moves."""

    def notice(self, signature: str, body: bytes, now: datetime) -> str:
        """It sends none, so whatever comes is forged."""
        raise ForgedNoticeError("the sandbox sends no notices")

    def page(self, checkout: str) -> HostedPage | None:
        """What a checkout is for; None when nobody can pay there (any more)."""
        page = self._pages.get(checkout)
        return page.shown if page is not None and page.state is HoldState.OPEN else None

    def decide(self, checkout: str, is_approved: bool) -> HostedPage | None:
        """The driver approved or declined; None as above."""
        shown = self.page(checkout)
        if shown is not None:
            self._pages[checkout] = _Page(shown, HoldState.HELD if is_approved else HoldState.REFUSED)
        return shown
