"""What a run amounts to: from its tally and its observer to a result."""

from __future__ import annotations

import numpy as np

from ems.domain.site import Site
from ems.sim.core_run import CoreRun
from ems.sim.core_tally import BIN_S, NO_VEHICLE, Series
from ems.sim.observer import Cause
from ems.sim.promise import MET_SLACK_WH, kept_by_class
from ems.sim.simulation_result import SimulationResult, TimeSeries
from ems.sim.simulation_task import Task

CIRCUITS_SHOWN = 5
OVERLOADS_LISTED = 50


def findings(task: Task, strategy: str, run: CoreRun) -> SimulationResult:
    """The result of a run that is over."""
    tally, observer = run.plant.tally, run.plant.observer
    overloads = sorted(observer.overloads(task.seconds), key=lambda overload: -overload.worst_a)
    worst = overloads[0] if overloads else None
    wanting = [outcome for outcome in tally.outcomes if outcome.wanted_wh >= MET_SLACK_WH]
    return SimulationResult(
        site=task.site.name,
        strategy=strategy,
        seed=task.seed,
        begins=task.begins,
        days=task.days,
        evses=len(task.site.evses),
        sessions=len(tally.outcomes),
        wanted_kwh=round(sum(outcome.wanted_wh for outcome in tally.outcomes) / 1000.0, 3),
        delivered_kwh=round(tally.delivered_wh / 1000.0, 3),
        needs=len(wanting),
        needs_met=sum(outcome.is_met for outcome in wanting),
        needs_possible=sum(outcome.is_possible for outcome in wanting),
        peak_kw=round(tally.peak_w / 1000.0, 3),
        overload_own_a=round(observer.largest_a(task.seconds, Cause.CHARGERS), 3),
        overload_a=0.0 if worst is None else round(worst.worst_a, 3),
        overload_at="" if worst is None else f"{worst.circuit} {worst.phase.name}, by {worst.cause}",
        overload_s=0.0 if worst is None else round(worst.duration_s, 1),
        overloads_to_trip=sum(overload.may_trip for overload in overloads),
        promises=kept_by_class(
            task.site, [(outcome.promised, outcome.is_kept) for outcome in tally.outcomes if outcome.promised]
        ),
        starvation_s=round(tally.longest_starved_s, 1),
        profiles=tally.profiles,
        guard_corrections=tally.guarded,
        decisions=tally.ticks,
        notes=task.notes,
        overloads=tuple(overloads[:OVERLOADS_LISTED]),
        departures=tuple(tally.outcomes),
        series=_series(task.site, tally.series),
    )


def _series(site: Site, series: Series) -> TimeSeries:
    """What is shown of each bin. Of circuits the grid connection, and those that came closest to their rating."""
    amps, evses = np.array(series.circuit_a), np.array(series.evse_a, dtype=np.int16).reshape(-1, len(site.evses))
    rating = np.array([circuit.rating_a for circuit in site.circuits])
    used = np.where(rating > 0, amps.max(axis=0, initial=0.0) / np.maximum(rating, 1e-9), 0.0).max(axis=1)
    closest = [0, *(int(i) for i in np.argsort(-used, kind="stable") if i > 0)][:CIRCUITS_SHOWN]
    return TimeSeries(
        step_s=BIN_S,
        site_kw=tuple(round(w / 1000.0, 3) for w in series.site_w),
        evses_kw=tuple(round(w / 1000.0, 3) for w in series.evses_w),
        circuit_a={
            site.circuits.circuits[i].id: tuple(
                (round(a, 1), round(b, 1), round(c, 1)) for a, b, c in amps[:, i].tolist()
            )
            for i in closest
        },
        occupied=tuple(int(n) for n in (evses > NO_VEHICLE).sum(axis=1)),
        charging=tuple(int(n) for n in (evses > 0).sum(axis=1)),
        evse_a=evses,
    )
