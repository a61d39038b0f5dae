"""What drivers pay: price lists of fees, and which of them a session gets at plug-in.

Not what the site pays for its energy, which is its tariff.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from ems.domain.billing.money import decimals, minor, price
from ems.domain.recurrence import ALWAYS, Recurrence
from ems.domain.validity import FOR_EVER, Validity
from ems.domain.vehicle import plain_id

MAX_FEES = 50
MAX_GRACE_MIN = 7 * 24 * 60
QUARTER_MIN = 15


class Unit(StrEnum):
    """What a fee is for: a kWh, a minute plugged in, a minute idle after the grace, or the session."""

    KWH = "kwh"
    MINUTE = "minute"
    IDLE_MINUTE = "idle-minute"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Fee:
    """So much per unit, value added tax included, while `times` holds; that of a session counts as at plug-in."""

    unit: Unit
    price: Decimal
    times: Recurrence = ALWAYS

    def __post_init__(self) -> None:
        price(f"the price per {self.unit}", self.price)
        for at in self.times.clock_times():
            if at.minute % QUARTER_MIN or at.second or at.microsecond:
                raise ValueError(
                    f"a fee changes at {at:%H:%M}: energy is counted by quarter hours, so write {at:%H}:00"
                )


@dataclass(frozen=True, slots=True)
class PriceList:
    """What is paid by who plugs in while it is valid, at one of `evses` (none: any) and in one of `groups` (none:
    anybody).

    Of each unit the first fee that holds counts; where none does, it is free. The first `idle_grace_min` idle minutes
    of a session are free, and those behind them cost `idle_at_most` in all; None: as long as it is idle. `hold`: the
    most that is blocked on a card in advance; None where no card pays.
    """

    id: str
    currency: str
    fees: tuple[Fee, ...]
    name: str = ""
    vat_percent: Decimal = Decimal(0)
    idle_grace_min: int = 0
    validity: Validity = FOR_EVER
    evses: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    hold: Decimal | None = None
    idle_at_most: Decimal | None = None

    def __post_init__(self) -> None:
        plain_id("the id of a price list", self.id)
        places = decimals(self.currency)
        if not self.name.isprintable():
            raise ValueError(f"the name of price list '{self.id}' must be printable")
        if len(self.fees) > MAX_FEES:
            raise ValueError(f"price list '{self.id}' has more than {MAX_FEES} fees")
        if not self.vat_percent.is_finite() or not 0 <= self.vat_percent <= 100 or _places(self.vat_percent) > 2:
            raise ValueError(f"the VAT of price list '{self.id}' must be 0 to 100 % with two places at most")
        if not 0 <= self.idle_grace_min <= MAX_GRACE_MIN:
            raise ValueError(f"the grace of price list '{self.id}' must be 0 to {MAX_GRACE_MIN} minutes")
        for what, amount in (("hold", self.hold), ("most for idle minutes", self.idle_at_most)):
            if amount is not None:
                price(f"the {what} of price list '{self.id}'", amount)
                if _places(amount) > places or not amount:
                    raise ValueError(f"the {what} of price list '{self.id}' is no amount of {self.currency} to pay")
        if self.idle_at_most is not None and all(fee.unit is not Unit.IDLE_MINUTE for fee in self.fees):
            raise ValueError(
                f"price list '{self.id}' says what idle minutes cost at most, but not what one costs: add a fee for"
                " 'idle-minute', or leave out the most"
            )
        for group in self.groups:
            plain_id("the name of a group", group)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.id

    @property
    def costs_nothing(self) -> bool:
        """It makes something free that another list would charge for."""
        return self.hold is None and not any(fee.price for fee in self.fees)

    @property
    def rank(self) -> tuple[bool, bool]:
        """Which of several counts for a session: one that names its group, then one that names its EVSE."""
        return (bool(self.groups), bool(self.evses))

    def fee(self, unit: Unit, local: datetime) -> int | None:
        """The position of the fee for a unit at a local time; None where it is free."""
        holding = (i for i, fee in enumerate(self.fees) if fee.unit is unit and fee.times.holds(local))
        return next(holding, None)

    def grows(self, idle_cost: int) -> bool:
        """Whether time alone adds to what a session costs whose idle minutes cost so much (minor units) by now."""
        by_time = {fee.unit for fee in self.fees if fee.price}
        is_most = self.idle_at_most is not None and idle_cost >= minor(self.idle_at_most, self.currency)
        return Unit.MINUTE in by_time or (Unit.IDLE_MINUTE in by_time and not is_most)

    def may_count(self, evse: str, day: date) -> bool:
        """Whether it counts for some driver who plugs in there on a local day."""
        return self.validity.holds(day) and (not self.evses or evse in self.evses)

    def rivals(self, other: PriceList) -> bool:
        """Whether nobody could say which of both counts for some session."""
        return (
            self.rank == other.rank
            and self.validity.overlaps(other.validity)
            and (not self.evses or not set(self.evses).isdisjoint(other.evses))
            and (not self.groups or not set(self.groups).isdisjoint(other.groups))
        )


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def quoted(lists: Iterable[PriceList], evse: str, plugged: datetime, zone: ZoneInfo) -> tuple[PriceList, ...]:
    """The price lists as they are at plug-in, of which one will count once it is known who plugged in."""
    day = plugged.astimezone(zone).date()
    return tuple(one for one in lists if one.may_count(evse, day))


def chosen(quote: Iterable[PriceList], groups: Collection[str]) -> PriceList | None:
    """The price list of a quote that counts for somebody in these groups; None: it is free. Of several for different
    groups of one person it is the first by id.
    """
    fitting = [one for one in quote if not one.groups or not set(one.groups).isdisjoint(groups)]
    highest = max((one.rank for one in fitting), default=None)
    return min((one for one in fitting if one.rank == highest), key=lambda one: one.id, default=None)
