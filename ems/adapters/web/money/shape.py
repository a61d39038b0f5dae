"""The shape of what the interface answers about money; amounts are text, exact, and of the `currency` beside them."""

from __future__ import annotations

from typing_extensions import TypedDict

from ems.adapters.web.prices.shape import ReceiptRow


class RecordRow(TypedDict):
    """A payment as operators see it, without what only its driver may know. `reference` names it, also at the provider
    and at the station; `account` is that of the person who topped up, null for a session.
    """

    reference: str
    evse: str
    account: str | None
    state: str
    provider: str
    created: str
    since: str
    hold: str
    amount: str
    given_back: str
    currency: str
    session: str | None
    checkout: str | None
    hold_id: str | None
    why: str


class Records(TypedDict):
    """Payments, newest first."""

    payments: list[RecordRow]


class StepRow(TypedDict):
    """Something that happened to a payment, and where it was then."""

    at: str
    cause: str
    state: str


class RefundRow(TypedDict):
    """What goes back, with its credit note; the tax is inside. `why` it was refused, if it was."""

    key: str
    state: str
    amount: str
    vat: str
    net: str
    vat_percent: str
    currency: str
    reason: str
    who: str
    created: str
    since: str
    credit_note: str
    why: str


class StoryRow(TypedDict):
    """A payment with everything that is known of it. `left`: what can still go back."""

    payment: RecordRow
    left: str
    steps: list[StepRow]
    refunds: list[RefundRow]
    receipt: ReceiptRow | None


class AccountRow(TypedDict):
    """A prepaid account. `held` is set aside for sessions that run, and not in the balance. `link` is the path at which
    its owner looks at it, a secret of theirs.
    """

    person: str
    open: bool
    opened: str
    currency: str
    balance: str
    held: str
    link: str


class AccountRows(TypedDict):
    """All prepaid accounts, by person."""

    accounts: list[AccountRow]


class BookingRow(TypedDict):
    """What went in or, negative, out; `balance` after it."""

    number: int
    at: str
    kind: str
    amount: str
    session: str | None
    note: str
    who: str


class Bookings(TypedDict):
    """A prepaid account with its newest bookings, newest first."""

    account: AccountRow
    bookings: list[BookingRow]


class TopUpRow(TypedDict):
    """A payment that tops an account up: whoever pays goes to `redirect` (null: ask again in a moment)."""

    reference: str
    state: str
    amount: str
    currency: str
    redirect: str | None


class GroupRow(TypedDict):
    """A group of tags that pays by the month."""

    id: str
    title: str
    address: str
    reference: str


class GroupRows(TypedDict):
    """All groups that pay by the month, by id."""

    groups: list[GroupRow]


class RateRow(TypedDict):
    """The sums of one tax rate."""

    vat_percent: str
    net: str
    vat: str
    amount: str


class StatementLineRow(TypedDict):
    """A session or a correction."""

    at: str
    words: str
    evse: str | None
    energy_kwh: str
    vat_percent: str
    net: str
    vat: str
    amount: str
    session: str | None


class StatementRow(TypedDict):
    """What a group pays for a month; `closed` null while it may still grow."""

    number: str
    group: GroupRow
    month: str
    closed: str | None
    currency: str
    lines: list[StatementLineRow]
    rates: list[RateRow]
    energy_kwh: str
    net: str
    vat: str
    total: str


class StatementBrief(TypedDict):
    """A closed month."""

    month: str
    number: str
    closed: str
    sessions: int
    total: str
    currency: str


class StatementBriefs(TypedDict):
    """Closed months of a group, newest first."""

    statements: list[StatementBrief]
