"""The interfaces between drivers who pay, whoever holds and takes their money, and the stations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from ems.domain.billing.payment import Cause, Payment
from ems.domain.billing.price_list import PriceList
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.refund import Refund


class ProviderBusyError(Exception):
    """The provider cannot be reached, or is busy: nobody knows whether it did what it was asked; ask again."""


class ProviderRefusedError(Exception):
    """The provider will not do what it was asked, however often; the text says why."""


class ForgedNoticeError(Exception):
    """A notice is not from the provider."""


class Checkout(NamedTuple):
    """A page on which a driver can pay."""

    id: str
    url: str


class HoldState(StrEnum):
    """What became of a checkout: somebody may still pay, the amount is held, it was refused, or nobody can pay."""

    OPEN = "open"
    HELD = "held"
    REFUSED = "refused"
    OVER = "over"


class HoldView(NamedTuple):
    """A checkout as its provider sees it."""

    state: HoldState
    hold_id: str = ""
    capture_before: datetime | None = None


class PaymentProvider(Protocol):
    """Whoever holds amounts and takes them. What is asked twice under the same key happens once.

    Every method raises ProviderBusyError or ProviderRefusedError.
    """

    @property
    def name(self) -> str:
        """What payments call it."""
        ...

    def least(self, currency: str) -> int:
        """The smallest amount that it takes, minor units."""
        ...

    def takeable(self, amount: int, currency: str) -> int:
        """The largest amount up to that which it takes and gives back, minor units."""
        ...

    async def open(self, payment: Payment, key: str) -> Checkout:
        """Make a page on which the hold of a payment can be placed."""
        ...

    async def look(self, checkout: str) -> HoldView:
        """What became of a checkout."""
        ...

    async def close(self, checkout: str, key: str) -> HoldView:
        """Let nobody pay any more; tells if somebody has."""
        ...

    async def capture(self, hold_id: str, amount: int, key: str) -> int:
        """Take an amount and let go of the rest; returns what was taken: less, where it takes no so fine one."""
        ...

    async def release(self, hold_id: str, key: str) -> None:
        """Let go of a hold."""
        ...

    async def refund(self, hold_id: str, amount: int, key: str) -> None:
        """Give back a part of what was taken, or all of it."""
        ...

    def notice(self, signature: str, body: bytes, now: datetime) -> str:
        """The checkout that a notice is about, empty if it is about none. Raises ForgedNoticeError."""
        ...


class PaymentBook(Protocol):
    """Where payments are kept."""

    async def keep(self, known: Payment, cause: Cause | None, at: datetime) -> None:
        """Returns when a payment as it is after a cause would survive a power cut. Raises NotStoredError."""
        ...

    async def payment(self, name: str) -> Payment | None:
        """A payment, also one that is over. Raises NotStoredError."""
        ...

    async def receipt(self, session: str) -> Receipt | None:
        """The receipt of a session that is over. Raises NotStoredError."""
        ...

    async def refunds(self, name: str) -> Sequence[Refund]:
        """All refunds of a payment, in order. Raises NotStoredError."""
        ...


class ChargeSwitch(Protocol):
    """Begins and ends sessions of those who have paid."""

    async def start(self, evse: str, tag: str) -> str:
        """Have a station begin with a tag; returns why it will not, empty when it accepts."""
        ...

    async def stop(self, evse: str) -> str:
        """Have a station end what runs at an EVSE; returns why it will not, empty when it accepts."""
        ...


class Cost(NamedTuple):
    """A receipt; it is final when the session is over. `refunds`: what went back of it since, or is on its way."""

    receipt: Receipt
    is_final: bool
    refunds: Sequence[Refund] = ()


class Payments(Protocol):
    """Payments for those who ask: drivers by the id of theirs, which nobody else knows.

    Raises UnknownError or ValueError with words for people, and NotStoredError.
    """

    async def begin(self, evse: str, back_url: str, key: str = "") -> Payment:
        """A driver wants to pay at an EVSE; the page of the provider leads back to `back_url`. Asked again under the
        same `key` (empty: none) it is the same payment.
        """
        ...

    async def payment(self, name: str) -> Payment:
        """How a payment stands."""
        ...

    async def cost(self, name: str) -> Cost | None:
        """What the session of a payment costs so far, or cost; None before it began."""
        ...

    async def opened(self, name: str, within_s: float) -> Payment:
        """The same as soon as the provider's page is there, or when that takes longer."""
        ...

    def is_awaited(self, evse: str) -> bool:
        """Whether somebody has paid at an EVSE who has not begun yet."""
        ...

    def returned(self, name: str) -> None:
        """The driver comes back from the provider's page, who may have paid there."""
        ...

    async def stop(self, name: str) -> Payment:
        """The driver wants no more: nothing is held, started or charged any further. Raises ValueError also where the
        charger goes on.
        """
        ...

    def give_way(self, evse: str, before: datetime) -> bool:
        """Whoever began to pay at an EVSE before a moment, and has not paid yet, makes room as soon as the provider
        lets go of it; False where there is nobody.
        """
        ...

    async def top_up(self, account: str, prices: PriceList, back_url: str) -> Payment:
        """Somebody wants to pay `prices.hold` into the prepaid account of a person; leads back as above."""
        ...

    def noticed(self, signature: str, body: bytes) -> None:
        """The provider has news. Raises ForgedNoticeError."""
        ...


class HostedPage(NamedTuple):
    """What the page of a provider of our own shows."""

    title: str
    amount: int
    currency: str
    back_url: str


class HostedPages(Protocol):
    """The pages of a provider of our own."""

    def page(self, checkout: str) -> HostedPage | None:
        """What a checkout is for; None when nobody can pay there (any more)."""
        ...

    def decide(self, checkout: str, is_approved: bool) -> HostedPage | None:
        """The driver approved or declined; None as above."""
        ...
