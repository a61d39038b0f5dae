"""What is to be back-tested: recorded sessions, loads and prices on a site, and how much of it the controller knows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from ems.domain.energy.price import EnergyPrice
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import Tariff
from ems.domain.meter import MeterRole
from ems.domain.phases import PhaseAmps
from ems.domain.session import Need, NeedOrigin
from ems.planning.forecast.past_sessions import PastSession
from ems.planning.forecast.series import Series
from ems.planning.regret import MISSING_PER_KWH
from ems.sim.core_planner import PlannersPast, past_session
from ems.sim.load_course import LoadCourse
from ems.sim.placement import place
from ems.sim.session_record import SessionRecord
from ems.sim.sessions import SessionFile
from ems.sim.simulation_task import Task

PRICES = "prices"

UNSEEN = "pv: {root} has no generation_max_a and no meter of a plant, so what flows back is taken for nothing"
"""A controller that was told of no plant does not believe a meter that shows one."""

BELOW = "pv: what is below nothing is the plant's own consumption, and counts as nothing"

MOST_NAMED = 3


class Knowledge(StrEnum):
    """Where departures and needs come from: what truly happened, what is predicted from the past and from what drivers
    say, or what drivers say alone.
    """

    PERFECT = "perfect"
    PREDICTED = "predicted"
    STATED = "stated"


@dataclass(frozen=True, slots=True)
class Beside:
    """What was recorded beside the sessions: a tariff, and the courses of the building and of its plant."""

    tariff: Tariff | None = None
    building_w: Series | None = None
    generation_w: Series | None = None


NOTHING_BESIDE = Beside()


@dataclass(frozen=True, slots=True)
class BacktestTask:
    """A simulation task with what it costs, and the sessions of the time before from which forecasts learn."""

    task: Task
    beside: Beside = NOTHING_BESIDE
    earlier: tuple[PastSession, ...] = ()
    missing_per_kwh: float = MISSING_PER_KWH

    def past(self, knowledge: Knowledge) -> PlannersPast:
        """What the planner may know. Who may come it learns from the past, however much it knows of those here."""
        return PlannersPast(
            tariff=self.beside.tariff,
            sessions=self.earlier,
            building_w=self.beside.building_w,
            generation_w=self.beside.generation_w,
            at_their_word=knowledge is Knowledge.STATED,
        )


def backtest_task(
    task: Task,
    sessions: SessionFile,
    beside: Beside = NOTHING_BESIDE,
    *,
    map_unknown: bool = False,
    missing_per_kwh: float = MISSING_PER_KWH,
) -> BacktestTask:
    """Put recorded loads beside the sessions of `task`, and earlier sessions of the same file before them.

    Raises ValueError when a recorded load covers nothing of the time, or flows where no meter of the site sees it.
    """
    site = task.site
    courses, notes = _courses(task, beside)
    notes = (*notes, *_guessed(task, beside.tariff))
    known = place(site, (one for one in sessions.records if one.arrival < task.begins), map_unknown=map_unknown)
    earlier = tuple(
        past_session(visit.record, site.evses[visit.evse].id, visit.record.delivered_wh, visit.record.departure)
        for visit in known.visits
        if visit.record.departure <= task.begins
    )
    notes = (*task.notes, *notes, f"forecasts know {len(earlier):,} sessions from before")
    return BacktestTask(replace(task, courses=courses, notes=notes), beside, earlier, missing_per_kwh)


def told_by(knowledge: Knowledge) -> Callable[[SessionRecord], Need]:
    """What is stated of a vehicle at plug-in."""
    return truth if knowledge is Knowledge.PERFECT else stated


def truth(record: SessionRecord) -> Need:
    """What it will take, and when it will leave; certain, so that no forecast doubts it."""
    return Need(record.delivered_wh, record.departure, NeedOrigin.SCHEDULED)


def stated(record: SessionRecord) -> Need:
    """What its driver said. A departure before the arrival is none."""
    leaves = record.stated_departure
    return Need(record.requested_wh, leaves if leaves is not None and leaves > record.arrival else None)


def priced_by(prices: PriceSeries, currency: str, timezone: str) -> Tariff:
    """A tariff of nothing but a series of prices."""
    energy = EnergyPrice("energy", series=PRICES)
    return Tariff("recorded prices", currency, timezone, (energy,), series={PRICES: prices})


def _courses(task: Task, beside: Beside) -> tuple[tuple[LoadCourse, ...], tuple[str, ...]]:
    """Recorded loads flow through the grid connection; where any is given, none is made up."""
    site, root = task.site, task.site.circuits.root.id
    if beside.building_w is None and beside.generation_w is None:
        made_up = ("other loads are made up from the seed",) if task.courses else ()
        return task.courses, made_up
    if site.circuits.root.meter is None:
        raise ValueError(
            f"{root} has no meter, so nobody sees what the building draws or the plant makes: give it one in site.yaml"
        )
    courses, notes = [], []
    plant = next((meter for meter in site.meters if meter.role is MeterRole.PV and meter.circuit is not None), None)
    for what, series, sign in (("building", beside.building_w, 1.0), ("pv", beside.generation_w, -1.0)):
        if series is not None:
            meter = plant if sign < 0.0 else None
            circuit = root if meter is None or meter.circuit is None else meter.circuit
            course, missing = _course(task, series, sign, circuit, what)
            courses.append(course if meter is None else replace(course, meter=meter.id))
            unseen = sign < 0.0 and meter is None and not task.site.circuits.root.generation_max_a
            notes += [UNSEEN.format(root=root)] * unseen
            notes += [BELOW] * (sign < 0.0 and bool((series.mean_w < 0.0).any()))
            notes += [f"{what}: no value for {missing} steps of {series.step_s} s, the last one holds"] * bool(missing)
    return tuple(courses), tuple(notes)


def _guessed(task: Task, tariff: Tariff | None) -> tuple[str, ...]:
    """What had to be taken for the price where none is known; the first few by name."""
    if tariff is None:
        return ()
    assumed = tariff.prices_over((task.begins, task.begins + timedelta(seconds=round(task.seconds)))).assumptions
    more = (f"{len(assumed) - MOST_NAMED} more prices had to be assumed",) if len(assumed) > MOST_NAMED else ()
    return (*(one.text for one in assumed[:MOST_NAMED]), *more)


def _course(task: Task, series: Series, sign: float, circuit: str, what: str) -> tuple[LoadCourse, int]:
    """The series as ampere on the phases of a circuit, and how many of its values are missing."""
    site, begins = task.site, task.begins
    rating = site.circuits[circuit].rating_a
    phases = sum(map(bool, rating))
    cut = series.since(begins - timedelta(seconds=series.step_s))
    wanted = math.ceil((begins + timedelta(seconds=task.seconds) - cut.begins).total_seconds() / series.step_s)
    values = np.full(max(wanted, 0), np.nan)
    inside = cut.mean_w[: len(values)]
    values[: len(inside)] = inside
    known = np.isfinite(values)
    if not known.any():
        since, until = (at.astimezone(site.zone) for at in (series.begins, series.begins + _length(series)))
        raise ValueError(
            f"{what}: the file says nothing about {_span(begins, task)}; it is about {since:%Y-%m-%d} to "
            f"{until:%Y-%m-%d}: name another file, or other days with --from"
        )
    place = np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))
    held = values[place]
    held = np.where(np.isfinite(held), held, values[known][0])
    if sign < 0.0:
        # A plant's meter may show its own consumption at night; what it makes is what counts.
        held = np.maximum(held, 0.0)
    first = (cut.begins - begins).total_seconds()
    points = tuple(
        (first + k * series.step_s, _amps(sign * watts / (phases * site.voltage_v), rating))
        for k, watts in enumerate(held.tolist())
    )
    return LoadCourse(circuit, points), int((~known).sum())


def _length(series: Series) -> timedelta:
    return timedelta(seconds=len(series.mean_w) * series.step_s)


def _amps(value: float, rating: PhaseAmps) -> PhaseAmps:
    return (value if rating[0] else 0.0, value if rating[1] else 0.0, value if rating[2] else 0.0)


def _span(begins: datetime, task: Task) -> str:
    days = "the day" if task.days == 1 else f"{task.days} days"
    return f"{days} from {begins.astimezone(task.site.zone):%Y-%m-%d}"
