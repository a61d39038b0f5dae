"""The same problem written another way: one row per circuit, phase and step over all vehicles below it, no tree, no
weights, and one solve per rung. Circles are polygons of many facets around them, so that this is never too strict.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
from scipy.optimize import LinearConstraint, linprog, milp

from ems.planning.arrays import Complexes, Floats
from ems.planning.conductors import in_phase
from ems.planning.problem import ChargingProblem, demand_windows

DIRECTIONS = 180

KEPT_WH = 1e-3
"""What a rung may give up for the next: the solver itself is no more exact, and finds no solution without it."""


def least_missing_wh(problem: ChargingProblem, by_class: bool = False) -> list[float]:
    """The least energy that can be missing: in all, or one class after the other, the highest first."""
    requests, needs = problem.requests, _needs(problem)
    energy = _energy(problem)
    rows, bounds = _lines(problem)
    rows, bounds = np.vstack([rows, energy]), np.concatenate([bounds, needs])
    upper = _upper(problem)
    classes = sorted({request.service_class for request in requests}, reverse=True) if by_class else [None]
    found = []
    for rung in classes:
        members = np.array([rung is None or request.service_class == rung for request in requests])
        gain = energy[members].sum(axis=0)
        solved = linprog(-gain, A_ub=rows, b_ub=bounds, bounds=np.column_stack((np.zeros_like(upper), upper)))
        assert solved.status == 0, solved.message
        found.append(float(needs[members].sum() + solved.fun))
        rows, bounds = np.vstack([rows, -gain]), np.append(bounds, solved.fun + KEPT_WH)
    return found


def least_cost(problem: ChargingProblem) -> float | None:
    """What energy and demand charges cost at least if all needs are met; None where they cannot be. No battery."""
    steps, economy = problem.horizon.steps, problem.economy
    hours, width = problem.horizon.hours, len(problem.requests) * problem.horizon.steps
    beside = economy.base_w - economy.generation_w
    watts = np.tile(np.eye(steps), len(problem.requests)) * np.repeat(problem.watts_per_a, steps)
    # Columns: currents, watts from the grid and into it, the peak of every demand charge.
    peaks = len(economy.demand)
    balance = np.hstack([watts, -np.eye(steps), np.eye(steps), np.zeros((steps, peaks))])
    energy, (rows, bounds) = _energy(problem), _lines(problem)
    served = np.hstack([energy, np.zeros((len(energy), 2 * steps + peaks))])
    limits, most = [np.hstack([rows, np.zeros((len(rows), 2 * steps + peaks))])], [bounds]
    for k, charge in enumerate(economy.demand):
        at, window, length, begun_wh = demand_windows(problem.horizon, charge)
        for w in range(length.size):
            row = np.zeros(width + 2 * steps + peaks)
            inside = at[window == w]
            row[width + inside] = hours[inside] / length[w]
            row[width + 2 * steps + k] = -1.0
            limits.append(row[None])
            most.append(np.full(1, -begun_wh[w] / length[w]))
    out = np.full(steps, np.maximum(0.0, -np.minimum(beside, 0.0)))
    cost = np.concatenate([
        np.zeros(width), economy.import_per_kwh * hours / 1000.0, -economy.feed_in_per_kwh * hours / 1000.0,
        [charge.per_kw / 1000.0 for charge in economy.demand],
    ])  # fmt: skip
    low = np.concatenate([np.zeros(width + 2 * steps), [charge.paid_w for charge in economy.demand]])
    high = np.concatenate([_upper(problem), np.full(steps, np.inf), out, np.full(peaks, np.inf)])
    solved = linprog(
        cost, A_ub=np.vstack(limits), b_ub=np.concatenate(most), A_eq=np.vstack([balance, served]),
        b_eq=np.concatenate([-beside, _needs(problem)]), bounds=np.column_stack((low, high)),
    )  # fmt: skip
    paid = sum(charge.per_kw * charge.paid_w / 1000.0 for charge in economy.demand)
    return float(solved.fun) - paid if solved.status == 0 else None


def least_missing_with_minimum_wh(problem: ChargingProblem) -> float:
    """The least energy that can be missing if each has nothing or its minimum in the first step: with integers."""
    count, steps = len(problem.requests), problem.horizon.steps
    energy, (rows, bounds) = _energy(problem), _lines(problem)
    upper, first = _upper(problem), np.arange(count) * steps
    pick = np.zeros((count, count * steps))
    pick[np.arange(count), first] = 1.0
    least = np.array([request.min_a * request.available[0] for request in problem.requests])
    found = milp(
        np.concatenate([-energy.sum(axis=0), np.zeros(count)]),
        integrality=np.concatenate([np.zeros(count * steps), np.ones(count)]),
        bounds=(np.zeros(count * (steps + 1)), np.concatenate([upper, np.ones(count)])),
        constraints=[
            LinearConstraint(np.hstack([rows, np.zeros((len(rows), count))]), ub=bounds),
            LinearConstraint(np.hstack([energy, np.zeros((count, count))]), ub=_needs(problem)),
            LinearConstraint(np.hstack([pick, -np.diag(upper[first])]), ub=0.0),
            LinearConstraint(np.hstack([pick, -np.diag(least)]), lb=0.0),
        ],
    )
    assert found.status == 0, found.message
    return float(_needs(problem).sum() + found.fun)


def _needs(problem: ChargingProblem) -> Floats:
    return np.array([request.need_wh for request in problem.requests])


def _upper(problem: ChargingProblem) -> Floats:
    return np.stack([request.upper_a for request in problem.requests]).ravel()


def _energy(problem: ChargingProblem) -> Floats:
    """Per request, what an ampere in every column delivers to it, Wh."""
    wh = problem.watts_per_a[:, None] * problem.horizon.hours
    return np.asarray(np.repeat(np.eye(len(wh)), problem.horizon.steps, axis=1) * wh.ravel())


def _lines(problem: ChargingProblem) -> tuple[Floats, Floats]:
    requests, steps = problem.requests, problem.horizon.steps
    rows, bounds = [], []
    for n, node in enumerate(problem.nodes):
        below = np.array([n in problem.path(request.circuit) for request in requests], dtype=bool)
        for line in node.lines:
            through = np.array([complex(line.coefficients[list(r.kinds)].sum()) for r in requests]) * below
            for step in np.flatnonzero(np.isfinite(line.capacity)).tolist():
                for towards in _directions(through):
                    row = np.zeros((len(requests), steps))
                    row[:, step] = (through / towards).real
                    rows.append(row.ravel())
                    bounds.append(max(0.0, float(line.capacity[step])))
    width = len(requests) * steps
    return (np.stack(rows), np.array(bounds)) if rows else (np.zeros((0, width)), np.zeros(0))


def _directions(through: Complexes) -> list[complex]:
    """One where all point the same way, else all around."""
    present = through[np.abs(through) > 0.0]
    if present.size and in_phase(present):
        return [complex(present[0] / abs(present[0]))]
    return [cmath.rect(1.0, 2.0 * math.pi * k / DIRECTIONS) for k in range(DIRECTIONS if present.size else 0)]
