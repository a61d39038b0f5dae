"""All vehicles of a site with their departures: who is plugged in where, and what that vehicle needs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ems.domain.departure import Departure, Due, WeeklyDeparture, due, moment
from ems.domain.local_clock import ONE_DAY
from ems.domain.service_class import ServiceClass
from ems.domain.session import Need, NeedOrigin, Session
from ems.domain.site import Site
from ems.domain.vehicle import Guarantee, StateOfCharge, Vehicle

SOC_HOLDS = timedelta(hours=1)
"""A state of charge that was told so long before the vehicle was plugged in is still true then."""

MAX_VEHICLES, MAX_WEEKLY, MAX_DEPARTURES = 5_000, 50, 50_000


@dataclass(frozen=True, slots=True)
class Fleet:
    """Vehicles by id; weekly and single departures by vehicle; what was told of their batteries; and classes of service
    by number, as far as people said otherwise than the site does.

    Raises ValueError when two vehicles share a tag or an EVSE, or when a departure is of no vehicle.
    """

    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    weekly: Mapping[str, tuple[WeeklyDeparture, ...]] = field(default_factory=dict)
    departures: Mapping[str, tuple[Departure, ...]] = field(default_factory=dict)
    charges: Mapping[str, StateOfCharge] = field(default_factory=dict)
    classes: Mapping[int, ServiceClass] = field(default_factory=dict)
    _by_tag: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _by_evse: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _visits: Mapping[str, Sequence[Departure]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tags = [(tag.casefold(), one) for one in self.vehicles.values() for tag in one.id_tags]
        evses = [(one.evse, one) for one in self.vehicles.values() if one.evse is not None]
        for what, owners in (("id tag", tags), ("EVSE", evses)):
            name, count = Counter(name for name, _ in owners).most_common(1)[0] if owners else ("", 0)
            if count > 1:
                both = " and ".join(one.id for known, one in owners if known == name)
                raise ValueError(f"the {what} {name!r} belongs to {both}; take it from one of them first")
        for known in (self.weekly, self.departures, self.charges):
            for vehicle in known.keys() - self.vehicles.keys():
                raise ValueError(f"there is no vehicle {vehicle!r}")
        if len(self.vehicles) > MAX_VEHICLES or sum(map(len, self.departures.values())) > MAX_DEPARTURES:
            raise ValueError(f"at most {MAX_VEHICLES} vehicles and {MAX_DEPARTURES} departures are kept")
        if any(len(times) > MAX_WEEKLY for times in self.weekly.values()):
            raise ValueError(f"at most {MAX_WEEKLY} weekly departures of one vehicle are kept")
        visits: dict[str, list[Departure]] = defaultdict(list)
        for one in (one for times in self.departures.values() for one in times):
            if one.evse is not None:
                visits[one.evse].append(one)
        object.__setattr__(self, "_by_tag", {tag: one.id for tag, one in tags})
        object.__setattr__(self, "_by_evse", {evse: one.id for evse, one in evses})
        object.__setattr__(self, "_visits", visits)

    def vehicle_of(self, session: Session, now: datetime) -> Vehicle | None:
        """Which vehicle is plugged in: the one with the tag of the transaction; else the one whose next departure is
        from this EVSE; else the one that is assigned to it. None when nobody knows.
        """
        tag = None if session.transaction is None else session.transaction.id_tag
        if tag is not None and tag.casefold() in self._by_tag:
            return self.vehicles[self._by_tag[tag.casefold()]]
        coming = [one for one in self._visits.get(session.evse, ()) if one.at > max(now, session.plugged)]
        if coming:
            return self.vehicles[min(coming, key=lambda one: one.at).vehicle]
        assigned = self._by_evse.get(session.evse)
        return None if assigned is None else self.vehicles[assigned]

    def knows_tag(self, tag: str) -> bool:
        """Whether it is a vehicle's."""
        return tag.casefold() in self._by_tag

    def due(self, vehicle: str, plugged: datetime, now: datetime, site: Site) -> Due | None:
        """The departure for which a vehicle that came at `plugged` is to be ready; None when nobody knows one."""
        weekly, single = self.weekly.get(vehicle, ()), self.departures.get(vehicle, ())
        return due(weekly, single, plugged, now, site.zone, site.holidays)

    def service_class(self, number: int, site: Site) -> ServiceClass:
        """The class of that number as it is in force."""
        return self.classes.get(number) or site.service_class(number)

    def charge_at_plug_in(self, vehicle: str, session: Session) -> StateOfCharge | None:
        """What was told of its battery, if that holds for this session and its station has not told anything."""
        told = self.charges.get(vehicle)
        if told is None or session.soc_percent is not None or told.at < session.plugged - SOC_HOLDS:
            return None
        return told

    def need_of(self, vehicle: Vehicle | None, session: Session, now: datetime, site: Site) -> Need:
        """What the vehicle of a session needs by its timetable, with what it or its class is promised; empty when
        nothing says anything. None: nobody knows which vehicle it is.

        Energy is counted from the begin of the session, at the EVSE. A target state of charge becomes energy by the
        one that was last heard of; while there is none the battery counts as empty, because too little is worse.
        """
        leaves = None if vehicle is None else self.due(vehicle.id, session.plugged, now, site)
        energy_wh, is_assumed = (
            (None, False) if vehicle is None or leaves is None else _energy(vehicle, session, leaves)
        )
        need = Need(
            energy_wh=energy_wh,
            departure=None if leaves is None else leaves.at,
            origin=NeedOrigin.SCHEDULED,
            service_class=None if leaves is None else leaves.service_class,
            is_assumed=is_assumed,
        )
        return self.with_promise(need, vehicle, session, site)

    def with_promise(self, need: Need, vehicle: Vehicle | None, session: Session, site: Site) -> Need:
        """A need of the vehicle of a session, with what that vehicle is promised, else its class."""
        promise = None if vehicle is None else vehicle.guarantee
        if promise is None:
            index = site.evse_index(session.evse)
            classes = (need.service_class, None if vehicle is None else vehicle.service_class)
            of_evse = 0 if index is None else site.evses[index].priority
            number = next((one for one in classes if one is not None), of_evse)
            promise = self.service_class(number, site).guarantee
        if promise is None:
            return replace(need, guaranteed_wh=0.0, guaranteed_by=None, minimum_always=False)
        most = None if vehicle is None else vehicle.most_wh
        return replace(
            need,
            guaranteed_wh=promise.energy_wh if most is None else min(promise.energy_wh, most),
            guaranteed_by=_by(promise, session, site),
            minimum_always=promise.minimum_always,
        )


def _by(promise: Guarantee, session: Session, site: Site) -> datetime | None:
    """When a promised energy is due: the first time after plug-in that the clock of the site shows that time."""
    if promise.by is None or promise.energy_wh <= 0.0:
        return None
    day = session.plugged.astimezone(site.zone).date()
    times = (moment(day + ahead * ONE_DAY, promise.by, site.zone) for ahead in range(3))
    return next(at for at in times if at > session.plugged)


def _energy(vehicle: Vehicle, session: Session, leaves: Due) -> tuple[float | None, bool]:
    """The energy of a goal, and whether the battery was taken to be empty for it."""
    goal, most = leaves.goal, vehicle.most_wh
    if goal.soc_percent is not None and most is not None:
        if session.soc_percent is not None:
            return max(0.0, session.soc_at_wh + most * (goal.soc_percent - session.soc_percent) / 100.0), False
        if goal.energy_wh is None:
            return most * goal.soc_percent / 100.0, True
    return goal.energy_wh, False
