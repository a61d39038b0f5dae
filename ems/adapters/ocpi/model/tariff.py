"""Tariffs: what operators ask of providers (OCPI 2.2.1, section 11). Prices are without tax."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ems.adapters.ocpi.model.types import Country, Currency, DateTime, DisplayText, Id, Number, Party, Price, Thing, Url

Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]


class Dimension(StrEnum):
    """What a price is for: a kWh, the session, an hour without charging, an hour of charging."""

    ENERGY = "ENERGY"
    FLAT = "FLAT"
    PARKING_TIME = "PARKING_TIME"
    TIME = "TIME"


class DayOfWeek(StrEnum):
    """A weekday."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class PriceComponent(Thing):
    """A price; `vat` in percent comes on top. Billed in steps of `step_size` Wh or seconds."""

    type: Dimension
    price: Number
    vat: Number | None = None
    step_size: int


class Restrictions(Thing):
    """When an element counts; local times."""

    start_time: Clock | None = None
    end_time: Clock | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    min_kwh: Number | None = None
    max_kwh: Number | None = None
    min_current: Number | None = None
    max_current: Number | None = None
    min_power: Number | None = None
    max_power: Number | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    day_of_week: list[DayOfWeek] | None = None
    reservation: str | None = None


class Element(Thing):
    """Prices that count together; of each dimension the first element that fits counts."""

    price_components: Annotated[list[PriceComponent], Field(min_length=1)]
    restrictions: Restrictions | None = None


class Tariff(Thing):
    """A tariff."""

    country_code: Country
    party_id: Party
    id: Id
    currency: Currency
    type: str | None = None
    tariff_alt_text: list[DisplayText] | None = None
    tariff_alt_url: Url | None = None
    min_price: Price | None = None
    max_price: Price | None = None
    elements: Annotated[list[Element], Field(min_length=1)]
    start_date_time: DateTime | None = None
    end_date_time: DateTime | None = None
    last_updated: DateTime
