"""A charging problem as a linear program.

Sets: requests i, steps t of g_t hours, circuits n (a tree), kinds of current k.
Variables: x_it ≥ 0, ampere of request i, only while it is there; y_nkt, ampere of kind k through circuit n, only where
one of its lines may bind; s_iq, energy of request i that is missing, in quarters q of its need; g_i, missing of what is
guaranteed; e_t, f_t, kW from and into the grid; c_t, d_t, b_t, kW into and out of the battery and kWh in it; P_j, kW of
demand charge j.
Constraints: sum_t w_i g_t x_it + sum_q s_iq = need_i; the same up to the guaranteed step with g_i; y_nkt = the x and y
directly below; |sum_k c_k y_nkt| ≤ capacity (tangents, see `tangents`); balance of the grid connection; the battery's
recursion; P_j ≥ the mean of e over each of its windows.
Objective: see `ladder`. The tree form (conservation in rows, capacity in bounds) has a third of the entries of one
row per circuit over all vehicles below, and solves several times faster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ems.planning.arrays import Bools, Complexes, Floats, Ints
from ems.planning.conductors import KINDS, in_phase
from ems.planning.ladder import Ladder
from ems.planning.linear_program import LinearProgram
from ems.planning.problem import PHASES, ChargingProblem, Line

QUARTERS = 4
FAIR_STEP = 0.04
"""The first quarter of a need that goes missing weighs so much less than the next: all are short before one is left
with nothing.
"""

CLASS_FACTOR = 8.0
"""A kWh of one class of service outweighs so many of the class below."""

SURELY = 1.5
"""How far missing energy lies above the dearest way of delivering it."""

NONE = -1

BATTERY_PARTS = 3
"""Charge, discharge, stored."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """The linear program and where to find what: `charge` (requests × steps) and `carried` (nodes × kinds × steps) hold
    columns, -1 where there is none; `bent` are the lines whose currents are out of phase, with their node.
    """

    problem: ChargingProblem
    program: LinearProgram
    charge: Ints
    carried: Ints
    bent: tuple[tuple[int, Line], ...]
    missing: Ints
    guaranteed: Ints
    grid: Ints
    battery: Ints
    peaks: Ints

    @classmethod
    def of(cls, problem: ChargingProblem, ladder: Ladder) -> Program:
        """Lay out `problem` for a strategy's ladder."""
        lp, weights = LinearProgram(), Weights.of(problem, ladder)
        charge = _charge(problem, lp, weights)
        missing = _needs(problem, lp, charge, weights)
        guaranteed = _guarantees(problem, lp, charge, weights)
        battery = _battery(problem, lp, weights) if ladder.looks_at_site else _NO_BATTERY
        carried, top, bent = _tree(problem, lp, charge, battery)
        grid, peaks = _site(problem, lp, top, battery, weights) if ladder.looks_at_site else _NO_SITE
        return cls(problem, lp, charge, carried, bent, missing, guaranteed, grid, battery, peaks)

    def amps(self, values: Floats) -> Floats:
        """Currents per request and step in a solution."""
        return np.where(self.charge >= 0, values[self.charge], 0.0)


@dataclass(frozen=True, slots=True)
class Weights:
    """Prices per kWh (`import_` and `feed_in` per step), per kW of each demand charge and of the peak, of an hour of
    delay of a kWh, and of a missing kWh per request.
    """

    import_: Floats
    feed_in: Floats
    demand: tuple[float, ...]
    peak: float
    early: float
    missing: Floats
    guaranteed: Floats

    @classmethod
    def of(cls, problem: ChargingProblem, ladder: Ladder) -> Weights:
        """Weights of `ladder` that are apart as far as they must be for this problem."""
        economy = problem.economy
        import_ = ladder.cost * economy.import_per_kwh + ladder.grid
        # Whoever is paid more for feeding in than he pays would trade in a circle.
        feed_in = np.minimum(ladder.cost * economy.feed_in_per_kwh, import_)
        demand = tuple(ladder.cost * charge.per_kw for charge in economy.demand)
        dearest = float(np.abs(import_).max(initial=0.0)) or 1.0
        peak = ladder.peak * dearest
        # A kWh within one window of a demand charge raises its peak by as many kW as there are windows in an hour.
        by_peak = sum(
            per_kw * 3600.0 / charge.window_s for per_kw, charge in zip(demand, economy.demand, strict=True)
        ) + peak / float(problem.horizon.hours.min(initial=1.0))
        span = float(problem.horizon.hours.sum())
        full = SURELY * (2.0 * dearest + by_peak + ladder.early * dearest * span)
        classes = np.array([request.service_class for request in problem.requests], dtype=np.float64)
        ranks = np.searchsorted(np.unique(classes), classes)
        own = np.array([request.weight for request in problem.requests]) * CLASS_FACTOR**ranks
        top = full * CLASS_FACTOR ** (float(ranks.max(initial=0)) + 1.0)
        return cls(
            import_=import_,
            feed_in=feed_in,
            demand=demand,
            peak=peak,
            early=ladder.early * dearest,
            missing=own * (full if ladder.beyond_guarantee else 0.5 * dearest),
            guaranteed=np.full(len(own), top),
        )


def _charge(problem: ChargingProblem, lp: LinearProgram, weights: Weights) -> Ints:
    requests, hours = problem.requests, problem.horizon.hours
    shape = (len(requests), hours.size)
    charge = np.full(shape, NONE, dtype=np.intp)
    if not requests:
        return charge
    most = np.array([request.max_a for request in requests])[:, None] * np.stack([r.available for r in requests])
    there = most > 0.0
    middle = np.array(problem.horizon.edges_s[:-1]) / 3600.0 + hours / 2.0
    # A forecast vehicle need not hurry; it may never come.
    hurry = np.array([0.0 if r.expected else weights.early for r in requests])
    kwh = problem.watts_per_a[:, None] * hours / 1000.0
    charge[there] = lp.add_columns(most[there], (hurry[:, None] * middle * kwh)[there])
    return charge


def _needs(problem: ChargingProblem, lp: LinearProgram, charge: Ints, weights: Weights) -> Ints:
    count = len(problem.requests)
    kwh = np.array([max(0.0, request.need_wh) for request in problem.requests]) / 1000.0
    rising = 1.0 + FAIR_STEP * np.arange(QUARTERS)
    missing = lp.add_columns(np.repeat(kwh / QUARTERS, QUARTERS), (weights.missing[:, None] * rising).ravel())
    _energy_rows(problem, lp, charge, kwh, missing.reshape(count, QUARTERS))
    return missing.reshape(count, QUARTERS)


def _guarantees(problem: ChargingProblem, lp: LinearProgram, charge: Ints, weights: Weights) -> Ints:
    requests = problem.requests
    columns = np.full(len(requests), NONE, dtype=np.intp)
    some = [i for i, r in enumerate(requests) if r.guaranteed_wh > 0.0 and r.guaranteed_by > 0]
    if not some:
        return columns
    kwh = np.array([requests[i].guaranteed_wh for i in some]) / 1000.0
    columns[some] = lp.add_columns(kwh, weights.guaranteed[some])
    until = np.array([requests[i].guaranteed_by for i in some])
    part = np.where(np.arange(charge.shape[1]) < until[:, None], charge[some], NONE)
    row, step = np.nonzero(part >= 0)
    values = problem.watts_per_a[some][row] * problem.horizon.hours[step] / 1000.0
    each = np.arange(len(some))
    lp.at_most(
        np.concatenate((row, each)),
        np.concatenate((part[row, step], columns[some])),
        -np.concatenate((values, np.ones(len(some)))),
        -kwh,
    )
    return columns


def _energy_rows(problem: ChargingProblem, lp: LinearProgram, charge: Ints, kwh: Floats, missing: Ints) -> None:
    row, step = np.nonzero(charge >= 0)
    values = problem.watts_per_a[row] * problem.horizon.hours[step] / 1000.0 if row.size else np.empty(0)
    each = np.repeat(np.arange(len(kwh)), QUARTERS)
    lp.equal(
        np.concatenate((row, each)),
        np.concatenate((charge[row, step], missing.ravel())),
        np.concatenate((values, np.ones(each.size))),
        kwh,
    )


Terms = list[Ints]
"""Columns that add up to a current, each an array over the steps with -1 where it contributes nothing."""


def _tree(
    problem: ChargingProblem, lp: LinearProgram, charge: Ints, battery: Ints
) -> tuple[Ints, tuple[Terms, ...], tuple[tuple[int, Line], ...]]:
    """Conservation at every circuit, from the leaves to the grid connection; the terms that arrive there."""
    nodes, steps = problem.nodes, problem.horizon.steps
    carried = np.full((len(nodes), KINDS, steps), NONE, dtype=np.intp)
    cell = problem.economy.battery if battery.size else None
    most = problem.below(_most(problem), None if cell is None else np.full(steps, cell.charge_w))
    terms: list[list[Terms]] = [[[] for _ in range(KINDS)] for _ in nodes]
    for i, request in enumerate(problem.requests):
        for own in request.kinds:
            terms[request.circuit][own].append(charge[i])
    if cell is not None:
        amps = _battery_amps(problem, lp, battery[0])
        for kind in range(PHASES):
            terms[cell.circuit][kind].append(amps)
    bent: list[tuple[int, Line]] = []
    for n in range(len(nodes) - 1, -1, -1):
        binding = {k: _may_bind(line, most[n]) for k, line in enumerate(nodes[n].lines)}
        tight = np.any([*binding.values(), np.zeros(steps, dtype=np.bool_)], axis=0)
        passed: list[Terms] = [list(terms[n][kind]) for kind in range(KINDS)]
        if tight.any():
            for kind in range(KINDS):
                passed[kind] = _conserve(lp, terms[n][kind], tight, carried[n, kind])
            for k, may_bind in binding.items():
                if may_bind.any() and not _bounded(lp, nodes[n].lines[k], carried[n], may_bind):
                    bent.append((n, nodes[n].lines[k]))
        if n:
            for kind in range(KINDS):
                terms[nodes[n].parent][kind] += passed[kind]
        else:
            terms[0] = passed
    return carried, tuple(terms[0]) if nodes else (), tuple(bent)


def _most(problem: ChargingProblem) -> Floats:
    if not problem.requests:
        return np.zeros((0, problem.horizon.steps))
    return np.stack([request.max_a * request.available for request in problem.requests])


def _may_bind(line: Line, most: Floats) -> Bools:
    """Whether the line could be exceeded at each step if everybody drew all he can."""
    return np.asarray(np.abs(line.coefficients) @ most > line.capacity)


def _conserve(lp: LinearProgram, terms: Terms, tight: Bools, carried: Ints) -> Terms:
    """A column for the sum of `terms` where the circuit is `tight`; what the parent is to add up."""
    if not terms:
        return []
    stack = np.stack(terms)
    inside = (stack >= 0) & tight
    at = np.flatnonzero(inside.any(axis=0))
    if at.size:
        carried[at] = lp.add_columns(np.full(at.size, np.inf))
        row = np.full(tight.size, NONE, dtype=np.intp)
        row[at] = np.arange(at.size)
        term, step = np.nonzero(inside)
        lp.equal(
            np.concatenate((row[step], row[at])),
            np.concatenate((stack[term, step], carried[at])),
            np.concatenate((np.ones(term.size), np.full(at.size, -1.0))),
            np.zeros(at.size),
        )
    outside = np.where(tight, NONE, stack)
    return [*outside[(outside >= 0).any(axis=1)], carried.copy()]


def _bounded(lp: LinearProgram, line: Line, carried: Ints, may_bind: Bools) -> bool:
    """Limit a line whose currents are in phase; False when they are not."""
    present = (carried >= 0).any(axis=1) & (np.abs(line.coefficients) > 0.0)
    coefficients = np.where(present, line.coefficients, 0.0)
    if not in_phase(coefficients):
        return False
    step = np.flatnonzero(may_bind)
    add_line(lp, np.abs(coefficients), carried[:, step], np.maximum(line.capacity[step], 0.0))
    return True


def add_line(lp: LinearProgram, coefficients: Floats, carried: Ints, capacity: Floats) -> None:
    """`coefficients · currents ≤ capacity` at every step; `carried` has kinds × steps."""
    kind, row = np.nonzero((carried >= 0) & (coefficients != 0.0)[:, None])
    lp.at_most(row, carried[kind, row], coefficients[kind], capacity)


_NO_BATTERY = np.empty((BATTERY_PARTS, 0), dtype=np.intp)
_NO_SITE = (np.empty((2, 0), dtype=np.intp), np.empty(0, dtype=np.intp))


def _site(
    problem: ChargingProblem, lp: LinearProgram, top: tuple[Terms, ...], battery: Ints, weights: Weights
) -> tuple[Ints, Ints]:
    """The balance of the grid connection and the demand charges; all in kW."""
    economy, hours = problem.economy, problem.horizon.hours
    steps = hours.size
    generation, base = economy.generation_w / 1000.0, economy.base_w / 1000.0
    out_kw = np.maximum(generation - np.minimum(base, 0.0), 0.0)
    if battery.size and economy.battery is not None:
        out_kw = out_kw + economy.battery.discharge_w / 1000.0
    grid = np.stack(
        (
            lp.add_columns(np.full(steps, np.inf), weights.import_ * hours),
            lp.add_columns(out_kw, -weights.feed_in * hours),
        )
    )
    each = np.arange(steps)
    rows, columns, values = [each, each], [grid[0], grid[1]], [np.full(steps, -1.0), np.ones(steps)]
    if battery.size:
        rows.append(each)
        columns.append(battery[1])
        values.append(np.full(steps, -1.0))
    for kind, terms in enumerate(top):
        for term in terms:
            at = np.flatnonzero(term >= 0)
            rows.append(at)
            columns.append(term[at])
            values.append(np.full(at.size, problem.volts[kind] / 1000.0))
    lp.equal(np.concatenate(rows), np.concatenate(columns), np.concatenate(values), generation - base)
    return grid, _peaks(problem, lp, grid[0], weights)


def _battery(problem: ChargingProblem, lp: LinearProgram, weights: Weights) -> Ints:
    cell, hours = problem.economy.battery, problem.horizon.hours
    if cell is None:
        return _NO_BATTERY
    steps = hours.size
    each, wear = np.arange(steps), cell.wear_per_kwh * hours / 2.0
    charge = lp.add_columns(np.full(steps, cell.charge_w / 1000.0), wear)
    discharge = lp.add_columns(np.full(steps, cell.discharge_w / 1000.0), wear)
    value = np.zeros(steps)
    # What is left at the end is worth what it would save later; a little less, so that it is not hoarded.
    value[-1] = -0.98 * cell.efficiency * float(weights.import_.mean())
    low = min(cell.reserve_wh, cell.stored_wh) / 1000.0
    stored = lp.add_columns(np.full(steps, cell.capacity_wh / 1000.0), value, np.full(steps, low))
    begin = np.zeros(steps)
    begin[0] = min(cell.stored_wh, cell.capacity_wh) / 1000.0
    lp.equal(
        np.concatenate((each, each[1:], each, each)),
        np.concatenate((stored, stored[:-1], charge, discharge)),
        np.concatenate((np.ones(steps), -np.ones(steps - 1), -hours * cell.efficiency, hours / cell.efficiency)),
        begin,
    )
    return np.stack((charge, discharge, stored))


def _battery_amps(problem: ChargingProblem, lp: LinearProgram, charge: Ints) -> Ints:
    """A column for the current on each phase that charges the battery."""
    steps = np.arange(charge.size)
    amps = lp.add_columns(np.full(charge.size, np.inf))
    per_kw = np.full(charge.size, 1000.0 / (PHASES * float(problem.volts[0])))
    ones, nothing = np.ones(charge.size), np.zeros(charge.size)
    lp.equal(np.concatenate((steps, steps)), np.concatenate((amps, charge)), np.concatenate((ones, -per_kw)), nothing)
    return amps


def _peaks(problem: ChargingProblem, lp: LinearProgram, imported: Ints, weights: Weights) -> Ints:
    """A column per demand charge, and one for the peak that a strategy itself wants low."""
    hours = problem.horizon.hours
    ends = problem.horizon.begins.timestamp() + np.array(problem.horizon.edges_s[1:])
    columns = []
    for per_kw, charge in zip(weights.demand, problem.economy.demand, strict=True):
        window = np.floor((ends - 1.0) / charge.window_s).astype(np.intp)
        at = np.flatnonzero(charge.counts > 0.0)
        if per_kw <= 0.0 or not at.size:
            continue
        _, group = np.unique(window[at], return_inverse=True)
        length = np.bincount(group, weights=hours[at])
        columns.append(_peak(lp, imported[at], group, hours[at] / length[group], per_kw, charge.paid_w / 1000.0))
    if weights.peak > 0.0:
        steps = np.arange(hours.size)
        columns.append(_peak(lp, imported, steps, np.ones(hours.size), weights.peak, 0.0))
    return np.array(columns, dtype=np.intp)


def _peak(lp: LinearProgram, imported: Ints, group: Ints, share: Floats, per_kw: float, least_kw: float) -> int:
    peak = lp.add_columns(np.array([np.inf]), per_kw, least_kw)
    groups = int(group.max()) + 1
    lp.at_most(
        np.concatenate((group, np.arange(groups))),
        np.concatenate((imported, np.full(groups, peak[0]))),
        np.concatenate((share, -np.ones(groups))),
        np.zeros(groups),
    )
    return int(peak[0])


def tangent(coefficients: Complexes, direction: complex) -> Floats:
    """The plane that touches `|sum| ≤ capacity` in the direction of a phasor of length one."""
    return np.real(np.conj(direction) * coefficients)
