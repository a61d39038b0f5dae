"""Tariffs and loads as tests need them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ems.domain.energy.demand_charge import DemandCharge
from ems.domain.energy.load import Load
from ems.domain.energy.price import EnergyPrice, TimedPrice
from ems.domain.energy.tariff import Tariff
from ems.domain.recurrence import DayWindow, Recurrence, Season

BERLIN = ZoneInfo("Europe/Berlin")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
WEEKDAYS = frozenset(range(5))
EVERY_DAY = frozenset(range(7))
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
"""The days of 2026 on which clocks in the European Union are set."""


def window(since: int, until: int, days: frozenset[int] = EVERY_DAY) -> DayWindow:
    """Full hours; 24 is midnight."""
    return DayWindow(days, time(since % 24), time(until % 24))


def timed(per_kwh: float, *windows: DayWindow, seasons: tuple[Season, ...] = ()) -> TimedPrice:
    return TimedPrice(per_kwh, Recurrence(seasons, windows))


def tariff(*energy: EnergyPrice, timezone: str = "Europe/Berlin", **others: object) -> Tariff:
    return Tariff("test", "EUR", timezone, energy, **others)  # type: ignore[arg-type]  # names are the record's to check


def fixed(per_kwh: float, name: str = "energy") -> EnergyPrice:
    return EnergyPrice(name, (TimedPrice(per_kwh),))


SUMMER = Season((6, 1), (9, 30))
SCE_TOU_EV_4 = Tariff(
    name="SCE TOU-EV-4, March 2019",
    currency="USD",
    timezone="America/Los_Angeles",
    energy=(
        EnergyPrice(
            "energy",
            (
                timed(0.26668, window(12, 18, WEEKDAYS), seasons=(SUMMER,)),
                timed(0.0925, window(8, 23, WEEKDAYS), seasons=(SUMMER,)),
                timed(0.05623, seasons=(SUMMER,)),
                timed(0.0869, window(12, 18, WEEKDAYS)),
                timed(0.07492, window(8, 23, WEEKDAYS)),
                timed(0.06087),
            ),
        ),
    ),
    demand=(DemandCharge("facilities demand", 15.51),),
)
"""The published schedule, for peak, middle and low hours of summer, then of winter."""


def midnight(day: date, zone: ZoneInfo = BERLIN) -> datetime:
    """In UTC, so that adding to it is true time."""
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def every(step: timedelta, begin: datetime, end: datetime) -> list[datetime]:
    """Edges from a begin in UTC."""
    return [begin + i * step for i in range((end - begin) // step + 1)]


def constant(kw: float, begin: datetime, end: datetime, step_s: int = 900) -> Load:
    count = int((end - begin).total_seconds()) // step_s
    return Load(begin, step_s, (kw * 1000.0,) * count)
