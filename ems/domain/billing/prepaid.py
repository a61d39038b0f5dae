"""Prepaid accounts: what a person paid in advance, as a ledger to which bookings are only ever added.

The sum of the bookings is the balance, and it is never below zero: while a session runs, a part of the balance is held
for it, and what it cost is taken from what was held and what is left. Every booking has a key, under which it happens
once, however often it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ems.domain.billing.energy_cap import cap_wh
from ems.domain.billing.money import major
from ems.domain.billing.payment import USABLE_PERCENT
from ems.domain.billing.price_list import PriceList

MAX_AMOUNT = 10**9
MAX_KEY, MAX_NOTE = 64, 200


class BookingKind(StrEnum):
    """Why an amount went in or out. HOLD and RELEASE are what is set aside for a session and comes back at its end."""

    TOP_UP = "top-up"
    BY_HAND = "by-hand"
    HOLD = "hold"
    RELEASE = "release"
    CHARGE = "charge"
    REFUND = "refund"
    REFUND_UNDONE = "refund-undone"


@dataclass(frozen=True, slots=True)
class Booking:
    """`amount` in minor units, negative for what goes out; `number` counts those of a person from 1."""

    person: str
    number: int
    at: datetime
    kind: BookingKind
    amount: int
    key: str
    session: str = ""
    payment: str = ""
    note: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class PrepaidAccount:
    """Of one person. `balance` is what may be spent; `holds` what is set aside for each session that runs. `link` is
    the secret part of the address at which its owner looks at it. Without `is_open` no session begins with it.
    """

    person: str
    currency: str
    opened: datetime
    is_open: bool = True
    link: str = field(default="", repr=False)
    number: int = 0
    balance: int = 0
    holds: Mapping[str, int] = field(default_factory=dict)

    @property
    def held(self) -> int:
        """What is set aside for all sessions that run."""
        return sum(self.holds.values())

    def after(self, booking: Booking) -> PrepaidAccount:
        """The account with one more booking. Raises ValueError when that would leave less than nothing."""
        balance = self.balance + booking.amount
        if balance < 0:
            raise ValueError(f"only {self.in_words(self.balance)} are left in the account of {self.person}")
        holds = dict(self.holds)
        if booking.kind is BookingKind.HOLD:
            holds[booking.session] = holds.get(booking.session, 0) - booking.amount
        elif booking.kind is BookingKind.CHARGE:
            holds.pop(booking.session, None)
        return replace(self, number=booking.number, balance=balance, holds=holds)

    def in_words(self, amount: int) -> str:
        """An amount with its currency."""
        return f"{major(amount, self.currency)} {self.currency}"


class ByHand(NamedTuple):
    """An operator books an amount, positive for what comes in, and says why."""

    amount: int
    note: str
    key: str
    who: str


class ToppedUp(NamedTuple):
    """The payment `payment` took an amount for this account."""

    amount: int
    payment: str


class Held(NamedTuple):
    """A session runs: of the balance up to `most` is set aside for it; `part` counts how often."""

    session: str
    most: int
    part: int = 0


class Settled(NamedTuple):
    """A session is over and cost so much."""

    session: str
    cost: int


class PaidBack(NamedTuple):
    """The refund `refund` of the payment `payment` takes an amount out; or, undone, puts it back in."""

    refund: str
    payment: str
    amount: int
    is_undone: bool = False


Ask = ByHand | ToppedUp | Held | Settled | PaidBack


def key_of(ask: Ask) -> str:
    """The key of what must happen once."""
    match ask:
        case ByHand(_, _, key, _):
            return f"by-hand:{key}"
        case ToppedUp(_, payment):
            return f"top-up:{payment}"
        case Held(session, _, part):
            return f"hold:{part}:{session}"
        case Settled(session, _):
            return f"charge:{session}"
        case PaidBack(refund, _, _, is_undone):
            return f"{'undone' if is_undone else 'refund'}:{refund}"


def entries(known: PrepaidAccount, ask: Ask, at: datetime) -> tuple[Booking, ...]:
    """The bookings that carry something out, in order. Raises ValueError when it cannot be."""
    kind, key, number = _KINDS[type(ask)], key_of(ask), known.number + 1
    found: tuple[Booking, ...]
    match ask:
        case ByHand(amount, note, _, who):
            _must_be_booked(ask)
            found = (Booking(known.person, number, at, kind, amount, key, note=note, who=who),)
        case ToppedUp(amount, payment):
            found = (Booking(known.person, number, at, kind, amount, key, payment=payment),)
        case Held(session, most, _):
            amount = -max(0, min(most, known.balance))
            found = (Booking(known.person, number, at, kind, amount, key, session=session),)
        case Settled(session, cost):
            found = _settled(known, session, cost, at)
        case PaidBack(refund, payment, amount, is_undone):
            kind, amount = (BookingKind.REFUND_UNDONE, amount) if is_undone else (kind, -amount)
            found = (Booking(known.person, number, at, kind, amount, key, payment=payment, note=refund),)
    after = known
    for booking in found:
        after = after.after(booking)
    return found


def _settled(known: PrepaidAccount, session: str, cost: int, at: datetime) -> tuple[Booking, ...]:
    """What was held comes back, and what was delivered is taken, as far as there is anything."""
    held, number, found = known.holds.get(session, 0), known.number, []
    if held:
        number += 1
        found.append(
            Booking(known.person, number, at, BookingKind.RELEASE, held, f"release:{session}", session=session)
        )
    taken = max(0, min(cost, known.balance + held))
    key = f"charge:{session}"
    found.append(Booking(known.person, number + 1, at, BookingKind.CHARGE, -taken, key, session=session))
    return tuple(found)


def _must_be_booked(ask: ByHand) -> None:
    if not ask.amount or abs(ask.amount) > MAX_AMOUNT:
        raise ValueError("say how much is booked: more or less than nothing, and not billions")
    if not ask.note.strip() or len(ask.note) > MAX_NOTE or not ask.note.isprintable():
        raise ValueError(f"say why in up to {MAX_NOTE} characters: cash, a correction, a present")
    if not 1 <= len(ask.key) <= MAX_KEY or not ask.key.isascii() or not ask.key.isprintable():
        raise ValueError(f"a key is 1 to {MAX_KEY} plain characters, new for each booking")


_KINDS: Mapping[type[Ask], BookingKind] = {
    ByHand: BookingKind.BY_HAND,
    ToppedUp: BookingKind.TOP_UP,
    Held: BookingKind.HOLD,
    Settled: BookingKind.CHARGE,
    PaidBack: BookingKind.REFUND,
}


def is_used_up(cost: int, hold: int) -> bool:
    """Whether a cost has come so near to what is held that more must be held, or the session must end."""
    return 100 * cost >= USABLE_PERCENT * hold


def too_little(known: PrepaidAccount, prices: PriceList, most_w: float, label: str) -> str:
    """Why no session can begin with an account at these prices; empty when one can."""
    if not known.is_open:
        return f"the prepaid account of {label} is closed"
    if known.balance > 0 and covers(prices, known.balance, most_w):
        return ""
    return f"{known.in_words(known.balance)} are left in the prepaid account of {label}: top it up"


def covers(prices: PriceList, amount: int, most_w: float) -> bool:
    """Whether an amount pays for at least a kWh."""
    try:
        cap_wh(prices, amount, most_w)
    except ValueError:
        return False
    return True
