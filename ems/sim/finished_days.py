"""The finished days of a run, as their regret looks at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from ems.domain.energy.tariff import Tariff
from ems.domain.session import Need
from ems.planning.arrays import Floats
from ems.planning.day_verdict import DayRegret
from ems.planning.horizon import Horizon
from ems.planning.regret import STEP_S, DayRecord, Said, day_regret, local_days
from ems.sim.core_planner import load_of, paid_by
from ems.sim.core_tally import BIN_S, Outcome, Tally
from ems.sim.hindsight import facts_of, presence_of
from ems.sim.placement import Visit
from ems.sim.session_record import SessionRecord
from ems.sim.simulation_task import Task

Told = Callable[[SessionRecord], Need]

BINS = round(STEP_S / BIN_S)


def regrets_of(
    task: Task, tally: Tally, told: Told, tariff: Tariff | None, missing_per_kwh: float
) -> tuple[DayRegret, ...]:
    """The regret of every whole local day of a run that is over, from midnight to midnight."""
    got = _progress(task, tally)
    site_w, battery_w = np.array(tally.series.site_w), np.array(tally.series.battery_w)
    found = []
    for day, horizon in local_days(task.begins, task.days * 86_400.0, task.site):
        first = round((horizon.begins - task.begins).total_seconds() / BIN_S)
        bins = site_w[first : first + BINS * horizon.steps]
        if len(bins) < BINS * horizon.steps:
            break
        facts = facts_of(task.site, horizon, task.courses, task.begins, tariff)
        if task.site.batteries:
            # What the battery did is as it was: a day is judged by what vehicles could have had.
            stored_w = battery_w[first : first + len(bins)].reshape(-1, BINS).mean(axis=1)
            facts = replace(facts, base_w=facts.base_w + stored_w)
        if tariff is not None and first:
            facts = replace(facts, paid=paid_by(tariff, load_of(task.begins, site_w[:first].tolist())))
        records = [
            _record(task, visit, outcome, got[outcome.id], horizon, told)
            for visit, outcome in _ended(task, tally)
            if visit.record.arrival < horizon.ends and visit.record.departure > horizon.begins
        ]
        found.append(day_regret(facts, day, records, bins.reshape(-1, BINS).mean(axis=1).tolist(), missing_per_kwh))
    return tuple(found)


def _ended(task: Task, tally: Tally) -> list[tuple[Visit, Outcome]]:
    outcomes = {(one.id, one.evse): one for one in tally.outcomes}
    found = []
    for visit in task.placement.visits:
        outcome = outcomes.get((visit.record.id, task.site.evses[visit.evse].id))
        if outcome is not None:
            found.append((visit, outcome))
    return found


def _progress(task: Task, tally: Tally) -> dict[str, Callable[[datetime], float]]:
    """Per session what it had got at a moment on a full five minutes, Wh: the register of its EVSE beyond what those
    before it took.
    """
    registers = np.array(tally.series.register_wh).reshape(-1, len(task.site.evses))
    before = dict.fromkeys((evse.id for evse in task.site.evses), 0.0)
    found: dict[str, Callable[[datetime], float]] = {}
    for outcome in tally.outcomes:
        j = task.site.evse_index(outcome.evse)
        assert j is not None
        found[outcome.id] = _reader(registers[:, j], before[outcome.evse], outcome.got_wh, task.begins)
        before[outcome.evse] += outcome.got_wh
    return found


def _reader(register: Floats, before_wh: float, most_wh: float, begins: datetime) -> Callable[[datetime], float]:
    def had(moment: datetime) -> float:
        ended = round((moment - begins) / timedelta(seconds=BIN_S))
        if ended <= 0:
            return 0.0
        shown = float(register[min(ended, len(register)) - 1]) - before_wh
        return min(max(shown, 0.0), most_wh)

    return had


def _record(
    task: Task, visit: Visit, outcome: Outcome, had: Callable[[datetime], float], horizon: Horizon, told: Told
) -> DayRecord:
    """What it wanted and got on that day; what was said is counted from there on as well."""
    truth = presence_of(task.site, visit)
    before = had(horizon.begins) if truth.arrival < horizon.begins else 0.0
    after = had(horizon.ends) if truth.departure > horizon.ends else outcome.got_wh
    need = told(visit.record)
    said_wh = None if need.energy_wh is None else max(0.0, need.energy_wh - before)
    return DayRecord(
        truth._replace(wants_wh=max(0.0, outcome.wanted_wh - before)),
        max(0.0, after - before),
        Said(said_wh, need.departure),
    )
