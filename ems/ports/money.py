"""The interfaces between people who look after money that was taken or is owed, and where it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from ems.domain.billing.payment import Payment
from ems.domain.billing.prepaid import Ask, Booking, PrepaidAccount
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.refund import Refund, RefundAsk
from ems.domain.billing.statement import BillingGroup, Correction, Month, Statement


class PaymentFilter(NamedTuple):
    """Payments in one of `states` (none: any) at `evse`, begun in a span, with `text` in a reference, a session, an
    account or a name that the provider gave; the newest `most`.
    """

    states: tuple[str, ...] = ()
    evse: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    most: int = 100


class PaymentStep(NamedTuple):
    """Something that happened to a payment, and where it was then."""

    at: datetime
    cause: str
    state: str


class PaymentStory(NamedTuple):
    """A payment with everything that is known of it."""

    payment: Payment
    steps: Sequence[PaymentStep]
    refunds: Sequence[Refund]
    receipt: Receipt | None


class RefundBook(Protocol):
    """Where refunds are kept. Raises NotStoredError."""

    async def ask(self, reference: str, ask: RefundAsk, at: datetime) -> tuple[Refund, Payment]:
        """Returns when a refund would survive a power cut; the known one when it was asked for before. Raises
        UnknownError or ValueError.
        """
        ...

    async def payment(self, reference: str) -> Payment:
        """The payment with that reference. Raises UnknownError."""
        ...

    async def over(self, refund: Refund) -> None:
        """Returns when the end of a refund would survive a power cut."""
        ...

    async def open(self) -> Sequence[tuple[Refund, Payment]]:
        """Refunds that are to be asked for."""
        ...


class PrepaidBook(Protocol):
    """Where prepaid accounts are kept. Raises NotStoredError."""

    async def accounts(self) -> Sequence[PrepaidAccount]:
        """All of them."""
        ...

    async def book(self, person: str, ask: Ask, at: datetime) -> PrepaidAccount:
        """Returns when it is booked so that it would survive a power cut; once, however often it is asked for. Raises
        UnknownError or ValueError.
        """
        ...

    async def receipt(self, session: str) -> Receipt | None:
        """The receipt of a session that is over."""
        ...

    async def unsettled(self) -> Sequence[tuple[str, str, int]]:
        """(person, session, cost) of sessions that are over, and that an account should have paid for and did not."""
        ...


class PaymentRecords(Protocol):
    """Payments as operators see them, and what they give back. Raises UnknownError, ValueError or NotStoredError."""

    async def found(self, wanted: PaymentFilter) -> Sequence[tuple[Payment, int]]:
        """Payments, newest first, each with what went back of it."""
        ...

    async def story(self, reference: str) -> PaymentStory:
        """Everything about one payment."""
        ...

    async def refund(self, reference: str, ask: RefundAsk) -> Refund:
        """Give back what a payment took, or a part; the same `id` is one refund, however often it is told."""
        ...


class Prepaid(Protocol):
    """Prepaid accounts. Raises UnknownError, ValueError or NotStoredError."""

    def people(self) -> Mapping[str, str]:
        """Who could have one: people's ids with what they are called."""
        ...

    @property
    def takes_cards(self) -> bool:
        """Whether accounts can be topped up by card."""
        ...

    async def accounts(self) -> Sequence[PrepaidAccount]:
        """All of them, by person."""
        ...

    async def account(self, person: str) -> PrepaidAccount:
        """One of them."""
        ...

    async def linked(self, link: str) -> PrepaidAccount:
        """The one that its owner looks at, by the secret part of the address."""
        ...

    async def bookings(self, person: str, most: int) -> Sequence[Booking]:
        """What was booked, newest first."""
        ...

    async def open(self, person: str, is_open: bool, who: str) -> PrepaidAccount:
        """Open the account of a person, or close it."""
        ...

    async def book(self, person: str, amount: int, note: str, key: str, who: str) -> PrepaidAccount:
        """Book an amount by hand; the same `key` is one booking."""
        ...

    async def top_up(self, person: str, amount: int, back_url: str) -> Payment:
        """Begin a payment by card that tops an account up."""
        ...


class Billing(Protocol):
    """Groups that pay by the month. Raises UnknownError, ValueError or NotStoredError."""

    def tag_groups(self) -> Mapping[str, str]:
        """Which could: groups of tags with what they are called."""
        ...

    async def groups(self) -> Sequence[BillingGroup]:
        """All of them, by id."""
        ...

    async def keep(self, group: BillingGroup, who: str) -> None:
        """Bill a group of tags, or describe anew how."""
        ...

    async def remove(self, group: str, who: str) -> None:
        """Bill a group no more; statements stay."""
        ...

    async def statement(self, group: str, month: Month) -> Statement:
        """The statement of a month; one that is not closed as it stands now."""
        ...

    async def statements(self, group: str) -> Sequence[Statement]:
        """Closed months without their lines' order changed, newest first."""
        ...

    async def close(self, group: str, month: Month, who: str) -> Statement:
        """Close a month; one that is closed stays as it is."""
        ...

    async def correct(self, correction: Correction) -> None:
        """Put something right that was wrong in a closed month."""
        ...
