"""Vehicles, departures and what else people told, as the interface shows it: the same words as in the bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from ems.adapters.web.operations.shape import (
    AuditRow,
    ClassRow,
    DayRow,
    DepartureRow,
    FindingRow,
    Findings,
    GoalRow,
    GuaranteeRow,
    LimitRow,
    Listed,
    NeedTold,
    NextRow,
    VehicleRow,
)
from ems.adapters.web.values import number, plain, time_of
from ems.domain.departure import Departure, Goal, days_in_words
from ems.domain.energy.price_table import PriceFinding
from ems.domain.fleet import Fleet
from ems.domain.limit import Limit
from ems.domain.list_finding import ListFinding
from ems.domain.pull_out import PullOutList
from ems.domain.record.history import Audit
from ems.domain.session import Need
from ems.domain.site import Site
from ems.domain.vehicle import Guarantee

MAX_FINDINGS = 200


def vehicle_row(fleet: Fleet, name: str) -> VehicleRow:
    """A vehicle with its week; KeyError when there is none."""
    one, charge = fleet.vehicles[name], fleet.charges.get(name)
    return {
        "id": one.id,
        "name": plain(one.name),
        "id_tags": list(one.id_tags),
        "evse": one.evse,
        "battery_kwh": _kilo(one.battery_wh),
        "max_a": number(one.max_a),
        "legs": one.legs,
        "max_kw": _kilo(one.max_w),
        "min_a": number(one.min_a),
        "efficiency": one.efficiency,
        "service_class": one.service_class,
        "consumption_kwh_per_km": _kilo(one.consumption_wh_per_km),
        "guarantee": _promise(one.guarantee),
        "weekly": [
            {
                "days": days_in_words(every.days),
                "at": None if every.at is None else every.at.isoformat("minutes"),
                **_goal(every.goal),
            }
            for every in fleet.weekly.get(name, ())
        ],
        "soc_percent": None if charge is None else number(charge.percent),
        "soc_at": None if charge is None else time_of(charge.at),
    }


def class_rows(fleet: Fleet, site: Site) -> Iterator[ClassRow]:
    """Every class that the site file or people said something of, the highest first."""
    for place in sorted({*fleet.classes, *(known.number for known in site.classes)}, reverse=True):
        yield class_row(fleet, site, place)


def class_row(fleet: Fleet, site: Site, place: int) -> ClassRow:
    """A class of service."""
    known, written = fleet.service_class(place, site), site.service_class(place)
    return {
        "number": place,
        "name": plain(known.name),
        "guarantee": _promise(known.guarantee),
        "told": place in fleet.classes,
        "site": _promise(written.guarantee),
    }


def _promise(promise: Guarantee | None) -> GuaranteeRow | None:
    if promise is None:
        return None
    return {
        "energy_kwh": kilo(promise.energy_wh),
        "by": None if promise.by is None else promise.by.isoformat("minutes"),
        "minimum_always": promise.minimum_always,
    }


def departure_row(one: Departure, zone: ZoneInfo) -> DepartureRow:
    """A single departure."""
    return {
        "vehicle": one.vehicle,
        "date": one.at.astimezone(zone).date().isoformat(),
        "at": time_of(one.at),
        **_goal(one.goal),
        "evse": one.evse,
        "priority": one.service_class,
    }


def next_rows(fleet: Fleet, now: datetime, site: Site) -> Iterator[NextRow]:
    """The next departure of every vehicle that has one."""
    for name in fleet.vehicles:
        due = fleet.due(name, now, now, site)
        if due is not None:
            yield {"vehicle": name, "at": time_of(due.at), **_goal(due.goal), "priority": due.service_class}


def list_rows(told: PullOutList, fleet: Fleet, zone: ZoneInfo, applied: bool) -> Listed:
    """What taking a pull-out list changes, and what is to be said about it."""
    days: list[DayRow] = [
        {
            "vehicle": day.vehicle,
            "date": day.day.isoformat(),
            "kind": day.kind,
            "before": [departure_row(one, zone) for one in day.before],
            "after": [departure_row(one, zone) for one in day.after],
        }
        for day in told.days(fleet, zone)
    ]
    return {"applied": applied, "refused": told.is_refused, **finding_rows(told), "days": days}


def finding_rows(told: PullOutList) -> Findings:
    """What is to be said about the rows of a pull-out list."""
    return finding_rows_of(told.findings)


def finding_rows_of(all_of_them: Sequence[ListFinding | PriceFinding]) -> Findings:
    """What is to be said about the rows of a list or table, those that are refused first."""
    serious = sorted(all_of_them, key=lambda finding: not finding.is_refusal)[:MAX_FINDINGS]
    findings: list[FindingRow] = [
        {"row": f.row, "message": plain(f.message), "remedy": plain(f.remedy), "is_refusal": f.is_refusal}
        for f in serious
    ]
    return {"findings": findings, "findings_total": len(all_of_them)}


def limit_row(limit: Limit) -> LimitRow:
    """A limit that somebody set."""
    return {
        "scope": limit.scope,
        "source": limit.source,
        "max_a": number(limit.max_a),
        "max_kw": _kilo(limit.max_w),
        "starts": None if limit.starts is None else time_of(limit.starts),
        "ends": None if limit.ends is None else time_of(limit.ends),
    }


def need_row(need: Need) -> NeedTold:
    """What a vehicle needs, and who says so."""
    return {
        "energy_kwh": _kilo(need.energy_wh),
        "departure": None if need.departure is None else time_of(need.departure),
        "origin": need.origin.value,
        "guaranteed_kwh": kilo(need.guaranteed_wh),
        "guaranteed_by": None if need.guaranteed_by is None else time_of(need.guaranteed_by),
        "minimum_always": need.minimum_always,
        "priority": need.service_class,
    }


def audit_row(one: Audit) -> AuditRow:
    """Something that somebody did."""
    try:
        detail = json.loads(one.detail)
    except ValueError:
        detail = plain(one.detail)
    return {"id": str(one.id), "at": time_of(one.at), "who": plain(one.who), "what": plain(one.what), "detail": detail}


def _goal(goal: Goal) -> GoalRow:
    return {"energy_kwh": _kilo(goal.energy_wh), "target_soc_percent": number(goal.soc_percent)}


def kilo(value: float) -> float:
    """Wh as kWh, or W as kW."""
    return round(value / 1000.0, 5)


def _kilo(value: float | None) -> float | None:
    return None if value is None else kilo(value)
