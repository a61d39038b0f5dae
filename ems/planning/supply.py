"""What feeds the vehicles, in a linear program: the grid connection, demand charges and a stationary battery; in kW.

Sets: steps t of g_t hours; demand charges j with windows w of l_jw hours.
Variables: c_t, d_t, power into and out of the battery; b_t, kWh in it at the end of a step, from what is kept in
reserve to what it holds; e_t, f_t, power from and into the grid; P_j, the peak of a demand charge, at least what is
paid already; o_jt, what a step that shares a window imports above P_j.
Constraints: b_t = b_t-1 + s g_t c_t - g_t d_t / s, where s is the share that survives one way; e_t - f_t = vehicles +
c_t - d_t + building - generation, where f_t is at most what is generated and what the battery may feed in; P_j ≥
(begun_jw + sum of g_t e_t in w) / l_jw; o_jt ≥ e_t - P_j. On conductors c_t counts and d_t does not, since it may end
at any moment.
Objective: price_t g_t e_t - feed-in_t g_t f_t + demand_j P_j + steady g_t o_jt + wear g_t (c_t + d_t) / 2 - worth of b
at the end; where a strategy wants little power, e_t is a sum of levels, each dearer than the one below.
Source: the battery's recursion and the epigraph of a peak are textbook forms of linear programming.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ems.planning.arrays import Floats, Ints
from ems.planning.flow import minimum_peak_w
from ems.planning.linear_program import LinearProgram
from ems.planning.problem import PHASES, ChargingProblem, demand_windows
from ems.planning.tree import Terms
from ems.planning.weights import Weights

LEVELS = 6


class BatteryColumns(NamedTuple):
    """Columns per step: kW into and out of it, kWh in it at the end, and ampere per phase that charge it."""

    charge: Ints
    discharge: Ints
    stored: Ints
    amps: Ints


class Grid(NamedTuple):
    """Columns per step: kW from and into the grid; and one per peak that costs."""

    imported: Ints
    exported: Ints
    peaks: Ints


def add_battery(problem: ChargingProblem, lp: LinearProgram, weights: Weights) -> BatteryColumns | None:
    """The battery of the problem: stored energy over time, never below what is not to be touched. Of equal plans that
    counts which charges early: the sun of today is sure, and leaves room for that of tomorrow.
    """
    cell, hours = problem.economy.battery, problem.horizon.hours
    if cell is None:
        return None
    steps = hours.size
    each, wear = np.arange(steps), weights.wear * hours / 2.0
    middle = np.array(problem.horizon.edges_s[:-1]) / 3600.0 + hours / 2.0
    charge = lp.add_columns(np.full(steps, cell.charge_w / 1000.0), wear + weights.early * middle * hours)
    discharge = lp.add_columns(np.full(steps, cell.discharge_w / 1000.0), wear)
    value = np.zeros(steps)
    value[-1] = -weights.stored
    begin_kwh = min(cell.stored_wh, cell.capacity_wh) / 1000.0
    low = min(cell.reserve_wh / 1000.0, begin_kwh)
    stored = lp.add_columns(np.full(steps, cell.capacity_wh / 1000.0), value, np.full(steps, low))
    begin = np.zeros(steps)
    begin[0] = begin_kwh
    lp.equal(
        np.concatenate((each, each[1:], each, each)),
        np.concatenate((stored, stored[:-1], charge, discharge)),
        np.concatenate((np.ones(steps), -np.ones(steps - 1), -hours * cell.efficiency, hours / cell.efficiency)),
        begin,
    )
    return BatteryColumns(charge, discharge, stored, _amps(problem, lp, charge))


def _amps(problem: ChargingProblem, lp: LinearProgram, charge: Ints) -> Ints:
    steps = np.arange(charge.size)
    amps = lp.add_columns(np.full(charge.size, np.inf))
    per_kw = np.full(charge.size, 1000.0 / (PHASES * float(problem.volts[0])))
    ones, nothing = np.ones(charge.size), np.zeros(charge.size)
    lp.equal(np.concatenate((steps, steps)), np.concatenate((amps, charge)), np.concatenate((ones, -per_kw)), nothing)
    return amps


def add_grid(
    problem: ChargingProblem,
    lp: LinearProgram,
    top: tuple[Terms, ...],
    battery: BatteryColumns | None,
    weights: Weights,
) -> Grid:
    """The balance of the grid connection: import less feed-in is what vehicles, battery and building take beyond what
    is generated.
    """
    economy, hours = problem.economy, problem.horizon.hours
    steps = hours.size
    generation, base = economy.generation_w / 1000.0, economy.base_w / 1000.0
    out_kw = np.maximum(generation - np.minimum(base, 0.0), 0.0)
    if battery is not None and economy.battery is not None:
        out_kw = out_kw + min(economy.battery.discharge_w, economy.battery.export_w) / 1000.0
    imported = lp.add_columns(np.full(steps, np.inf), weights.import_ * hours)
    exported = lp.add_columns(out_kw, -weights.feed_in * hours)
    each = np.arange(steps)
    rows, columns, values = [each, each], [imported, exported], [np.full(steps, -1.0), np.ones(steps)]
    if battery is not None:
        rows.append(each)
        columns.append(battery.discharge)
        values.append(np.full(steps, -1.0))
    for kind, terms in enumerate(top):
        for term in terms:
            at = np.flatnonzero(term >= 0)
            rows.append(at)
            columns.append(term[at])
            values.append(np.full(at.size, problem.volts[kind] / 1000.0))
    lp.equal(np.concatenate(rows), np.concatenate(columns), np.concatenate(values), generation - base)
    if weights.even > 0.0:
        _levels(lp, imported, minimum_peak_w(problem) / 1000.0, weights.even * hours)
    return Grid(imported, exported, _peaks(problem, lp, imported, weights))


def _levels(lp: LinearProgram, imported: Ints, peak_kw: float, per_kw: Floats) -> None:
    """Import in levels up to the lowest possible peak, each dearer than the one below: a convex price in pieces, which
    fills the valleys between the peaks.
    """
    if peak_kw <= 0.0:
        return
    each = np.arange(imported.size)
    parts = [imported]
    for level in range(LEVELS):
        most = peak_kw / LEVELS if level + 1 < LEVELS else np.inf
        parts.append(lp.add_columns(np.full(imported.size, most), level / (LEVELS - 1) * per_kw))
    signs = np.repeat([-1.0, *[1.0] * LEVELS], imported.size)
    lp.equal(np.tile(each, LEVELS + 1), np.concatenate(parts), signs, np.zeros(imported.size))


def _peaks(problem: ChargingProblem, lp: LinearProgram, imported: Ints, weights: Weights) -> Ints:
    """A column per demand charge, and one for the peak that a strategy itself wants low."""
    hours = problem.horizon.hours
    columns = []
    for per_kw, charge in zip(weights.demand, problem.economy.demand, strict=True):
        at, window, length, begun_wh = demand_windows(problem.horizon, charge)
        if per_kw > 0.0 and at.size:
            means = _Means(imported[at], window, hours[at] / length[window], begun_wh / length / 1000.0)
            columns.append(_peak(lp, means, per_kw, max(0.0, charge.paid_w) / 1000.0))
            if weights.steady > 0.0:
                shared = at[np.bincount(window)[window] > 1]
                _steady(lp, imported[shared], columns[-1], weights.steady * hours[shared])
    if weights.peak > 0.0:
        each = _Means(imported, np.arange(hours.size), np.ones(hours.size), np.zeros(hours.size))
        columns.append(_peak(lp, each, weights.peak, 0.0))
    return np.array(columns, dtype=np.intp)


class _Means(NamedTuple):
    """The mean of a window is the `share` of each column that belongs to it, added to what it has `begun` with, kW."""

    imported: Ints
    window: Ints
    share: Floats
    begun_kw: Floats


def _peak(lp: LinearProgram, means: _Means, per_kw: float, least_kw: float) -> int:
    peak = lp.add_columns(np.array([np.inf]), per_kw, least_kw)
    windows = means.begun_kw.size
    lp.at_most(
        np.concatenate((means.window, np.arange(windows))),
        np.concatenate((means.imported, np.full(windows, peak[0]))),
        np.concatenate((means.share, -np.ones(windows))),
        -means.begun_kw,
    )
    return int(peak[0])


def _steady(lp: LinearProgram, imported: Ints, peak: int, per_kw: Floats) -> None:
    """What is imported above a peak for a part of its window costs a little. The tariff asks for the mean alone; but a
    vehicle that is to have all of it in the first minutes, and then a pause, wears its contactors for nothing.
    """
    each = np.arange(imported.size)
    above = lp.add_columns(np.full(imported.size, np.inf), per_kw)
    columns = np.concatenate((imported, above, np.full(imported.size, peak)))
    values = np.repeat([1.0, -1.0, -1.0], imported.size)
    lp.at_most(np.tile(each, 3), columns, values, np.zeros(imported.size))
