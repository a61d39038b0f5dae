"""Sessions that ended: what is known of who comes, stays and takes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from statistics import median
from typing import NamedTuple

import numpy as np

from ems.planning.forecast.quantiles import Floats
from ems.planning.forecast.series import DAY_S, Ints, day_types, local_offsets_s

KEPT_DAYS = 180
"""Older sessions weigh so little that they only cost time."""

DAYS_PLANNED = 2
"""No plan reaches farther than the day after tomorrow."""

USUAL_SESSIONS = 3


@dataclass(frozen=True, slots=True)
class PastSession:
    """One vehicle from plug-in to plug-out, UTC, and what it took; what its driver said, None when nothing was said.

    `vehicle`: which one, None where nobody knew. `max_a` per leg and `legs` as far as the vehicle showed them. Raises
    ValueError when it ends before it begins or an energy is negative or no number.
    """

    evse: str
    arrival: datetime
    departure: datetime
    energy_wh: float
    user: str | None = None
    requested_wh: float | None = None
    stated_departure: datetime | None = None
    max_a: float | None = None
    legs: int | None = None
    vehicle: str | None = None

    def __post_init__(self) -> None:
        if self.departure <= self.arrival:
            raise ValueError(f"a session at {self.evse} departs at {self.departure}, but arrives at {self.arrival}")
        if not (math.isfinite(self.energy_wh) and self.energy_wh >= 0.0):
            raise ValueError(f"a session at {self.evse} took {self.energy_wh} Wh")


class SessionHistory(NamedTuple):
    """Past sessions in order of arrival, and the same as columns; moments are seconds since 1970 UTC.

    `hour` is the local time of day of arrival, `day` the local day since 1970, `day_type` its weekday with holidays as
    Sundays. `asked` is the logarithm of the energy asked for, `stated_s` the stay stated; NaN where nothing was said.
    `by_stay` and `by_energy` are the orders in which those columns ascend.
    """

    sessions: tuple[PastSession, ...]
    zone: tzinfo
    holidays: frozenset[date]
    arrival_s: Floats
    departure_s: Floats
    stay_s: Floats
    energy_wh: Floats
    hour: Floats
    day: Ints
    day_type: Ints
    asked: Floats
    stated_s: Floats
    evse: Ints
    user: Ints
    evses: dict[str, int]
    users: dict[str, int]
    by_stay: Ints
    by_energy: Ints


def session_history(
    sessions: Iterable[PastSession], now: datetime, zone: tzinfo, holidays: Collection[date] = ()
) -> SessionHistory:
    """What was known at `now`: sessions that had ended by then, as far back as they still tell something."""
    end, now_s = now, now.timestamp()
    kept = sorted(
        (one for one in sessions if one.departure <= end and now_s - one.arrival.timestamp() < KEPT_DAYS * DAY_S),
        key=lambda one: (one.arrival, one.evse),
    )
    arrival = np.array([one.arrival.timestamp() for one in kept])
    departure = np.array([one.departure.timestamp() for one in kept])
    energy = np.array([one.energy_wh for one in kept], dtype=np.float64)
    local = arrival + local_offsets_s(arrival, zone)
    day = (local // DAY_S).astype(np.int64)
    stated = [math.nan if one.stated_departure is None else one.stated_departure.timestamp() for one in kept]
    evses = {name: place for place, name in enumerate(dict.fromkeys(one.evse for one in kept))}
    users = {name: place for place, name in enumerate(dict.fromkeys(one.user for one in kept if one.user))}
    return SessionHistory(
        sessions=tuple(kept),
        zone=zone,
        holidays=frozenset(holidays),
        arrival_s=arrival,
        departure_s=departure,
        stay_s=departure - arrival,
        energy_wh=energy,
        hour=(local - DAY_S * day) / 3600.0,
        day=day,
        day_type=day_types(day, holidays),
        asked=np.array([asked_of(one.requested_wh) for one in kept], dtype=np.float64),
        stated_s=np.array(stated, dtype=np.float64) - arrival,
        evse=np.array([evses[one.evse] for one in kept], dtype=np.int64),
        user=np.array([users[one.user] if one.user else -1 for one in kept], dtype=np.int64),
        evses=evses,
        users=users,
        by_stay=np.argsort(departure - arrival, kind="stable"),
        by_energy=np.argsort(energy, kind="stable"),
    )


def usual_wh(history: SessionHistory, vehicle: str, taken_wh: float) -> float | None:
    """What a vehicle took in the middle one of those of its sessions that took more than `taken_wh`; None where it had
    fewer than USUAL_SESSIONS, or none took more.
    """
    own = [one.energy_wh for one in history.sessions if one.vehicle == vehicle and one.energy_wh > 0.0]
    more = [energy for energy in own if energy > taken_wh]
    return median(more) if len(own) >= USUAL_SESSIONS and more else None


def asked_of(requested_wh: float | None) -> float:
    """The logarithm by which requests are compared; NaN for none, and for one that is no energy."""
    if requested_wh is None or not math.isfinite(requested_wh) or requested_wh <= 0.0:
        return math.nan
    return math.log(max(requested_wh, 500.0))
