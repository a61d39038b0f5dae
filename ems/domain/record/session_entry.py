"""A session as it stands in the site's list, what people ask that list for, and what it all adds up to.

A session belongs to the period in which it began, whenever it ended; its energy flowed in the quarter hours that its
usage tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ems.domain.billing.payment import PaymentState

INFERRED = "inferred"
"""Asks for sessions whose end nobody told; the reason of the record says why it is taken for ended."""

STOP_REASONS = (
    *("Local", "Remote", "EVDisconnected", "DeAuthorized", "EmergencyStop", "UnlockCommand"),
    *("PowerLoss", "Reboot", "HardReset", "SoftReset", "Other"),
)
"""Why a transaction ended, in the words of OCPP 1.6, section 7.36."""


class SessionEntry(NamedTuple):
    """A session, `unplugged` None while it lasts. Its transactions `began` and `ended`, the last one because of
    `ended_by` (empty: it has none that ended); `is_inferred`: nobody told that end.

    `tag` is what was held up, `groups` those of its holder at that time with those around them. `cost_minor`, tax
    inside, and `vat_minor` in minor units of `currency`; None without a receipt. `payment` None: nobody paid for it
    beforehand. `idle_s` of the time plugged in; None where that was not recorded. A void session is none that counts,
    because somebody said so, or it proved to have begun before, by another name; `corrections`: so often somebody
    corrected it. `signed`: so many signed meter values.
    """

    id: str
    evse: str
    plugged: datetime
    unplugged: datetime | None
    energy_wh: float
    need_wh: float | None = None
    departure: datetime | None = None
    soc_percent: float | None = None
    service_class: int = 0
    vehicle: str | None = None
    tag: str | None = None
    person: str | None = None
    cost_centre: str = ""
    groups: tuple[str, ...] = ()
    transactions: tuple[int, ...] = ()
    began: datetime | None = None
    ended: datetime | None = None
    ended_by: str = ""
    is_inferred: bool = False
    cost_minor: int | None = None
    vat_minor: int | None = None
    currency: str = ""
    price_list: str = ""
    payment: PaymentState | None = None
    idle_s: int | None = None
    is_void: bool = False
    corrections: int = 0
    signed: int = 0

    @property
    def station(self) -> str:
        """The station of its EVSE."""
        return self.evse.rpartition("/")[0]

    def occupied_s(self, now: datetime) -> float:
        """Seconds plugged in, so far if it lasts."""
        return max(0.0, ((self.unplugged or now) - self.plugged).total_seconds())


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Sessions that began from `since` until before `until`, and whatever else is said of them (None: nothing).

    `evses`: at one of these. `payments`: paid for like that; None among them: not paid for beforehand. `ended_by`:
    reasons, or `INFERRED`. `is_open`: whether they last. Void ones only if `with_void`.
    """

    since: datetime
    until: datetime
    evses: frozenset[str] | None = None
    station: str | None = None
    vehicle: str | None = None
    tag: str | None = None
    person: str | None = None
    group: str | None = None
    cost_centre: str | None = None
    payments: frozenset[PaymentState | None] | None = None
    ended_by: frozenset[str] | None = None
    is_open: bool | None = None
    with_void: bool = False


class SessionSort(StrEnum):
    """What a list of sessions is sorted by."""

    PLUGGED = "plugged"
    ENERGY = "energy"
    DURATION = "duration"
    COST = "cost"


class SessionMark(NamedTuple):
    """A place in a sorted list: behind the session `id`, whose value is `value` (as the database sorts it)."""

    value: float
    id: str


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Some entries of a sorted list; `next` marks where it goes on, None at its end."""

    entries: tuple[SessionEntry, ...]
    next: SessionMark | None


@dataclass(frozen=True, slots=True)
class SessionSums:
    """What the sessions of a filter add up to: their number, how many of them last, energy, seconds plugged in (of
    those that ended) and idle, and by currency what they cost, tax inside, in minor units. Void ones never count.
    """

    sessions: int = 0
    open: int = 0
    energy_wh: float = 0.0
    occupied_s: float = 0.0
    idle_s: int = 0
    cost_minor: Mapping[str, int] = field(default_factory=dict)

    def plus(self, other: SessionSums) -> SessionSums:
        """Both together."""
        currencies = (*self.cost_minor, *other.cost_minor)
        return SessionSums(
            self.sessions + other.sessions,
            self.open + other.open,
            self.energy_wh + other.energy_wh,
            self.occupied_s + other.occupied_s,
            self.idle_s + other.idle_s,
            {name: self.cost_minor.get(name, 0) + other.cost_minor.get(name, 0) for name in dict.fromkeys(currencies)},
        )


class SessionQuarter(NamedTuple):
    """What a session got in the quarter hour from `starts`, Wh, and how long it was idle in it."""

    starts: datetime
    energy_wh: int
    idle_s: int
