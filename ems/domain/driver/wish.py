"""What a driver wants of a session: how much, and until when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ems.domain.departure import moment
from ems.domain.session import Need, NeedOrigin
from ems.domain.units import finite
from ems.domain.vehicle import MAX_BATTERY_WH

USUAL_EFFICIENCY = 0.9
"""What reaches the battery of what leaves the outlet, AC, where nobody knows better."""

SOON = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Wish:
    """Energy at the outlet, Wh, the departure (UTC), and whether as soon as possible (or, False, when it suits the
    site); None where the driver says nothing.
    """

    energy_wh: float | None = None
    departure: datetime | None = None
    hurries: bool | None = None

    def __post_init__(self) -> None:
        if self.energy_wh is not None and not 0 < finite("the energy", self.energy_wh) <= MAX_BATTERY_WH:
            raise ValueError("no battery takes so much energy")

    @property
    def is_empty(self) -> bool:
        """It says nothing."""
        return self.energy_wh is None and self.departure is None and self.hurries is None

    def besides(self, earlier_wh: float) -> Wish:
        """The wish of who begins where the session has got something in earlier transactions: it counts from now on."""
        if self.energy_wh is None:
            return self
        return replace(self, energy_wh=min(self.energy_wh + earlier_wh, MAX_BATTERY_WH))

    def in_place_of(self, known: Need) -> Need:
        """The need with what the driver says; what they do not say stays."""
        return replace(
            known,
            energy_wh=known.energy_wh if self.energy_wh is None else self.energy_wh,
            departure=known.departure if self.departure is None else self.departure,
            origin=NeedOrigin.STATED,
            is_assumed=known.is_assumed and self.energy_wh is None,
            hurries=known.hurries if self.hurries is None else self.hurries,
        )


def energy_between(battery_wh: float, from_percent: float, to_percent: float) -> float:
    """Energy at the outlet, Wh, that takes a battery from one state of charge to another. Raises ValueError."""
    if not 0 < finite("the battery", battery_wh) <= MAX_BATTERY_WH:
        raise ValueError("no battery is of that size")
    if not 0 <= from_percent < to_percent <= 100:
        raise ValueError("the target must be above the present state of charge, and 100 % at most")
    return battery_wh * (to_percent - from_percent) / 100.0 / USUAL_EFFICIENCY


def next_time(at: time, now: datetime, zone: ZoneInfo) -> datetime:
    """When the clock of the site shows a time next (UTC): today, or tomorrow when that is over."""
    today = now.astimezone(zone).date()
    first = moment(today, at, zone)
    return first if first > now + SOON else moment(today + timedelta(days=1), at, zone).astimezone(UTC)
