"""The shape of a tariff, in a file or in the section `tariff:`: which keys its entries have, of which type, with which
default.

Amounts are in the currency of the site and without VAT. What needs two values is checked in `tariff_entries`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PlainValidator, StringConstraints

from ems.domain.energy.demand_charge import METERED_S, Per
from ems.domain.limit import LimitWindow
from ems.domain.recurrence import DayWindow, MonthDay, Season
from ems.settings.schema import Name, Section, TimeZone, problem

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONGEST_MONTH = 31
LEAP_YEAR = 2024


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"'{str(value)[:40]}'"


def _day(value: Any) -> date:
    remedy = "write a day as 2026-01-31"
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise problem(f"{_shown(value)} is not a day", remedy)
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise problem(f"the day {value} does not exist", remedy) from None
    if not 1990 <= found.year <= 2200:
        raise problem(f"the year of {value} is not plausible", remedy)
    return found


def _month_day(text: str) -> MonthDay:
    """'06-01' as (6, 1); raises ValueError for a day that no year has."""
    month, day = (int(part) for part in text.split("-"))
    date(LEAP_YEAR, month, day)
    return month, day


def _holiday(value: Any) -> date | MonthDay:
    remedy = "write a day as 2026-04-03, or as 12-25 for every year"
    if isinstance(value, str) and re.fullmatch(r"\d{1,2}-\d{1,2}", value):
        try:
            return _month_day(value)
        except ValueError:
            raise problem(f"the day {value} does not exist", remedy) from None
    if not isinstance(value, str):
        raise problem(f"{_shown(value)} is not a day", remedy)
    return _day(value)


def _seasons(value: Any) -> tuple[Season, ...]:
    """'Jun-Sep', 'Jan,Feb,Dec' or '06-15..09-14'."""
    remedy = "write for example Jun-Sep, 'Jan,Dec', or 06-15..09-14"
    if not isinstance(value, str) or not value.strip():
        raise problem(f"{_shown(value)} is not a season", remedy)
    try:
        return tuple(_season(part.strip()) for part in value.split(","))
    except ValueError:
        raise problem(f"{_shown(value)} is not a season", remedy) from None


def _season(text: str) -> Season:
    first, dots, last = text.partition("..")
    if dots:
        return Season(_month_day(first), _month_day(last))
    first, _, last = text.partition("-")
    names = [name.strip()[:3].capitalize() for name in (first, last or first)]
    begin, end = (MONTHS.index(name) + 1 for name in names)
    return Season((begin, 1), (end, LONGEST_MONTH))


def _windows(value: Any) -> tuple[DayWindow, ...]:
    """'Mon-Fri 17:00-20:00', 'Sat,Sun' for whole days, or a list of such."""
    texts = value if isinstance(value, list) else [value]
    example = "write for example 'Mon-Fri 17:00-20:00', or a list of such"
    if not texts:
        raise problem("names no time", example)
    return tuple(_window(text, example) for text in texts)


def _window(text: Any, example: str) -> DayWindow:
    if not isinstance(text, str) or not text.strip():
        raise problem(f"{_shown(text)} is not a time of the week", example)
    try:
        return DayWindow(*LimitWindow.parse_when(text if ":" in text else f"{text} 00:00-24:00"))
    except ValueError as error:
        message, _, remedy = str(error).partition(": ")
        raise problem(message[:80], remedy or example) from None


def _interval(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value * 60 not in METERED_S:
        raise problem(f"{_shown(value)} is not a metering interval", "write 15, 30 or 60")
    return value * 60


Day = Annotated[date, PlainValidator(_day)]
Seasons = Annotated[tuple[Season, ...], PlainValidator(_seasons)]
Windows = Annotated[tuple[DayWindow, ...], PlainValidator(_windows)]
Holiday = Annotated[date | MonthDay, PlainValidator(_holiday)]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class Versioned(Section):
    """What everything agreed for a time has in common."""

    valid_from: Day | None = Field(None, description="the first day, for example 2026-01-01")
    valid_until: Day | None = Field(None, description="the last day, for example 2026-12-31")


class TimeSection(Section):
    """One item of `times:`; the first that holds counts."""

    per_kwh: float = Field(description="the price of a kilowatt-hour, for example 0.1234")
    when: Windows | None = Field(None, description="for example 'Mon-Fri 17:00-20:00', or a list of such")
    season: Seasons | None = Field(None, description="for example Jun-Sep, or 06-15..09-14")


class EnergySection(Versioned):
    """One version of an entry of `energy:` or `feed_in:`."""

    per_kwh: float | None = Field(None, description="the price of a kilowatt-hour, for example 0.1234")
    times: Any = Field(None, description="prices by time, the first that holds counts")
    series: Name | None = Field(None, description="the name of a price series, for example day-ahead")
    factor: float = Field(1.0, description="what the price of the series is multiplied with, for example 1.05")
    markup_per_kwh: float | None = Field(None, description="what is added to the price of the series")
    if_missing_per_kwh: float | None = Field(None, description="stands in while no price of the series is known")


class DemandSection(Versioned):
    """One version of an entry of `demand:`."""

    per_kw: Annotated[float, Field(ge=0)] = Field(description="the price of a kilowatt of peak in each period")
    interval_min: Annotated[int, PlainValidator(_interval)] = Field(
        METERED_S[0], description="length of the mean in minutes: 15, 30 or 60"
    )
    period: Per = Field(Per.MONTH, description="month or year, the time over which the peak is the highest")
    when: Windows | None = Field(None, description="for example 'Mon-Fri 12:00-18:00' when only those peaks count")
    season: Seasons | None = Field(None, description="for example Jun-Sep when only those peaks count")


class FixedSection(Versioned):
    """One version of an entry of `fixed:`."""

    amount: float = Field(description="what is due for each day, month or year")
    per: Per = Field(Per.MONTH, description="day, month or year")


class TariffFile(Section):
    """The file as a whole; its entries are read one by one."""

    name: Name = Field(description="what people call the tariff")
    currency: CurrencyCode | None = Field(None, description="three letters as EUR; that of the site unless stated")
    timezone: TimeZone | None = Field(None, description="IANA name; that of the site unless stated")
    vat_pct: Annotated[float, Field(ge=0, le=50)] = Field(0.0, description="percent on top of everything but feed-in")
    billing_day: Annotated[int, Field(ge=1, le=28)] = Field(1, description="day of the month when billing months begin")
    holidays: tuple[Holiday, ...] = Field((), description="days that count as Sundays: [2026-04-03, 12-25]")
    energy: Any = Field(description="{procurement: {per_kwh: 0.1234}}")
    feed_in: Any = Field(None, description="{pv: {per_kwh: 0.06}}")
    demand: Any = Field(None, description="{capacity: {per_kw: 12.50, interval_min: 15}}")
    fixed: Any = Field(None, description="{metering: {amount: 25, per: month}}")


class TariffSection(Section):
    """`tariff:`, either the file that says it, or all that such a file would say; that is read as the file would be."""

    model_config = ConfigDict(extra="allow")

    file: Name | None = Field(None, description="a file beside site.yaml, in place of everything else here")
