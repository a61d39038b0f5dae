"""A payment for one session: an amount is held on a card before it, and what the session cost is taken after it.

Nothing here asks anybody. Every step is stored before what is due in the new state is asked of the provider or the
station, so that after a crash the same is asked again under the same key, and happens once. What has no place in the
table (told twice, late, out of order) changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from ems.domain.billing.price_list import PriceList

START_TIME = timedelta(minutes=5)
"""So long a driver who has paid may take to plug in."""

HOLD_LIFE = timedelta(days=5)
"""So long a hold lasts where its provider does not say: of all cards those of Visa, at times, end first
(docs.stripe.com, "Place a hold on a payment method").
"""

HOLD_MARGIN = timedelta(hours=2)
"""So long before the hold ends the session is settled, whatever it does."""

TAG_PREFIX = "PAY-"
"""Begins the tags of payments; with 16 characters more they fit an idToken of OCPP 1.6, which has 20."""
USABLE_PERCENT = 97
"""Of a hold; the rest is for what flows until a stop is obeyed."""


class PaymentState(StrEnum):
    """Where a payment is."""

    CREATED = "created"
    HOLD_REQUESTED = "hold-requested"
    AUTHORISED = "authorised"
    STARTING = "starting"
    CHARGING = "charging"
    STOPPING = "stopping"
    CAPTURED = "captured"
    RELEASED = "released"
    FAILED = "failed"
    EXPIRED = "expired"
    MANUAL_REVIEW = "manual-review"

    @property
    def is_over(self) -> bool:
        """Nothing more is due."""
        return self in _OVER


_OVER = frozenset(
    {
        PaymentState.CAPTURED,
        PaymentState.RELEASED,
        PaymentState.FAILED,
        PaymentState.EXPIRED,
        PaymentState.MANUAL_REVIEW,
    }
)


class HoldAsked(NamedTuple):
    """The provider is to be asked for a hold."""


class CheckoutOpened(NamedTuple):
    """The provider has a page, at `url`, on which the driver can pay."""

    checkout: str
    url: str


class HoldPlaced(NamedTuple):
    """The amount is held; it can be taken until `capture_before` (None: nobody says)."""

    hold_id: str
    capture_before: datetime | None = None


class HoldRefused(NamedTuple):
    """There will be no hold."""

    why: str


class Withdrawn(NamedTuple):
    """The driver thought better of it before paying."""


class CheckoutOver(NamedTuple):
    """Nobody paid in time, and nobody can any more."""

    why: str = "nobody paid in time"


class StartAsked(NamedTuple):
    """The station is to begin."""


class StartFailed(NamedTuple):
    """The station refused, or nobody plugged in, or the driver thought better of it."""

    why: str


class Began(NamedTuple):
    """The station began a transaction in a session."""

    session: str


class Ended(NamedTuple):
    """The session is over, or must be settled; it cost so much, minor units."""

    cost: int
    why: str = ""


class Captured(NamedTuple):
    """The provider took the amount, or so much of it as it can, and let go of the rest."""

    amount: int


class Released(NamedTuple):
    """The provider let go of the hold."""


class Unsettled(NamedTuple):
    """The provider will not do what is due; a person must look."""

    why: str


Cause = (
    HoldAsked
    | CheckoutOpened
    | HoldPlaced
    | HoldRefused
    | Withdrawn
    | CheckoutOver
    | StartAsked
    | StartFailed
    | Began
    | Ended
    | Captured
    | Released
    | Unsettled
)

_S = PaymentState
EDGES: Mapping[tuple[PaymentState, type[Cause]], PaymentState] = {
    (_S.CREATED, HoldAsked): _S.HOLD_REQUESTED,
    (_S.HOLD_REQUESTED, CheckoutOpened): _S.HOLD_REQUESTED,
    (_S.HOLD_REQUESTED, Withdrawn): _S.HOLD_REQUESTED,
    (_S.HOLD_REQUESTED, HoldPlaced): _S.AUTHORISED,
    (_S.HOLD_REQUESTED, HoldRefused): _S.FAILED,
    (_S.HOLD_REQUESTED, CheckoutOver): _S.EXPIRED,
    (_S.HOLD_REQUESTED, Unsettled): _S.MANUAL_REVIEW,
    # A hold that comes when nobody waits for it any more is let go.
    (_S.FAILED, HoldPlaced): _S.STOPPING,
    (_S.EXPIRED, HoldPlaced): _S.STOPPING,
    (_S.AUTHORISED, StartAsked): _S.STARTING,
    (_S.AUTHORISED, StartFailed): _S.STOPPING,
    # A top-up of a prepaid account: there is nothing to wait for.
    (_S.AUTHORISED, Ended): _S.STOPPING,
    (_S.STARTING, StartFailed): _S.STOPPING,
    (_S.STARTING, Began): _S.CHARGING,
    (_S.CHARGING, Ended): _S.STOPPING,
    (_S.STOPPING, Captured): _S.CAPTURED,
    (_S.STOPPING, Released): _S.RELEASED,
    (_S.STOPPING, Unsettled): _S.MANUAL_REVIEW,
}
"""Every step there is; nothing else happens to a payment."""


class Due(StrEnum):
    """What must be done next."""

    ASK = "ask"
    OPEN = "open"
    LOOK = "look"
    CLOSE = "close"
    PREPARE = "prepare"
    TAKE = "take"
    START = "start"
    GIVE_UP = "give-up"
    WATCH = "watch"
    CAPTURE = "capture"
    RELEASE = "release"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Payment:
    """`hold`, `least` (less the provider does not take) and `amount` (to be taken) in minor units of `currency`.

    `tag` is what its station is told to begin with; it says nothing about the `id`, which is a secret of the driver.
    `prices` are those that the driver was shown; `cap_wh` the energy that the hold surely pays for, None where energy
    costs nothing. `checkout` and `url` are the provider's page, to be paid until `expires`, which leads back to
    `back_url`; `hold_id` names the hold. `why` says in words for drivers why it went as it did. `account`: the person
    whose prepaid account it tops up, with all of `hold`; then there is neither EVSE nor session.
    """

    id: str
    tag: str
    evse: str
    provider: str
    prices: PriceList
    hold: int
    least: int
    cap_wh: int | None
    created: datetime
    expires: datetime
    since: datetime
    back_url: str = ""
    state: PaymentState = PaymentState.CREATED
    checkout: str = ""
    url: str = ""
    hold_id: str = ""
    capture_before: datetime | None = None
    session: str = ""
    amount: int = 0
    why: str = ""
    account: str = ""

    @property
    def subject(self) -> str:
        """What it is for, in a few words."""
        return f"{self.prices.title}: {self.evse}" if self.evse else self.prices.title

    @property
    def currency(self) -> str:
        """Of all its amounts."""
        return self.prices.currency

    def key(self, due: Due) -> str:
        """The key under which a provider does a thing once, however often it is asked."""
        return f"{self.id}:{due}"

    def due(self, now: datetime) -> Due:
        """What must be done next."""
        match self.state:
            case PaymentState.CREATED:
                return Due.ASK
            case PaymentState.HOLD_REQUESTED if not self.checkout:
                return Due.OPEN
            case PaymentState.HOLD_REQUESTED:
                return Due.CLOSE if now >= self.expires else Due.LOOK
            case PaymentState.AUTHORISED:
                return Due.TAKE if self.account else Due.PREPARE
            case PaymentState.STARTING:
                return Due.GIVE_UP if now >= self.since + START_TIME else Due.START
            case PaymentState.CHARGING:
                return Due.WATCH
            case PaymentState.STOPPING:
                return Due.CAPTURE if self.amount else Due.RELEASE
            case _:
                return Due.NOTHING

    def must_settle(self, now: datetime) -> bool:
        """Whether the hold ends so soon that what the session cost must be taken now."""
        return now >= (self.capture_before or self.created + HOLD_LIFE) - HOLD_MARGIN

    def is_all(self, cost: int, idle_cost: int) -> bool:
        """Whether nothing is added any more to what a session costs whose charging has ended, or nothing that the hold
        would pay for; `idle_cost` is that of its idle minutes.
        """
        return cost >= self.hold or not self.prices.grows(idle_cost)

    def is_used_up(self, cost: int) -> bool:
        """Whether a cost has come so near to the hold that the session must end."""
        return 100 * cost >= USABLE_PERCENT * self.hold


def step(known: Payment, cause: Cause, now: datetime) -> Payment:
    """The payment after something happened; the same where that has no place in the table."""
    state = EDGES.get((known.state, type(cause)))
    if state is None:
        return known
    after = replace(known, state=state, since=now)
    match cause:
        case CheckoutOpened(checkout, url):
            return replace(after, since=known.since, checkout=checkout, url=url)
        case Withdrawn():
            return replace(after, since=known.since, expires=min(now, known.expires))
        case HoldPlaced(hold_id, capture_before):
            return replace(after, hold_id=hold_id, capture_before=capture_before)
        case HoldRefused(why) | CheckoutOver(why) | StartFailed(why) | Unsettled(why):
            return replace(after, why=why)
        case Began(session):
            return replace(after, session=session)
        case Ended(cost, why):
            return replace(after, amount=_to_take(known, cost), why=why or _in_words(known, cost))
        case Captured(amount):
            return replace(after, amount=min(amount, known.amount))
        case _:
            return after


def _to_take(known: Payment, cost: int) -> int:
    """Never more than was held; nothing where it is less than a provider takes."""
    return min(cost, known.hold) if cost >= known.least else 0


def _in_words(known: Payment, cost: int) -> str:
    if cost <= 0:
        return "no energy flowed"
    return "it cost less than can be taken" if cost < known.least else ""
