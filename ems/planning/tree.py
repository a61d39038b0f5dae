"""The circuit tree in a linear program: what flows through every circuit, and the limits of its lines.

Where no line of a circuit may bind, the currents below it are passed on to its parent as they are; elsewhere a column
carries their sum. A line whose currents are out of phase is limited by a polygon inside its circle: within the cone of
directions that the sum can have, one facet every few degrees.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from ems.planning.arrays import Bools, Floats, Ints
from ems.planning.conductors import KINDS, facets, in_phase
from ems.planning.linear_program import NONE, LinearProgram
from ems.planning.problem import PHASES, ChargingProblem, Line

Terms = list[Ints]
"""Columns that add up to a current, each an array over the steps with -1 where it contributes nothing."""


class Tree(NamedTuple):
    """`carried` holds the column of a current by node, kind and step, -1 where it has none; `top` the terms that add up
    to the current through the grid connection, by kind.
    """

    carried: Ints
    top: tuple[Terms, ...]


def add_tree(problem: ChargingProblem, lp: LinearProgram, charge: Ints, battery_a: Ints, facet_deg: float) -> Tree:
    """Conservation at every circuit, from the leaves to the grid connection. `charge` are the columns of the requests
    (requests × steps), `battery_a` of the current per phase that charges the battery (empty without one).
    """
    nodes, steps = problem.nodes, problem.horizon.steps
    carried = np.full((len(nodes), KINDS, steps), NONE, dtype=np.intp)
    cell = problem.economy.battery if battery_a.size else None
    most = problem.below(_most(problem), None if cell is None else np.full(steps, cell.charge_w))
    terms: list[list[Terms]] = [[[] for _ in range(KINDS)] for _ in nodes]
    for i, request in enumerate(problem.requests):
        for own in request.kinds:
            terms[request.circuit][own].append(charge[i])
    if cell is not None:
        for kind in range(PHASES):
            terms[cell.circuit][kind].append(battery_a)
    for n in range(len(nodes) - 1, -1, -1):
        binding = [_may_bind(line, most[n]) for line in nodes[n].lines]
        tight = np.any([*binding, np.zeros(steps, dtype=np.bool_)], axis=0)
        passed: list[Terms] = [list(terms[n][kind]) for kind in range(KINDS)]
        if tight.any():
            for kind in range(KINDS):
                passed[kind] = _conserve(lp, terms[n][kind], tight, carried[n, kind])
            for line, may_bind in zip(nodes[n].lines, binding, strict=True):
                _limit(lp, line, carried[n], most[n] * may_bind, facet_deg)
        if n:
            for kind in range(KINDS):
                terms[nodes[n].parent][kind] += passed[kind]
        else:
            terms[0] = passed
    return Tree(carried, tuple(terms[0]) if nodes else ())


def _most(problem: ChargingProblem) -> Floats:
    if not problem.requests:
        return np.zeros((0, problem.horizon.steps))
    return np.stack([request.upper_a for request in problem.requests])


def _may_bind(line: Line, most: Floats) -> Bools:
    """Whether the line could be exceeded at each step: a convex function is largest in a corner, so with each kind of
    current at its most or at nothing.
    """
    present = np.flatnonzero((np.abs(line.coefficients) > 0.0) & (most > 0.0).any(axis=1))
    if in_phase(line.coefficients[present]):
        return np.asarray(np.abs(line.coefficients) @ most > line.capacity)
    loads = (
        np.abs((line.coefficients[present] * corner) @ most[present])
        for corner in product((0.0, 1.0), repeat=present.size)
    )
    return np.asarray(np.max(list(loads), axis=0) > line.capacity)


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


def _limit(lp: LinearProgram, line: Line, carried: Ints, most: Floats, facet_deg: float) -> None:
    """Rows for a line, each where it may bind; `most` is what could flow, nothing at steps that need no limit."""
    present = ((carried >= 0) & (most > 0.0)).any(axis=1)
    capacity = np.maximum(line.capacity, 0.0)
    for plane, share in facets(np.where(present, line.coefficients, 0.0), facet_deg):
        step = np.flatnonzero(np.maximum(plane, 0.0) @ most > capacity * share)
        columns = carried[:, step]
        kind, row = np.nonzero((columns >= 0) & (plane != 0.0)[:, None])
        lp.at_most(row, columns[kind, row], plane[kind], capacity[step] * share)
