"""What a larger connection or more EVSEs would bring: service and cost against size, at best or by the controller."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np

from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.site import Site
from ems.domain.station import Station
from ems.planning.clairvoyant import problem_of
from ems.planning.flow import deliverable
from ems.sim.backtest import least_total, run
from ems.sim.backtest_task import BacktestTask, Knowledge
from ems.sim.core_tally import BIN_S
from ems.sim.hindsight import facts_of, grid, presence_of
from ems.sim.placement import Visit
from ems.sim.session_record import SessionRecord
from ems.sim.simulation_task import Task

PANEL = "added"
MOVED_S = 3600.0


@dataclass(frozen=True, slots=True)
class Size:
    """A connection of `limit_a` per phase (None: as it is) with so many more EVSEs."""

    limit_a: float | None
    added: int


class Sized(NamedTuple):
    """What a size brings. Shares of the wanted energy, 0 … 1: what is delivered, and what is `possible` at most.
    `total` is energy, demand charge, and what is missing at its worth; 0 energy and demand without a tariff.
    """

    size: Size
    kw: float
    sessions: int
    wanted_kwh: float
    share: float
    possible: float
    met: int
    needs: int
    peak_kw: float
    energy_cost: float
    demand_cost: float
    total: float

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        data = self._asdict()
        size: Size = data.pop("size")
        return {"limit_a": size.limit_a, "added": size.added, **data}


class Sizing(NamedTuple):
    """What is asked: the task as it is, and the strategy that serves in virtual time; without one it is the least total
    that anybody could reach, which one linear program finds.
    """

    task: BacktestTask
    strategy: str | None = None
    knowledge: Knowledge = Knowledge.STATED


def sizes(limits_a: Sequence[float], added: Sequence[int]) -> tuple[Size, ...]:
    """Every connection with every number of EVSEs; the present connection where no other is named."""
    return tuple(Size(limit, more) for more in added for limit in (limits_a or (None,)))


def compare(sizing: Sizing, wanted: Sequence[Size], *, workers: int | None = None) -> tuple[Sized, ...]:
    """What each size brings, in a process each while there are processors."""
    count = min(len(wanted), workers or os.cpu_count() or 1)
    if count <= 1:
        return tuple(sized(sizing, size) for size in wanted)
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        return tuple(pool.map(sized, [sizing] * len(wanted), wanted))


def sized(sizing: Sizing, size: Size) -> Sized:
    """What one size brings."""
    task = replace(sizing.task, task=resized(sizing.task.task, size))
    row = least_total(task) if sizing.strategy is None else run(task, sizing.strategy, sizing.knowledge)
    site = task.task.site
    return Sized(
        size=size,
        kw=sum(site.circuits.root.rating_a) * site.voltage_v / 1000.0,
        sessions=len(task.task.placement.visits),
        wanted_kwh=row.service.wanted_kwh,
        share=row.service.share,
        possible=possible(task.task),
        met=row.service.met,
        needs=row.service.needs,
        peak_kw=row.costs.peak_kw,
        energy_cost=row.costs.energy,
        demand_cost=row.costs.demand,
        total=row.total,
    )


def possible(task: Task) -> float:
    """The share of the wanted energy that anybody could deliver, by maximum flow; an upper bound on mixed sites."""
    facts = facts_of(task.site, grid(task.begins, task.seconds), task.courses, task.begins)
    presences = [presence_of(task.site, visit) for visit in task.placement.visits]
    found = deliverable(problem_of(facts, presences))
    return found.energy_wh / found.need_wh if found.need_wh > 0.0 else 1.0


def resized(task: Task, size: Size) -> Task:
    """The same with another connection and with more EVSEs: wired and rated like those that are there, in turn, at a
    panel of their own that carries them all. Each has the sessions of one that is there, drawn by the seed, each up to
    an hour earlier or later.
    """
    site = task.site
    if size.limit_a is not None:
        a, b, c = (size.limit_a if rating else 0.0 for rating in site.circuits.root.rating_a)
        root = replace(site.circuits.root, rating_a=(a, b, c))
        site = replace(site, circuits=CircuitTree((root, *site.circuits.circuits[1:])))
    if not size.added:
        return replace(task, site=site)
    grown = _with_more(site, size.added)
    visits = (*task.placement.visits, *_more_visits(task, len(site.evses), size.added))
    ordered = tuple(sorted(visits, key=lambda visit: (visit.record.arrival, visit.evse)))
    last_s = max(((visit.record.departure - task.begins).total_seconds() for visit in ordered), default=0.0)
    seconds = max(task.seconds, math.ceil(last_s / BIN_S) * BIN_S)
    return replace(task, site=grown, placement=replace(task.placement, visits=ordered), seconds=seconds)


def _with_more(site: Site, added: int) -> Site:
    root, stations = site.circuits.root, []
    rating = sum(evse.max_a for evse in site.evses) + added * max(evse.max_a for evse in site.evses)
    a, b, c = (rating if of_root else 0.0 for of_root in root.rating_a)
    panel = Circuit(PANEL, root.id, (a, b, c))
    for number in range(added):
        model = site.evses[number % len(site.evses)]
        evse = replace(model, station=f"{PANEL}-{number + 1}", number=1, circuit=PANEL, fallback_a=0.0, meter=None)
        stations.append(Station(evse.station, (evse,)))
    circuits = CircuitTree((*site.circuits.circuits, panel))
    return replace(site, circuits=circuits, stations=(*site.stations, *stations))


def _more_visits(task: Task, first: int, added: int) -> Iterator[Visit]:
    by_evse: dict[int, list[Visit]] = {}
    for visit in task.placement.visits:
        by_evse.setdefault(visit.evse, []).append(visit)
    rng = np.random.default_rng(task.seed)
    for number in range(added):
        drawn = by_evse[sorted(by_evse)[int(rng.integers(len(by_evse)))]]
        until = task.begins
        for visit in drawn:
            by_s = float(rng.uniform(-MOVED_S, MOVED_S))
            # Nobody comes before the time that is looked at.
            by_s = max(by_s, (task.begins - visit.record.arrival).total_seconds())
            record = _moved(visit.record, by_s, f"{PANEL}-{number + 1}")
            if record.arrival >= until:
                yield Visit(record, first + number)
                until = record.departure


def _moved(record: SessionRecord, seconds: float, station: str) -> SessionRecord:
    by = timedelta(seconds=round(seconds))
    leaves = None if record.stated_departure is None else record.stated_departure + by
    return replace(
        record,
        id=f"{station}:{record.id}",
        station=station,
        arrival=record.arrival + by,
        departure=record.departure + by,
        stated_departure=leaves,
    )


def as_table(found: Sequence[Sized]) -> str:
    """A line per size."""
    rows = [list(COLUMNS), *([show(one) for show in COLUMNS.values()] for one in found)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(COLUMNS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


COLUMNS: Mapping[str, Callable[[Sized], str]] = {
    "A per phase": lambda one: "as it is" if one.size.limit_a is None else f"{one.size.limit_a:g}",
    "kW": lambda one: f"{one.kw:.0f}",
    "EVSEs added": lambda one: str(one.size.added),
    "sessions": lambda one: str(one.sessions),
    "delivered, %": lambda one: f"{100 * one.share:.2f}",
    "possible, %": lambda one: f"{100 * one.possible:.2f}",
    "full": lambda one: f"{one.met}/{one.needs}",
    "peak, kW": lambda one: f"{one.peak_kw:.1f}",
    "energy": lambda one: f"{one.energy_cost:,.2f}",
    "demand": lambda one: f"{one.demand_cost:,.2f}",
    "total": lambda one: f"{one.total:,.2f}",
}
