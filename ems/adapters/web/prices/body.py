"""What can be told of what drivers pay. Money is written as text or a number with a point, never rounded on the way."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from ems.adapters.web.body import Body, Moment
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.usage import Usage, supposed
from ems.domain.limit import LimitWindow
from ems.domain.recurrence import DayWindow, MonthDay, Recurrence, Season
from ems.domain.validity import Validity

Money = Annotated[Decimal, Field(max_digits=20, examples=["0.39"])]
LEAP_YEAR = 2024


class FeeBody(Body):
    """So much per kWh, minute plugged in, idle minute after the grace, or session; VAT included. Without `when` it is
    always so; of several fees of a unit the first whose time it is counts.
    """

    unit: Unit
    price: Money
    when: list[str] = Field(default=[], max_length=20, examples=[["Mon-Fri 18:00-21:00"]])
    seasons: list[str] = Field(default=[], max_length=10, examples=[["06-01..08-31"]])

    def fee(self) -> Fee:
        """As the domain says it."""
        seasons = tuple(_season(text) for text in self.seasons)
        windows = tuple(DayWindow(*LimitWindow.parse_when(text)) for text in self.when)
        return Fee(self.unit, self.price, Recurrence(seasons, windows))


class PriceListBody(Body):
    """What drivers pay who plug in from `valid_from` to `valid_until` (local days, both included), at these EVSEs
    (none: all) and in these groups (none: anybody). One that names a group counts before one that names an EVSE.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Everybody",
                    "vat_percent": "19",
                    "idle_grace_min": 30,
                    "idle_at_most": "12.00",
                    "hold": "40.00",
                    "fees": [
                        {"unit": "kwh", "price": "0.59", "when": ["Mon-Fri 17:00-20:00"]},
                        {"unit": "kwh", "price": "0.39"},
                        {"unit": "idle-minute", "price": "0.10"},
                    ],
                }
            ]
        }
    )

    name: str = ""
    currency: str | None = Field(default=None, description="that of the site, if not said")
    fees: list[FeeBody] = Field(max_length=50)
    vat_percent: Money = Decimal(0)
    idle_grace_min: int = 0
    valid_from: date | None = None
    valid_until: date | None = None
    evses: list[str] = Field(default=[], max_length=1000)
    groups: list[str] = Field(default=[], max_length=100)
    hold: Money | None = Field(default=None, description="the most that is blocked on a card; without it no card pays")
    idle_at_most: Money | None = Field(
        default=None, description="the most that the idle minutes of a session cost; without it they have no end"
    )

    def prices(self, name: str, currency: str) -> PriceList:
        """As the domain says it; `name` is its id, `currency` that of the site."""
        return PriceList(
            id=name,
            currency=self.currency or currency,
            fees=tuple(one.fee() for one in self.fees),
            name=self.name.strip(),
            vat_percent=self.vat_percent,
            idle_grace_min=self.idle_grace_min,
            validity=Validity(self.valid_from, self.valid_until),
            evses=tuple(dict.fromkeys(self.evses)),
            groups=tuple(dict.fromkeys(self.groups)),
            hold=self.hold,
            idle_at_most=self.idle_at_most,
        )


class PreviewBody(Body):
    """A session to be priced: by a list that is kept, or by one that is only thought of."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"price_list": "public", "energy_kwh": 30, "kw": 11}]})

    price_list: str | None = None
    prices: PriceListBody | None = None
    energy_kwh: Annotated[float, Field(gt=0, le=5000)] = 30.0
    kw: Annotated[float, Field(ge=1, le=5000)] = 11.0
    idle_min: Annotated[int, Field(ge=0, le=10_080)] = 0
    at: Moment | None = Field(default=None, description="when it is plugged in; now, if not said")

    @model_validator(mode="after")
    def _by_one_list(self) -> PreviewBody:
        if (self.price_list is None) is (self.prices is None):
            raise ValueError("name a price_list that is kept, or write prices, one of both")
        return self

    def usage(self, now: datetime) -> Usage:
        """What that session would use."""
        at = now if self.at is None else self.at.astimezone(UTC)
        return supposed("", at, 1000.0 * self.energy_kwh, 1000.0 * self.kw, self.idle_min)


_SEASON = re.compile(r"(\d\d)-(\d\d)\.\.(\d\d)-(\d\d)")


def _season(text: str) -> Season:
    match = _SEASON.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:20]!r} is not a season: write month and day of both ends, for example 06-01..08-31")
    first, last = (int(match[1]), int(match[2])), (int(match[3]), int(match[4]))
    return Season(_day(first), _day(last))


def _day(told: MonthDay) -> MonthDay:
    try:
        date(LEAP_YEAR, *told)
    except ValueError:
        raise ValueError(f"no year has a day {told[0]:02}-{told[1]:02}: write month and day") from None
    return told
