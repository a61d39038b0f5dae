"""Daily regret: what a day cost, what it could have cost, and why it cost more.

Of each local day the same vehicles are looked at as they stood there at its begin. Those that stay beyond its end are
to have by then what they had, so that nobody looks good by leaving the work to tomorrow. From what was to what could
have been, in steps of which each is a bound or a plan by linear programs on quarter hours:

    actual
      - carried out   → planned with what was stated, from each arrival on
      - wishes        → planned with what was true of each vehicle from its arrival on
      - late knowledge→ planned with everything known from the begin: what it could have cost
      - limits        → the same without the limits of circuits: what no limit would have cost

A planning that knows vehicles from their arrival on plans the rest of the day as if nobody else would come: for the
least cost, or to finish early, whichever turns out better. `carried out` is all that remains: the strategy that was
chosen, 6 A or nothing, the pace of raises. It is below nothing where the controller did better than that planning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import numpy as np

from ems.domain.energy.bill import Component, bill
from ems.domain.energy.load import Load
from ems.domain.site import Site
from ems.planning.arrays import Floats
from ems.planning.clairvoyant import Facts, Presence, least_cost, problem_of
from ems.planning.day_verdict import DayRegret
from ems.planning.horizon import Horizon
from ems.planning.problem import ChargingProblem, Node
from ems.planning.schedule import Schedule

MISSING_PER_KWH = 0.5
"""What a kWh counts that a vehicle wanted and did not get, where nobody says otherwise."""

STEP_S = 900.0
EARLY_PER_KWH_H = (1e-4, 1.0)
"""What an hour of delay of a kWh counts to who plans for cost, and to who is in a hurry."""

DAY_H = 24.0
LEFT_WH, MORE_WH = 10.0, 2000.0
"""A smaller rest is none; and what somebody is believed to want beyond what was said, as long as it still draws."""


class Said(NamedTuple):
    """What was said of a vehicle at plug-in; None where nothing was."""

    wants_wh: float | None
    departure: datetime | None


NOTHING_SAID = Said(None, None)


@dataclass(frozen=True, slots=True)
class DayRecord:
    """One vehicle on one day: as it truly was (its need is what it still wanted when the day, or its stay, began), what
    it got on that day, and what was said.
    """

    truth: Presence
    got_wh: float
    said: Said = NOTHING_SAID


def day_regret(
    facts: Facts, day: date, records: Sequence[DayRecord], site_w: Sequence[float], missing_per_kwh: float
) -> DayRegret:
    """The regret of a finished local day. `facts` cover it from midnight to midnight in steps of `STEP_S`; `site_w` is
    the mean power through the grid connection in each of them.
    """
    horizon = facts.horizon
    present = [one for one in records if _overlap_s(one.truth, horizon) > 0.0]
    wanted = [_of_day(one, horizon) for one in present]
    missing = sum(max(0.0, want.wants_wh - one.got_wh) for one, want in zip(present, wanted, strict=True)) / 1000.0
    cost = money(facts, np.array(site_w)) + missing_per_kwh * missing
    problem = problem_of(facts, wanted)
    could, could_miss = _judged(facts, least_cost(problem, missing_per_kwh), wanted, missing_per_kwh)
    free, _ = _judged(facts, least_cost(_unlimited(problem), missing_per_kwh), wanted, missing_per_kwh)
    known = _learned(facts, wanted, wanted, missing_per_kwh)
    said = [_as_said(one, want, horizon) for one, want in zip(present, wanted, strict=True)]
    wished = known
    if said != wanted:
        wished = _learned(facts, wanted, said, missing_per_kwh)
    return DayRegret(
        day=day,
        cost=cost,
        could=could,
        carried_out=cost - wished,
        wishes=wished - known,
        late_knowledge=known - could,
        limits=could - free,
        missing_kwh=missing,
        could_miss_kwh=could_miss,
    )


def local_days(begins: datetime, seconds: float, site: Site) -> tuple[tuple[date, Horizon], ...]:
    """The whole local days from `begins` on, with their quarter hours: 92 or 100 where the clock is set."""
    found: list[tuple[date, Horizon]] = []
    day = begins.astimezone(site.zone).date()
    ends = begins + timedelta(seconds=seconds)
    while True:
        first, last = _midnight(site, day), _midnight(site, day + timedelta(days=1))
        if last > ends:
            return tuple(found)
        if first >= begins:
            steps = round((last - first).total_seconds() / STEP_S)
            found.append((day, Horizon.uniform(first, steps, STEP_S)))
        day += timedelta(days=1)


def money(facts: Facts, site_w: Floats) -> float:
    """What the power of a day costs: energy, and what its peaks add to those that are paid already, VAT included;
    nothing without a tariff.
    """
    tariff = facts.tariff
    if tariff is None:
        return 0.0
    load = Load(facts.horizon.begins, int(STEP_S), tuple(site_w.tolist()))
    found = bill(tariff, load)
    demand = sum(
        max(0.0, peak.kw - facts.paid.get((peak.charge.name, peak.period), 0.0)) * peak.charge.per_kw
        for peak in tariff.peaks(load)
    )
    return (found.of(Component.ENERGY) + demand) * tariff.vat_factor + found.of(Component.FEED_IN)


def _midnight(site: Site, day: date) -> datetime:
    return datetime.combine(day, time(), site.zone).astimezone(UTC)


def _overlap_s(one: Presence, horizon: Horizon) -> float:
    return (min(one.departure, horizon.ends) - max(one.arrival, horizon.begins)).total_seconds()


def _of_day(one: DayRecord, horizon: Horizon) -> Presence:
    """Who stays beyond the day is to have by its end what it truly had."""
    truth = one.truth
    wants_wh = one.got_wh if truth.departure > horizon.ends else truth.wants_wh
    return truth._replace(wants_wh=wants_wh)


def _as_said(one: DayRecord, truth: Presence, horizon: Horizon) -> Presence:
    """What a planner would take it for that believes what was said: never gone while it is still there."""
    leaves = truth.departure if one.said.departure is None else one.said.departure
    wants_wh = truth.wants_wh if one.said.wants_wh is None else one.said.wants_wh
    if truth.departure > horizon.ends:
        return truth
    return truth._replace(departure=leaves, wants_wh=wants_wh)


def _judged(
    facts: Facts, schedule: Schedule, wanted: Sequence[Presence], missing_per_kwh: float
) -> tuple[float, float]:
    """The total of a schedule by the truth, and what it misses, kWh."""
    evses = facts.site.evses
    plug = {one.session: evses[one.evse].dc_efficiency or 1.0 for one in wanted}
    needs = {one.session: one.wants_wh for one in wanted}
    got = dict.fromkeys(needs, 0.0)
    for request, wh in zip(schedule.problem.requests, schedule.delivered_wh.tolist(), strict=True):
        got[request.session] += wh * plug[request.session]
    missing = sum(max(0.0, needs[name] - wh) for name, wh in got.items()) / 1000.0
    return money(facts, schedule.site_w) + missing_per_kwh * missing, missing


def _unlimited(problem: ChargingProblem) -> ChargingProblem:
    """The same with circuits that carry anything."""
    nodes = tuple(
        Node(
            node.circuit,
            node.parent,
            tuple(ln._replace(capacity=np.full_like(ln.capacity, np.inf)) for ln in node.lines),
        )
        for node in problem.nodes
    )
    return replace(problem, nodes=nodes)


def _learned(facts: Facts, truth: Sequence[Presence], believed: Sequence[Presence], missing_per_kwh: float) -> float:
    """The lower total of planning from arrivals on, for cost and to finish early."""
    schedules = (_from_arrival(facts, truth, believed, missing_per_kwh, early) for early in EARLY_PER_KWH_H)
    return min(_judged(facts, schedule, truth, missing_per_kwh)[0] for schedule in schedules)


def _from_arrival(
    facts: Facts, truth: Sequence[Presence], believed: Sequence[Presence], missing_per_kwh: float, early: float
) -> Schedule:
    """What comes out when the rest of the day is planned for those that are here, as they are `believed` to be, and
    planned again whenever somebody comes, or turns out to be otherwise; they take what they truly want.
    """
    whole = problem_of(facts, truth)
    horizon, hours = whole.horizon, whole.horizon.hours
    place = {request.session: i for i, request in enumerate(whole.requests)}
    efficiency = {one.session: facts.site.evses[one.evse].dc_efficiency or 1.0 for one in truth}
    amps = np.zeros((len(whole.requests), horizon.steps))
    left = {one.session: one.wants_wh for one in truth}
    claimed = {one.session: one.wants_wh for one in believed}
    beliefs = {one.session: one for one in believed}
    planned: dict[str, Floats] = {}
    since, known = 0, frozenset[tuple[str, bool, bool]]()
    for k in range(horizon.steps):
        now, ends = (horizon.begins + timedelta(seconds=horizon.edges_s[at]) for at in (k, k + 1))
        here = [one for one in truth if one.arrival < ends and one.departure > now and left[one.session] > LEFT_WH]
        facts_now = frozenset(
            (one.session, beliefs[one.session].departure > now, claimed[one.session] > LEFT_WH) for one in here
        )
        if not facts_now <= known:
            still = [_still(beliefs[one.session], claimed[one.session], left[one.session], now, ends) for one in here]
            rest = problem_of(_from_step(facts, k), still)
            rows = least_cost(rest, missing_per_kwh + early * DAY_H, early).amps
            planned = {request.session: row for request, row in zip(rest.requests, rows, strict=True)}
            since, known = k, facts_now
        for one in here:
            row = planned.get(one.session)
            if row is not None:
                request = whole.requests[place[one.session]]
                wh_per_a = request.watts_per_a * float(hours[k]) * efficiency[one.session]
                most = request.max_a * float(request.available[k])
                amps[place[one.session], k] = given = min(float(row[k - since]), most, left[one.session] / wh_per_a)
                left[one.session] -= given * wh_per_a
                claimed[one.session] -= given * wh_per_a
    return Schedule(whole, amps, np.zeros(horizon.steps))


def _still(one: Presence, claimed_wh: float, left_wh: float, now: datetime, ends: datetime) -> Presence:
    """As it is believed to be now: one that was to be gone is believed to leave soon, one that has what was said but
    still draws to want a little more.
    """
    leaves = one.departure if one.departure > ends else max(ends, now + timedelta(hours=1))
    wants_wh = claimed_wh if claimed_wh > LEFT_WH else min(left_wh, MORE_WH)
    return one._replace(departure=leaves, wants_wh=wants_wh)


def _from_step(facts: Facts, k: int) -> Facts:
    """The rest of the day from a step on."""
    horizon = facts.horizon
    begins = horizon.begins + timedelta(seconds=horizon.edges_s[k])
    rest = Horizon.uniform(begins, horizon.steps - k, STEP_S)
    return replace(
        facts,
        horizon=rest,
        base_a=facts.base_a[:, :, k:],
        base_w=facts.base_w[k:],
        generation_w=facts.generation_w[k:],
    )
