"""What is read of the past. Times are whole seconds since 1970 UTC, so that a year of them is quick to count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from ems.domain.energy.carbon import Carbon
from ems.domain.energy.tariff import Tariff
from ems.domain.site import Site
from ems.domain.vehicle import Vehicle
from ems.statistics.period import Period

QUARTER_S = 900


class PastSession(NamedTuple):
    """A vehicle from plug-in to plug-out (None: it is still there). `need_wh` and `departure_s` only as they were
    stated or scheduled. `cost_minor`: of its receipt; None: it was free, or is not over.
    """

    id: str
    evse: str
    plugged_s: int
    unplugged_s: int | None
    energy_wh: float
    need_wh: float | None = None
    departure_s: int | None = None
    vehicle: str | None = None
    tag: str | None = None
    person: str | None = None
    cost_centre: str | None = None
    cost_minor: int | None = None

    def until_s(self, now_s: int) -> int:
        """When it ended, `now_s` while it lasts."""
        return now_s if self.unplugged_s is None else max(self.unplugged_s, self.plugged_s)


class Used(NamedTuple):
    """What a session used in the quarter hour from `starts_s`: energy and idle seconds."""

    session: str
    starts_s: int
    energy_wh: int
    idle_s: int


class Charged(NamedTuple):
    """An hour in which current flowed at an EVSE, from `starts_s` on: the legs that it flowed on, and the highest
    power.
    """

    evse: str
    starts_s: int
    legs: int
    max_w: int | None


class Flow(NamedTuple):
    """The mean power of a quarter hour: through the grid connection (import positive) and from PV (never negative);
    None where nothing was measured.
    """

    starts_s: int
    grid_w: float | None
    pv_w: float | None


class Cause(StrEnum):
    """Why an EVSE was out of order."""

    OFFLINE = "offline"
    FAULTED = "faulted"
    UNAVAILABLE = "out of service"


class Outage(NamedTuple):
    """A time in which nobody could have charged at an EVSE."""

    evse: str
    began_s: int
    ended_s: int
    cause: Cause


class Exclusion(StrEnum):
    """Why an outage does not count, in the words of 23 CFR 680.116(b)(3)."""

    UTILITY = "electric utility service interruption"
    VEHICLE = "fault of the vehicle"
    MAINTENANCE = "scheduled maintenance"
    VANDALISM = "vandalism"
    DISASTER = "natural disaster"
    CLOSED = "outside the hours of operation"


class Excluded(NamedTuple):
    """A time that somebody said does not count: of an EVSE, a station, or everywhere (empty scope)."""

    id: int
    scope: str
    began_s: int
    ended_s: int
    cause: Exclusion
    note: str
    who: str

    def holds_for(self, evse: str) -> bool:
        """Whether it is about that EVSE."""
        return not self.scope or self.scope in {evse, evse.rpartition("/")[0]}


class ControlQuarter(NamedTuple):
    """How a quarter hour was controlled: seconds watched; seconds in which a circuit carried more than its limit, by up
    to `over_a` at `over_at`; seconds in which an EVSE was at its fallback; the oldest plan that was followed (None: no
    plan was).
    """

    starts_s: int
    watched_s: int
    over_s: int = 0
    over_a: float = 0.0
    over_at: str = ""
    fallback_s: int = 0
    plan_age_s: int | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a period at `now_s`: `sessions` that were there at any time of it, and `used` of those also
    behind its end. Outages are those that reach into it. `given_back_minor`: what was refunded in it of what drivers
    were billed, whenever that was; `corrected_minor`: what was put right in it of bills by the month, below zero where
    they had been too high. `end_s`: its end, or that of what has passed of it.
    """

    period: Period
    now_s: int
    sessions: tuple[PastSession, ...] = ()
    used: tuple[Used, ...] = ()
    charged: tuple[Charged, ...] = ()
    flows: tuple[Flow, ...] = ()
    outages: tuple[Outage, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    control: tuple[ControlQuarter, ...] = ()
    given_back_minor: int = 0
    corrected_minor: int = 0
    end_s: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "end_s", max(self.period.begin_s, min(self.period.end_s, self.now_s)))

    @property
    def days(self) -> float:
        """Days of it that have passed, at least the first."""
        passed = sum(min(1.0, max(0.0, (self.now_s - b) / (e - b))) for _, b, e in self.period.each_day())
        return max(1.0, passed)

    def began_within(self, session: PastSession) -> bool:
        """Whether a session belongs to the period."""
        return self.period.begin_s <= session.plugged_s < self.period.end_s


@dataclass(frozen=True, slots=True)
class Facts:
    """What else a report must know: the site as it is now, its tariff with the known prices, what a kWh from the grid
    stands for, vehicles and names of people; and in words what could not be used.
    """

    site: Site
    tariff: Tariff | None = None
    carbon: Carbon = Carbon()  # noqa: RUF009 it is frozen
    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
