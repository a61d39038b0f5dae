"""Made-up days for sites without recorded sessions: who comes when, and what else the site draws.

The shapes are those of a workplace: most arrive between 7 and 10, a second wave comes after noon, weekends are quiet,
stays last some hours, and energies are skewed. Nothing here claims to be a forecast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import numpy as np

from ems.domain.meter import MeterRole
from ems.domain.phases import PhaseAmps
from ems.domain.site import Site
from ems.domain.station import Evse
from ems.sim.load_course import LoadCourse
from ems.sim.session_record import SessionRecord

COURSE_STEP_S = 300
SHORTEST_STAY_H, LONGEST_STAY_H = 0.5, 14.0


class Wave(NamedTuple):
    """Vehicles per EVSE on a working day, their mean hour of arrival with its spread, and their mean stay in hours."""

    per_evse: float
    hour: float
    spread_h: float
    stay_h: float


WAVES = (Wave(0.65, 8.3, 1.0, 7.0), Wave(0.30, 13.2, 1.5, 3.5), Wave(0.10, 18.5, 1.5, 2.5))
WEEKEND_SHARE = 0.25
CAR_AMPS = (16.0, 16.0, 32.0)
CAR_LEGS = (1, 1, 3)
MEAN_WH, SHAPE = 14_000.0, 2.0


def made_up_sessions(site: Site, first: date, days: int, rng: np.random.Generator) -> tuple[SessionRecord, ...]:
    """Sessions of so many local days from `first` on; no two of them overlap at an EVSE."""
    records: list[SessionRecord] = []
    free: dict[str, datetime] = {}
    for offset in range(days):
        day = first + timedelta(days=offset)
        share = 1.0 if day.weekday() < 5 else WEEKEND_SHARE
        for wave in WAVES:
            for evse in site.evses:
                if rng.random() >= wave.per_evse * share:
                    continue
                record = _visit(site, evse, day, wave, rng)
                if record.arrival >= free.get(evse.id, record.arrival):
                    free[evse.id] = record.departure
                    records.append(record)
    return tuple(sorted(records, key=lambda record: (record.arrival, record.station)))


def _visit(site: Site, evse: Evse, day: date, wave: Wave, rng: np.random.Generator) -> SessionRecord:
    hour = float(np.clip(rng.normal(wave.hour, wave.spread_h), 0.5, 22.5))
    stay_h = float(np.clip(rng.gamma(6.0, wave.stay_h / 6.0), SHORTEST_STAY_H, LONGEST_STAY_H))
    # Wall-clock arithmetic on purpose: people come at the same local time before and after the clocks change.
    local = datetime.combine(day, time(), site.zone) + timedelta(seconds=round(hour * 3600))
    arrival = local.astimezone(UTC)
    kind = int(rng.integers(len(CAR_AMPS)))
    legs = min(CAR_LEGS[kind], len(evse.wiring.legs))
    max_a = min(CAR_AMPS[kind], evse.max_a)
    full_wh = max_a * evse.wiring.watts_per_amp(site.voltage_v, legs) * stay_h
    wanted = round(min(float(rng.gamma(SHAPE, MEAN_WH / SHAPE)) + 1000.0, 0.95 * full_wh))
    departure = arrival + timedelta(seconds=round(stay_h * 3600))
    return SessionRecord(
        id=f"{evse.id}@{local:%Y%m%dT%H%M}",
        station=evse.id,
        arrival=arrival,
        departure=departure,
        delivered_wh=float(wanted),
        requested_wh=float(wanted),
        stated_departure=departure,
        max_a=max_a,
        legs=legs,
    )


def made_up_loads(site: Site, begins: datetime, seconds: float, rng: np.random.Generator) -> tuple[LoadCourse, ...]:
    """What flows besides vehicles, within what the site declares: buildings where a base load is declared, and PV
    where a plant is metered or generation declared.
    """
    courses = []
    for circuit in site.circuits:
        if any(circuit.base_load_max_a):
            points = _points(begins, seconds, site, circuit.base_load_max_a, _building, rng)
            courses.append(LoadCourse(circuit.id, points))
    for meter in site.meters:
        if meter.role is MeterRole.PV and meter.circuit is not None:
            circuit = site.circuits[meter.circuit]
            peak = circuit.generation_max_a or 0.1 * max(circuit.rating_a)
            plant = (
                -peak if circuit.rating_a[0] else 0.0,
                -peak if circuit.rating_a[1] else 0.0,
                -peak if circuit.rating_a[2] else 0.0,
            )
            courses.append(LoadCourse(circuit.id, _points(begins, seconds, site, plant, _sun, rng), meter=meter.id))
    return tuple(courses)


def _building(local: datetime, rng: np.random.Generator) -> float:
    """Share of the declared maximum: a night level, and a working day on top of it."""
    hour = local.hour + local.minute / 60.0
    busy = math.exp(-(((hour - 13.0) / 4.5) ** 4)) if local.weekday() < 5 else 0.1
    return float(np.clip(0.30 + 0.50 * busy + rng.normal(0.0, 0.04), 0.05, 0.98))


def _sun(local: datetime, rng: np.random.Generator) -> float:
    """Share of the peak: a clear day's arc with passing clouds."""
    hour = local.hour + local.minute / 60.0
    clear = max(0.0, math.sin(math.pi * (hour - 6.0) / 14.0)) if 6 <= hour <= 20 else 0.0
    cloud = 1.0 if rng.random() < 0.7 else float(rng.uniform(0.3, 0.9))
    return 0.8 * clear * cloud


def _points(
    begins: datetime,
    seconds: float,
    site: Site,
    most: PhaseAmps,
    shape: Callable[[datetime, np.random.Generator], float],
    rng: np.random.Generator,
) -> tuple[tuple[float, PhaseAmps], ...]:
    points = []
    for step in range(int(seconds // COURSE_STEP_S) + 1):
        local = (begins + timedelta(seconds=step * COURSE_STEP_S)).astimezone(site.zone)
        share = shape(local, rng)
        points.append((float(step * COURSE_STEP_S), (most[0] * share, most[1] * share, most[2] * share)))
    return tuple(points)
