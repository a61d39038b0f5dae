"""A charging problem as a linear program.

Sets: requests i, steps t of g_t hours, circuits n (a tree), kinds of current k (see `conductors`).
Variables: x_it ≥ 0, ampere of request i as a mean over the step, at most max_i times the share of the step during which
it is there; y_nkt, ampere of kind k through circuit n, only where one of its lines may bind; s_iq, energy of request i
that is missing, in thirds q of all that it wants, what it has counted as the first of it; r_i, what is missing of its
guarantee, and u_it, ampere, of a minimum current that is promised; e_t, f_t, kW from and into the grid; c_t, d_t, b_t,
kW into and out of the battery and kWh in it; P_j, kW of demand charge j.
Where only a forecast tells when i leaves, p_it ≤ 1 is how likely it is still there (else 1; where only what is free is
charged, less the later for who hurries), and v_i what is missing of a first share that it is to have soon.
Constraints: sum_t p_it w_i g_t x_it + sum_q s_iq = need_i, without p_it at most need_i; the same up to the guaranteed
step with r_i, at least, and without p_it; so with v_i up to the step for a start; x_it + u_it ≥ what is promised;
y_nkt = the x and y directly below; |sum_k c_k y_nkt| ≤ capacity for every line, as a polygon inside the circle where
currents are out of phase (see `tree`); balance of the grid connection, the battery's recursion, P_j ≥ the mean of e
over each of its windows and ≥ what is paid already (see `supply`).
Objective: minimise guarantee_i (r_i + w_i g_t u_it) + missing_i (1 + step q) s_iq + start_i v_i + price_t e_t
- feed-in_t f_t + demand_j P_j + wear + early_i · middle_t · energy; the weights are a strict ladder (see `weights`).
Source: the adaptive charging networks of Lee et al. 2021 for the phasors, here in tree form (conservation in rows): it
has a third of the entries of one row per circuit over all vehicles below, and solves several times faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ems.domain.strategy import Ladder
from ems.planning.arrays import Floats, Ints
from ems.planning.linear_program import NONE, LinearProgram
from ems.planning.problem import ChargingProblem, Request
from ems.planning.supply import BatteryColumns, Grid, add_battery, add_grid
from ems.planning.tree import add_tree
from ems.planning.weights import FAIR_STEP, THIRDS, Weights

LEAST_HURRY = 0.5
"""What an hour of delay counts for who leaves last, as a share of what it counts for who leaves first."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """The linear program and where to find what. Columns: `charge` (requests × steps) and `carried` (nodes × kinds ×
    steps), -1 where there is none; `missing` (requests × thirds); `guaranteed` per request.
    """

    problem: ChargingProblem
    program: LinearProgram
    charge: Ints
    missing: Ints
    guaranteed: Ints
    carried: Ints
    battery: BatteryColumns | None
    grid: Grid | None

    @classmethod
    def of(cls, problem: ChargingProblem, ladder: Ladder, facet_deg: float) -> Program:
        """Lay out `problem` for a strategy's ladder, with a facet every `facet_deg` where currents are out of phase."""
        lp, weights = LinearProgram(), Weights.of(problem, ladder)
        charge = _charge(problem, lp, weights)
        missing = _needs(problem, lp, charge, weights)
        guaranteed = _guarantees(problem, lp, charge, weights)
        _starts(problem, lp, charge, weights)
        _never_paused(problem, lp, charge, weights)
        battery = add_battery(problem, lp, weights) if ladder.looks_at_site else None
        battery_a = np.empty(0, dtype=np.intp) if battery is None else battery.amps
        tree = add_tree(problem, lp, charge, battery_a, facet_deg)
        grid = add_grid(problem, lp, tree.top, battery, weights) if ladder.looks_at_site else None
        return cls(problem, lp, charge, missing, guaranteed, tree.carried, battery, grid)

    def amps(self, values: Floats) -> Floats:
        """Currents per request and step in a solution."""
        return np.where(self.charge >= 0, values[self.charge], 0.0)

    def charging_w(self, values: Floats) -> Floats:
        """What the battery takes at every step, without what it gives."""
        if self.battery is None:
            return np.zeros(self.problem.horizon.steps)
        return np.asarray(1000.0 * values[self.battery.charge])

    def discharging_w(self, values: Floats) -> Floats:
        """What the battery gives at every step."""
        if self.battery is None:
            return np.zeros(self.problem.horizon.steps)
        return np.asarray(1000.0 * values[self.battery.discharge])


def _charge(problem: ChargingProblem, lp: LinearProgram, weights: Weights) -> Ints:
    requests, hours = problem.requests, problem.horizon.hours
    charge = np.full((len(requests), hours.size), NONE, dtype=np.intp)
    if not requests:
        return charge
    most = np.stack([request.upper_a for request in requests])
    there = most > 0.0
    middle = np.array(problem.horizon.edges_s[:-1]) / 3600.0 + hours / 2.0
    hurry = np.where([r.hurries for r in requests], weights.hurry, weights.early) * _hurry(problem)
    kwh = problem.watts_per_a[:, None] * hours / 1000.0
    charge[there] = lp.add_columns(most[there], (hurry[:, None] * middle * kwh)[there])
    return charge


def _hurry(problem: ChargingProblem) -> Floats:
    """The share of the hurry that is each request's own: most of those that lack a start; of those that charge already
    more than of those that wait, and all of it where it leaves first, least where it leaves last, so that of equal
    plans the same is found again five minutes later, and not one that swaps who is served. A forecast vehicle need not
    hurry; it may never come.
    """
    requests = problem.requests
    leaves = np.array([int(np.flatnonzero(request.available).max(initial=0)) for request in requests])
    waits = np.array([not request.is_on for request in requests])
    started = np.array([request.start is None for request in requests])
    order = np.lexsort((np.arange(len(requests)), leaves, waits, started))
    rank = np.empty(len(requests))
    rank[order] = np.arange(len(requests))
    own = 1.0 - (1.0 - LEAST_HURRY) * rank / max(1, len(requests) - 1)
    return np.where([request.expected for request in requests], 0.0, own)


def _needs(problem: ChargingProblem, lp: LinearProgram, charge: Ints, weights: Weights) -> Ints:
    """What is delivered, as far as the vehicle is likely still there, and what is missing add up to the need. What is
    delivered while it is there is not more than the need, however unlikely some of it is. Who has two thirds of all
    that it wants can only miss the last one, which counts least.
    """
    count, hours = len(problem.requests), problem.horizon.hours
    kwh = np.array([max(0.0, request.need_wh) for request in problem.requests]) / 1000.0
    wanted = kwh + np.array([max(0.0, request.taken_wh) for request in problem.requests]) / 1000.0
    thirds = np.arange(THIRDS + 1) / THIRDS
    upper = np.diff(np.minimum(kwh[:, None], wanted[:, None] * thirds), axis=1)
    rising = 1.0 + FAIR_STEP * np.arange(THIRDS)
    missing = lp.add_columns(upper.ravel(), (weights.missing[:, None] * rising).ravel())
    row, step = np.nonzero(charge >= 0)
    values = problem.watts_per_a[row] * hours[step] / 1000.0 if row.size else np.empty(0)
    for i, request in enumerate(problem.requests):
        counts = _counts(problem, request, weights.halving_h)
        if counts is not None:
            own = row == i
            columns = charge[i, step[own]]
            lp.at_most(np.zeros(columns.size, dtype=np.intp), columns, values[own], kwh[i : i + 1])
            values[own] *= counts[step[own]]
    each = np.repeat(np.arange(count), THIRDS)
    lp.equal(
        np.concatenate((row, each)),
        np.concatenate((charge[row, step], missing)),
        np.concatenate((values, np.ones(each.size))),
        kwh,
    )
    return missing.reshape(count, THIRDS)


def _counts(problem: ChargingProblem, request: Request, halving_h: float) -> Floats | None:
    """What a kWh counts at each step, 0 … 1; None where all count in full."""
    if not request.hurries or math.isinf(halving_h):
        return request.likely
    fading = np.exp2(-np.array(problem.horizon.edges_s[:-1]) / 3600.0 / halving_h)
    return fading if request.likely is None else fading * request.likely


def _guarantees(problem: ChargingProblem, lp: LinearProgram, charge: Ints, weights: Weights) -> Ints:
    requests = problem.requests
    columns = np.full(len(requests), NONE, dtype=np.intp)
    some = [i for i, r in enumerate(requests) if min(r.guaranteed_wh, r.need_wh) > 0.0 and r.guaranteed_by > 0]
    if not some:
        return columns
    kwh = np.array([min(requests[i].guaranteed_wh, requests[i].need_wh) for i in some]) / 1000.0
    columns[some] = lp.add_columns(kwh, weights.guaranteed[some])
    until = np.array([requests[i].guaranteed_by for i in some])
    _by(problem, lp, charge[some], columns[some], (problem.watts_per_a[some], until, kwh))
    return columns


def _starts(problem: ChargingProblem, lp: LinearProgram, charge: Ints, weights: Weights) -> None:
    """Of its first share, who may leave any time has soon what it can take by then. Without a look at how likely who
    is still there later: a floor of service comes before the energy of the same class.
    """
    requests, hours = problem.requests, problem.horizon.hours
    some = {i: request.start for i, request in enumerate(requests) if request.start is not None}
    if not some:
        return
    rows, starts = list(some), list(some.values())
    watts_per_a = problem.watts_per_a[rows]
    amp_hours = [float(requests[i].upper_a[: start.by] @ hours[: start.by]) for i, start in some.items()]
    kwh = np.minimum([start.wh for start in starts], watts_per_a * amp_hours) / 1000.0
    columns = lp.add_columns(kwh, weights.start[rows] * np.array([start.weight for start in starts]))
    _by(problem, lp, charge[rows], columns, (watts_per_a, np.array([start.by for start in starts]), kwh))


def _by(
    problem: ChargingProblem, lp: LinearProgram, charge: Ints, short: Ints, due: tuple[Floats, Ints, Floats]
) -> None:
    """What flows through the columns `charge` and what is `short` make up what is `due`, at least: by row, power of an
    ampere, the steps until then, and kWh.
    """
    watts_per_a, until, kwh = due
    part = np.where(np.arange(charge.shape[1]) < until[:, None], charge, NONE)
    row, step = np.nonzero(part >= 0)
    values = watts_per_a[row] * problem.horizon.hours[step] / 1000.0
    each = np.arange(kwh.size)
    lp.at_most(
        np.concatenate((row, each)),
        np.concatenate((part[row, step], short)),
        -np.concatenate((values, np.ones(kwh.size))),
        -kwh,
    )


def _never_paused(problem: ChargingProblem, lp: LinearProgram, charge: Ints, weights: Weights) -> None:
    """Who is promised not to pause has the minimum current in the first step, and in all in which it could not have
    finished yet at full current: a promise for as long as it needs anything would stretch its charge instead.
    """
    hours = problem.horizon.hours
    for i, request in enumerate(problem.requests):
        if not request.always or request.need_wh <= 0.0:
            continue
        busy = np.cumsum(request.upper_a * hours) * request.watts_per_a <= request.need_wh
        busy[0] = True
        step = np.flatnonzero(busy & (charge[i] >= 0))
        least = np.minimum(request.min_a * request.available, request.upper_a)[step]
        least = np.minimum(least, request.need_wh / (request.watts_per_a * hours[step]))
        below = lp.add_columns(least, weights.guaranteed[i] * request.watts_per_a * hours[step] / 1000.0)
        each = np.arange(step.size)
        rows, columns = np.concatenate((each, each)), np.concatenate((charge[i, step], below))
        lp.at_most(rows, columns, np.full(rows.size, -1.0), -least)
