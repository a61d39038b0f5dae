"""The shape of what the interface answers about vehicles, departures and what else people told.

Fields may be added; none is renamed or removed within `/api/v1`. Energies are kWh, times ISO 8601 in UTC, times of day
and dates those of the site.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class GoalRow(TypedDict):
    """What a vehicle must have when it leaves."""

    energy_kwh: float | None
    target_soc_percent: float | None


class WeeklyRow(GoalRow):
    """A departure that returns every week; without a time the vehicle stays."""

    days: str
    at: str | None


class GuaranteeRow(TypedDict):
    """What a vehicle is promised."""

    energy_kwh: float
    by: str | None
    minimum_always: bool


class ClassRow(TypedDict):
    """A class of service as it is in force; `told`: people said so over the site file, which says `site`."""

    number: int
    name: str
    guarantee: GuaranteeRow | None
    told: bool
    site: GuaranteeRow | None


class Classes(TypedDict):
    """The classes of service that anybody said something of, those who go first at the top."""

    classes: list[ClassRow]


class VehicleRow(TypedDict):
    """A vehicle with its week; `soc_percent` is what somebody told last, at `soc_at`."""

    id: str
    name: str
    id_tags: list[str]
    evse: str | None
    battery_kwh: float | None
    max_a: float | None
    legs: int | None
    max_kw: float | None
    min_a: float | None
    efficiency: float
    service_class: int | None
    consumption_kwh_per_km: float | None
    guarantee: GuaranteeRow | None
    weekly: list[WeeklyRow]
    soc_percent: float | None
    soc_at: str | None


class Vehicles(TypedDict):
    """All vehicles, by id."""

    vehicles: list[VehicleRow]


class DepartureRow(GoalRow):
    """A single departure: its date at the site, and the moment."""

    vehicle: str
    date: str
    at: str
    evse: str | None
    priority: int | None


class NextRow(GoalRow):
    """The next departure of a vehicle, single or weekly."""

    vehicle: str
    at: str
    priority: int | None


class Day(TypedDict):
    """The single departures of a vehicle on a date."""

    departures: list[DepartureRow]


class Departures(Day):
    """Single departures that are kept, oldest first; and who leaves next."""

    next: list[NextRow]


class FindingRow(TypedDict):
    """What is to be said about a row of a list; `is_refusal`: it cannot be taken."""

    row: int
    message: str
    remedy: str
    is_refusal: bool


class Findings(TypedDict):
    """What is to be said about the rows of a list, refusals first; `findings_total` counts also those left out."""

    findings: list[FindingRow]
    findings_total: int


class DayRow(TypedDict):
    """How a list changes the departures of a vehicle on a date: `kind` is new, changed or same."""

    vehicle: str
    date: str
    kind: str
    before: list[DepartureRow]
    after: list[DepartureRow]


class Listed(Findings):
    """What a list would change, or has changed when it is `applied`; `refused`: nothing of it can be taken."""

    applied: bool
    refused: bool
    days: list[DayRow]


class NeedTold(TypedDict):
    """What a vehicle needs in this session, and who says so."""

    energy_kwh: float | None
    departure: str | None
    origin: str
    guaranteed_kwh: float
    guaranteed_by: str | None
    minimum_always: bool
    priority: int | None


class EvseNeed(TypedDict):
    """The need of the vehicle at an EVSE."""

    evse: str
    need: NeedTold


class StrategyRow(TypedDict):
    """The strategy that counts, the one that was chosen (null: none), and the one of the site file."""

    strategy: str
    chosen: str | None
    site: str


class LimitRow(TypedDict):
    """A limit that somebody set; null is unlimited in that respect, or open-ended."""

    scope: str
    source: str
    max_a: float | None
    max_kw: float | None
    starts: str | None
    ends: str | None


class Limits(TypedDict):
    """Limits that people set, also those that are over or not yet in force."""

    limits: list[LimitRow]


class AuditRow(TypedDict):
    """Who changed what; `detail` holds the rows before and after."""

    id: str
    at: str
    who: str
    what: str
    detail: Any


class AuditRows(TypedDict):
    """The newest changes, newest first."""

    audit: list[AuditRow]
