"""Where two vehicles are said to leave from one EVSE at one time: only one of them can have been plugged in there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from ems.domain.departure import Departure, moment, on_day
from ems.domain.fleet import Fleet
from ems.domain.site import Site

AT_ONCE = timedelta(minutes=30)
"""Who leaves longer after another may have come once that one had made room."""


class Leaving(NamedTuple):
    """A vehicle leaves from an EVSE at a moment (UTC)."""

    at: datetime
    vehicle: str


class SharedBay(NamedTuple):
    """Two vehicles that are said to leave from one EVSE, the first before or together with the second."""

    evse: str
    first: Leaving
    second: Leaving


def shared_bays(
    fleet: Fleet, departures: Iterable[Departure], days: Collection[date], site: Site
) -> tuple[SharedBay, ...]:
    """All of these local days, by time; `departures` are the single ones, in place of those of the fleet."""
    leaving: dict[str, set[Leaving]] = defaultdict(set)
    for evse, one in _leavings(fleet, departures, days, site):
        leaving[evse].add(one)
    found = (
        SharedBay(evse, first, second)
        for evse, here in leaving.items()
        for first, second in pairwise(sorted(here))
        if first.vehicle != second.vehicle and second.at - first.at < AT_ONCE
    )
    return tuple(sorted(found, key=lambda one: (one.first.at, one.evse)))


def _leavings(
    fleet: Fleet, departures: Iterable[Departure], days: Collection[date], site: Site
) -> Iterator[tuple[str, Leaving]]:
    """Single departures from where they say, else from where the vehicle always is; on other days its week."""
    taken: set[tuple[str, date]] = set()
    for one in departures:
        day = one.at.astimezone(site.zone).date()
        taken.add((one.vehicle, day))
        vehicle = fleet.vehicles.get(one.vehicle)
        evse = one.evse or (None if vehicle is None else vehicle.evse)
        if evse is not None and day in days:
            yield evse, Leaving(one.at, one.vehicle)
    for vehicle in fleet.vehicles.values():
        if vehicle.evse is None:
            continue
        for day in days:
            is_told = (vehicle.id, day) in taken
            week = () if is_told else fleet.weekly.get(vehicle.id, ())
            for at, _ in on_day(week, day, site.holidays):
                yield vehicle.evse, Leaving(moment(day, at, site.zone), vehicle.id)
