"""The same problem written another way: one row per circuit, phase and step over all vehicles below it, no tree, no
weights, and one solve per rung. Circles are polygons of many facets around them, so that this is never too strict.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
from scipy.optimize import linprog

from ems.planning.arrays import Floats
from ems.planning.problem import ChargingProblem

DIRECTIONS = 180


def least_missing_wh(problem: ChargingProblem, by_class: bool = False) -> list[float]:
    """The least energy that can be missing: in all, or one class after the other, the highest first."""
    requests, hours = problem.requests, problem.horizon.hours
    count, steps = len(requests), hours.size
    wh = np.array([request.watts_per_a for request in requests])[:, None] * hours
    upper = np.stack([request.upper_a for request in requests]).ravel()
    needs = np.array([request.need_wh for request in requests])
    rows, bounds = _lines(problem)
    energy = np.zeros((count, count * steps))
    for i in range(count):
        energy[i, i * steps : (i + 1) * steps] = wh[i]
    rows, bounds = np.vstack([rows, energy]), np.concatenate([bounds, needs])
    classes = sorted({request.service_class for request in requests}, reverse=True) if by_class else [None]
    found = []
    for rung in classes:
        members = np.array([rung is None or request.service_class == rung for request in requests])
        gain = (members[:, None] * wh).ravel()
        solved = linprog(-gain, A_ub=rows, b_ub=bounds, bounds=np.column_stack((np.zeros_like(upper), upper)))
        assert solved.status == 0, solved.message
        found.append(float(needs[members].sum() + solved.fun))
        rows, bounds = np.vstack([rows, -gain]), np.append(bounds, solved.fun + 1e-6)
    return found


def _lines(problem: ChargingProblem) -> tuple[Floats, Floats]:
    requests, steps = problem.requests, problem.horizon.steps
    rows, bounds = [], []
    for n, node in enumerate(problem.nodes):
        below = [i for i, request in enumerate(requests) if n in problem.path(request.circuit)]
        for line in node.lines:
            through = {i: complex(line.coefficients[list(requests[i].kinds)].sum()) for i in below}
            for step in np.flatnonzero(np.isfinite(line.capacity)).tolist():
                for k in range(DIRECTIONS):
                    towards = cmath.rect(1.0, -2.0 * math.pi * k / DIRECTIONS)
                    row = np.zeros(len(requests) * steps)
                    for i, coefficient in through.items():
                        row[i * steps + step] = (towards * coefficient).real
                    rows.append(row)
                    bounds.append(max(0.0, float(line.capacity[step])))
    width = len(requests) * steps
    return (np.stack(rows), np.array(bounds)) if rows else (np.zeros((0, width)), np.zeros(0))
