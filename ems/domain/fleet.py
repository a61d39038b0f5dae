"""All vehicles of a site with their departures: who is plugged in where, and what that vehicle needs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ems.domain.departure import Departure, Due, WeeklyDeparture, due, moment
from ems.domain.local_clock import ONE_DAY
from ems.domain.session import Need, NeedOrigin, Session
from ems.domain.vehicle import StateOfCharge, Vehicle

SOC_HOLDS = timedelta(hours=1)
"""A state of charge that was told so long before the vehicle was plugged in is still true then."""

MAX_VEHICLES, MAX_WEEKLY, MAX_DEPARTURES = 5_000, 50, 50_000


@dataclass(frozen=True, slots=True)
class Fleet:
    """Vehicles by id; weekly and single departures by vehicle; what was told of their batteries.

    Raises ValueError when two vehicles share a tag or an EVSE, or when a departure is of no vehicle.
    """

    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    weekly: Mapping[str, tuple[WeeklyDeparture, ...]] = field(default_factory=dict)
    departures: Mapping[str, tuple[Departure, ...]] = field(default_factory=dict)
    charges: Mapping[str, StateOfCharge] = field(default_factory=dict)
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

    def due(self, vehicle: str, plugged: datetime, now: datetime, zone: ZoneInfo) -> Due | None:
        """The departure for which a vehicle that came at `plugged` is to be ready; None when nobody knows one."""
        return due(self.weekly.get(vehicle, ()), self.departures.get(vehicle, ()), plugged, now, zone)

    def charge_at_plug_in(self, vehicle: str, session: Session) -> StateOfCharge | None:
        """What was told of its battery, if that holds for this session and its station has not told anything."""
        told = self.charges.get(vehicle)
        if told is None or session.soc_percent is not None or told.at < session.plugged - SOC_HOLDS:
            return None
        return told

    def need_of(self, vehicle: Vehicle, session: Session, now: datetime, zone: ZoneInfo) -> Need:
        """What the vehicle of a session needs by its timetable; empty when that says nothing.

        Energy is counted from the begin of the session, at the EVSE. A target state of charge becomes energy by the
        one that was last heard of; while there is none the battery counts as empty, because too little is worse.
        """
        leaves, promise = self.due(vehicle.id, session.plugged, now, zone), vehicle.guarantee
        guaranteed_by = None
        if promise is not None and promise.by is not None and promise.energy_wh > 0:
            day = session.plugged.astimezone(zone).date()
            times = (moment(day + ahead * ONE_DAY, promise.by, zone) for ahead in range(3))
            guaranteed_by = next(at for at in times if at > session.plugged)
        return Need(
            energy_wh=None if leaves is None else _energy_wh(vehicle, session, leaves),
            departure=None if leaves is None else leaves.at,
            origin=NeedOrigin.SCHEDULED,
            guaranteed_wh=0.0 if promise is None else promise.energy_wh,
            guaranteed_by=guaranteed_by,
            minimum_always=promise is not None and promise.minimum_always,
            service_class=None if leaves is None else leaves.service_class,
        )


def _energy_wh(vehicle: Vehicle, session: Session, leaves: Due) -> float | None:
    goal, most = leaves.goal, vehicle.most_wh
    if goal.soc_percent is not None and most is not None:
        if session.soc_percent is not None:
            return max(0.0, session.soc_at_wh + most * (goal.soc_percent - session.soc_percent) / 100.0)
        if goal.energy_wh is None:
            return most * goal.soc_percent / 100.0
    return goal.energy_wh
