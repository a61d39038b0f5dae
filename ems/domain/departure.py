"""When vehicles leave, and with how much: every week, and on single dates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.limit import WEEKDAYS, weekdays
from ems.domain.local_clock import ONE_DAY, clock_change_s
from ems.domain.recurrence import NO_HOLIDAYS, Holidays
from ems.domain.units import finite
from ems.domain.vehicle import MAX_BATTERY_WH, plain_id

DAYS_AHEAD = 22
"""Weekly departures are looked for within so many days: holidays may take the place of some."""

HOLIDAY, HOLIDAYS = 7, "Holiday"
"""What stands for holidays among the weekdays, as a number and in words."""

LEAST_RUN = 3
"""So many weekdays in a row are written as a span."""

LATE = timedelta(minutes=30)
"""Who is still here so long after a departure is late for that one, not early for the next."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a vehicle must have when it leaves: energy of that session, Wh at the EVSE, or a state of charge. Where both
    are told the state of charge counts as soon as the present one is known. Neither: nobody knows how much.
    """

    energy_wh: float | None = None
    soc_percent: float | None = None

    def __post_init__(self) -> None:
        if self.energy_wh is not None and not 0 <= finite("the energy needed", self.energy_wh) <= MAX_BATTERY_WH:
            raise ValueError(f"an energy of {self.energy_wh / 1000:g} kWh cannot be meant")
        if self.soc_percent is not None and not 0 < finite("the target", self.soc_percent) <= 100:
            raise ValueError(f"a target state of charge lies in 1 … 100 %, got {self.soc_percent:g}")


@dataclass(frozen=True, slots=True)
class WeeklyDeparture:
    """On these weekdays (0: Monday), and on holidays where HOLIDAY is among them, a vehicle leaves when the clock of
    the site shows `at`; None: it stays. A week of which no entry is for holidays has none: there the weekday counts.
    """

    days: frozenset[int]
    at: time | None
    goal: Goal = Goal()

    def __post_init__(self) -> None:
        if not self.days or not self.days <= frozenset(range(HOLIDAY + 1)):
            raise ValueError("a weekly departure needs weekdays, 0 to 6, or holidays")
        if self.at is None and self.goal != Goal():
            raise ValueError("who stays needs nothing for that departure: leave out energy and target")


@dataclass(frozen=True, slots=True)
class Departure:
    """A vehicle leaves at a moment (UTC). On its local date it takes the place of all weekly departures. Until then
    the vehicle is taken to be at `evse`, if that is told; `service_class` None: that of the vehicle.
    """

    vehicle: str
    at: datetime
    goal: Goal = Goal()
    evse: str | None = None
    service_class: int | None = None

    def __post_init__(self) -> None:
        plain_id("the vehicle of a departure", self.vehicle)
        if self.at.tzinfo is None:
            raise ValueError(f"the departure of {self.vehicle} needs a time zone")


class Due(NamedTuple):
    """The departure that counts now."""

    at: datetime
    goal: Goal
    service_class: int | None = None


def due(
    weekly: tuple[WeeklyDeparture, ...],
    single: tuple[Departure, ...],
    plugged: datetime,
    now: datetime,
    zone: ZoneInfo,
    holidays: Holidays = NO_HOLIDAYS,
) -> Due | None:
    """The departure for which a vehicle that came at `plugged` is to be ready: the first one after that which is not
    over for longer than `LATE`. `single` are the vehicle's own. None when nobody knows one.
    """
    since = max(plugged, now - LATE)
    first = now.astimezone(zone).date() - ONE_DAY
    taken = {one.at.astimezone(zone).date() for one in single}
    found = [Due(one.at, one.goal, one.service_class) for one in single if one.at > since]
    for ahead in range(DAYS_AHEAD + 1 if weekly else 0):
        day = first + ahead * ONE_DAY
        of_day = () if day in taken else on_day(weekly, day, holidays)
        coming = [one for at, goal in of_day if (one := Due(moment(day, at, zone), goal)).at > since]
        if coming:
            found += coming
            break
    return min(found, key=lambda one: one.at, default=None)


def on_day(weekly: tuple[WeeklyDeparture, ...], day: date, holidays: Holidays) -> Iterator[tuple[time, Goal]]:
    """When a vehicle leaves on a date by its week."""
    is_holiday = holidays.holds(day) and any(HOLIDAY in every.days for every in weekly)
    kind = HOLIDAY if is_holiday else day.weekday()
    for every in weekly:
        if kind in every.days and every.at is not None:
            yield every.at, every.goal


def days_of(text: str) -> frozenset[int]:
    """Read 'Mon-Fri', 'Sat,Sun,Holiday' or 'Holiday' (0: Monday, HOLIDAY). Raises ValueError with the remedy."""
    parts = [part.strip() for part in text.split(",")]
    named = [part for part in parts if part.casefold().removesuffix("s") != HOLIDAYS.casefold()]
    of_week = weekdays(",".join(named)) if named else frozenset()
    return of_week if len(named) == len(parts) else of_week | {HOLIDAY}


def days_in_words(days: frozenset[int]) -> str:
    """'Mon-Fri,Sun,Holiday', as `days_of` reads it."""
    parts: list[str] = []
    for _, members in groupby(enumerate(sorted(days - {HOLIDAY})), lambda one: one[1] - one[0]):
        run = [WEEKDAYS[day] for _, day in members]
        parts += run if len(run) < LEAST_RUN else [f"{run[0]}-{run[-1]}"]
    return ",".join((*parts, HOLIDAYS) if HOLIDAY in days else parts)


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When the clock of the site shows `at` on a local day (UTC): the earlier one where it does so twice; where it
    skips that time, when it is set.
    """
    wall = datetime.combine(day, at, zone).replace(fold=0)
    if shows(day, at, zone):
        return wall.astimezone(UTC)
    set_at_s = clock_change_s(day, zone)
    return wall.astimezone(UTC) if set_at_s is None else datetime.fromtimestamp(set_at_s, UTC)


def shows(day: date, at: time, zone: ZoneInfo) -> bool:
    """Whether the clock of the site ever shows `at` on that day."""
    wall = datetime.combine(day, at, zone).replace(fold=0)
    return wall.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == wall.replace(tzinfo=None)


def shows_twice(day: date, at: time, zone: ZoneInfo) -> bool:
    """Whether the clock of the site shows `at` twice on that day."""
    wall = datetime.combine(day, at, zone)
    return shows(day, at, zone) and wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
