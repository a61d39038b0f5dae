"""One charging session as somebody recorded it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

LONGEST_STAY = timedelta(days=92)
YEARS = range(2000, 2100)
"""In others a date is what a program writes that knows none."""

MOST_W = 1e6
"""No vehicle took more than a megawatt on the average of its stay: the energy stands in another unit."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One visit of a vehicle. Times are UTC.

    `station` is the name in the source. `delivered_wh` is what the vehicle took; `requested_wh` and
    `stated_departure` what its driver said, None when nothing was said. `max_a` and `legs` where they are known of
    the vehicle, `user` where the source tells one driver from another. Raises ValueError when it ends before it
    begins, lies in another age, or a number is not physical.
    """

    id: str
    station: str
    arrival: datetime
    departure: datetime
    delivered_wh: float
    requested_wh: float | None = None
    stated_departure: datetime | None = None
    max_a: float | None = None
    legs: int | None = None
    user: str | None = None

    def __post_init__(self) -> None:
        if self.arrival.tzinfo is None or self.departure.tzinfo is None:
            raise ValueError("a time has no zone")
        for moment in (self.arrival, self.departure):
            if moment.year not in YEARS:
                raise ValueError(f"{moment:%Y-%m-%d} must be a wrong date")
        if self.departure <= self.arrival:
            raise ValueError(f"departs {self.departure:%Y-%m-%d %H:%M:%S} but arrives {self.arrival:%Y-%m-%d %H:%M:%S}")
        if self.departure - self.arrival > LONGEST_STAY:
            raise ValueError(f"stays for {(self.departure - self.arrival).days} days, which must be a wrong date")
        for name, value in (("delivered", self.delivered_wh), ("requested", self.requested_wh)):
            if value is not None and (not math.isfinite(value) or value < 0):
                raise ValueError(f"{name} energy is {value:g} Wh")
        hours = (self.departure - self.arrival).total_seconds() / 3600.0
        if self.delivered_wh > MOST_W * hours:
            raise ValueError(f"{self.delivered_wh / 1000:g} kWh in {hours:.2g} h cannot be: is it in Wh?")
        if not self.station:
            raise ValueError("no station is named")


class Rejected(NamedTuple):
    """A row that is not a session: where it stands ('line 7', 'item 3') and why."""

    where: str
    reason: str
