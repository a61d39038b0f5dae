"""What people change while a site runs: vehicles, departures, who may charge, prices, the strategy, limits for a while.

The installation is not here: the site file owns that. One change after the other makes the next daybook; whoever keeps
it stores each before anybody acts upon it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from ems.domain.access.book import AccessBook
from ems.domain.access.change import ACCESS_CHANGES, AccessChange, changed_access, must_fit_access
from ems.domain.billing.price_book import (
    PRICE_CHANGES,
    PriceBook,
    PriceChange,
    PriceListKept,
    PriceListRemoved,
    changed_prices,
    must_fit_prices,
)
from ems.domain.departure import Departure, WeeklyDeparture
from ems.domain.energy.price_push import Pushed, SeriesChange, SeriesForgotten, SeriesTold, changed_series
from ems.domain.events import LimitReceived, LimitWithdrawn, StrategyChosen
from ems.domain.fleet import Fleet
from ems.domain.limit import Limit, without
from ems.domain.service_class import ServiceClass
from ems.domain.session import Need, Session
from ems.domain.site import Site
from ems.domain.station import Evse
from ems.domain.strategy import Strategy
from ems.domain.unknown import UnknownError as UnknownError  # noqa: PLC0414 who changes a daybook finds its errors here
from ems.domain.vehicle import StateOfCharge, Vehicle

AHEAD = timedelta(days=366)

KEPT = timedelta(days=7)
"""Departures and limits that are over stay for so long, for those who ask what was meant."""


class VehicleKept(NamedTuple):
    """There is such a vehicle with such a week, new or changed."""

    vehicle: Vehicle
    weekly: tuple[WeeklyDeparture, ...] = ()


class VehicleRemoved(NamedTuple):
    """A vehicle, its week and its departures are gone."""

    vehicle: str


class ChargeTold(NamedTuple):
    """Somebody knows the state of charge of a vehicle."""

    vehicle: str
    charge: StateOfCharge


class DeparturesReplaced(NamedTuple):
    """On these local dates these vehicles leave as `departures` say, and not otherwise; the week counts again on dates
    for which there is none.
    """

    days: frozenset[tuple[str, date]]
    departures: tuple[Departure, ...]


class ClassKept(NamedTuple):
    """What a class of service is called and promises, whatever the site file says."""

    known: ServiceClass


class ClassReleased(NamedTuple):
    """A class of service is again as the site file says."""

    number: int


FleetChange = VehicleKept | VehicleRemoved | ChargeTold | DeparturesReplaced | ClassKept | ClassReleased
Change = FleetChange | AccessChange | PriceChange | SeriesChange | StrategyChosen | LimitReceived | LimitWithdrawn


@dataclass(frozen=True, slots=True)
class Daybook:
    """`strategy` None: that of the site. `limits` are those of people, not of the site or the grid
    operator, by scope and name. `access`: who may charge. `prices`: what drivers pay. `series`: the
    energy prices that were pushed.
    """

    fleet: Fleet = field(default_factory=Fleet)
    strategy: Strategy | None = None
    limits: tuple[Limit, ...] = ()
    access: AccessBook = field(default_factory=AccessBook)
    prices: PriceBook = field(default_factory=PriceBook)
    series: Pushed = field(default_factory=dict)


def changed(known: Daybook, change: Change, now: datetime, zone: ZoneInfo) -> Daybook:
    """The daybook after a change; what is over for longer than `KEPT` is left out.

    Raises UnknownError, or ValueError when the change contradicts what is known.
    """
    match change:
        case StrategyChosen(strategy):
            after = replace(known, strategy=strategy)
        case LimitReceived(limit):
            others = without(known.limits, limit.scope, limit.source)
            limits = sorted((*others, limit), key=lambda one: (one.scope, one.source))
            after = replace(known, limits=tuple(limits))
        case LimitWithdrawn(scope, source):
            after = replace(known, limits=without(known.limits, scope, source))
            if len(after.limits) == len(known.limits):
                raise UnknownError(f"there is no limit '{source}' on {scope}")
        case VehicleKept() | VehicleRemoved() | ChargeTold() | DeparturesReplaced() | ClassKept() | ClassReleased():
            _must_be_sensible(known.fleet, change, now, zone)
            after = replace(known, fleet=_fleet(known.fleet, change, zone))
        case PriceListKept() | PriceListRemoved():
            today = now.astimezone(zone).date()
            after = replace(known, prices=changed_prices(known.prices, change, today))
        case SeriesTold() | SeriesForgotten():
            after = replace(known, series=changed_series(known.series, change, now))
        case _:
            after = replace(known, access=changed_access(known.access, change, now))
    return _current(after, now)


def _must_be_sensible(known: Fleet, change: FleetChange, now: datetime, zone: ZoneInfo) -> None:
    """Refuse energies that no battery of that size takes, and new departures that are over."""
    match change:
        case VehicleKept(vehicle, weekly):
            for goal in (every.goal for every in weekly):
                _must_fit_battery(vehicle, goal.energy_wh)
        case DeparturesReplaced(_, departures):
            for one in departures:
                if one.vehicle in known.vehicles:
                    _must_fit_battery(known.vehicles[one.vehicle], one.goal.energy_wh)
                if one.at <= now and one.at not in {was.at for was in known.departures.get(one.vehicle, ())}:
                    local = one.at.astimezone(zone)
                    raise ValueError(f"the departure of {one.vehicle} was on {local:%Y-%m-%d} at {local:%H:%M}")


def _must_fit_battery(vehicle: Vehicle, energy_wh: float | None) -> None:
    most = vehicle.most_wh
    if energy_wh is not None and most is not None and energy_wh > most:
        holds = f"its battery holds {(vehicle.battery_wh or 0.0) / 1000:g} kWh"
        raise ValueError(f"{energy_wh / 1000:g} kWh are more than {vehicle.label} can take: {holds}")


def must_fit(site: Site, others: Iterable[Limit], change: Change) -> None:
    """Refuse what is about nothing on the site, and limits that would not tighten. `others` are limits in force that
    are not of the daybook: nobody may take the place of those.

    Raises UnknownError or ValueError.
    """
    if isinstance(change, ACCESS_CHANGES):
        must_fit_access(site, change)
    if isinstance(change, PRICE_CHANGES):
        must_fit_prices(site, change)
    match change:
        case VehicleKept(vehicle, _) if vehicle.evse is not None:
            _evse(site, vehicle.evse)
        case DeparturesReplaced(_, departures):
            for name in {one.evse for one in departures if one.evse is not None}:
                _evse(site, name)
        case LimitReceived(limit):
            if any((other.scope, other.source) == (limit.scope, limit.source) for other in others):
                raise ValueError(f"the limit '{limit.source}' on {limit.scope} is not yours; choose another name")
            rating = max(_ratings(site, limit.scope))
            if limit.max_a is not None and limit.max_a >= rating:
                raise ValueError(f"{limit.scope} carries {rating:g} A at most: {limit.max_a:g} A would not limit it")


def must_be_possible(session: Session, need: Need, now: datetime) -> None:
    """Refuse a need that the vehicle of a session cannot have. Raises ValueError."""
    if session.vehicle is not None:
        _must_fit_battery(session.vehicle, max(need.energy_wh or 0.0, need.guaranteed_wh))
    if need.energy_wh is not None and need.guaranteed_wh > need.energy_wh:
        raise ValueError("more is guaranteed than wanted")
    known = (session.need.departure, session.need.guaranteed_by)
    for what, at in (("departure", need.departure), ("guarantee", need.guaranteed_by)):
        if at is not None and at not in known and not now < at <= now + AHEAD:
            raise ValueError(f"the {what} is over, or more than a year away: write a moment with its offset")


def _evse(site: Site, name: str) -> Evse:
    index = site.evse_index(name)
    if index is None:
        raise UnknownError(f"the site has no EVSE {name!r}")
    return site.evses[index]


def _ratings(site: Site, scope: str) -> tuple[float, ...]:
    if scope in site.circuits:
        return tuple(site.circuits[scope].rating_a)
    index = site.evse_index(scope)
    if index is None:
        raise UnknownError(f"the site has no circuit and no EVSE {scope!r}")
    return (site.evses[index].max_a,)


def _fleet(known: Fleet, change: FleetChange, zone: ZoneInfo) -> Fleet:
    match change:
        case VehicleKept(vehicle, weekly):
            vehicles = {**known.vehicles, vehicle.id: vehicle}
            return replace(known, vehicles=vehicles, weekly=_with(known.weekly, vehicle.id, weekly))
        case VehicleRemoved(name):
            _must_be(known, name)
            return Fleet(
                _without_key(known.vehicles, name),
                _without_key(known.weekly, name),
                _without_key(known.departures, name),
                _without_key(known.charges, name),
                known.classes,
            )
        case ChargeTold(name, charge):
            _must_be(known, name)
            return replace(known, charges={**known.charges, name: charge})
        case DeparturesReplaced(days, new):
            departures = dict(known.departures)
            for name in {name for name, _ in days}:
                _must_be(known, name)
                kept = [d for d in departures.get(name, ()) if (name, d.at.astimezone(zone).date()) not in days]
                told = [d for d in new if d.vehicle == name]
                departures = _with(departures, name, tuple(sorted((*kept, *told), key=lambda d: d.at)))
            return replace(known, departures=departures)
        case ClassKept(one):
            return replace(known, classes={**known.classes, one.number: one})
        case ClassReleased(number):
            if number not in known.classes:
                raise UnknownError(f"nobody has changed class {number}: it is as the site file says")
            return replace(known, classes={key: one for key, one in known.classes.items() if key != number})
    raise AssertionError(change)


def _current(known: Daybook, now: datetime) -> Daybook:
    fleet, since = known.fleet, now - KEPT
    if any(times[0].at < since for times in fleet.departures.values()):
        departures: dict[str, tuple[Departure, ...]] = {}
        for name, times in fleet.departures.items():
            departures = _with(departures, name, tuple(one for one in times if one.at >= since))
        fleet = replace(fleet, departures=departures)
    limits = tuple(limit for limit in known.limits if limit.ends is None or limit.ends >= since)
    return replace(known, fleet=fleet, limits=limits)


def _must_be(known: Fleet, vehicle: str) -> None:
    if vehicle not in known.vehicles:
        raise UnknownError(f"there is no vehicle {vehicle!r}")


_T = TypeVar("_T")


def _with(known: Mapping[str, tuple[_T, ...]], name: str, items: tuple[_T, ...]) -> dict[str, tuple[_T, ...]]:
    """With these items under a name; without the name where there are none."""
    return {**known, name: items} if items else _without_key(known, name)


def _without_key(known: Mapping[str, _T], name: str) -> dict[str, _T]:
    return {key: value for key, value in known.items() if key != name}
