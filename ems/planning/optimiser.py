"""From a charging problem to a schedule: solve, bend, round to what vehicles accept, check.

Three things a linear program cannot say are added around it. Phasors: a line whose currents are out of phase gets
tangent planes where a solution exceeds it, and is solved again until it does not. The 6 A minimum: what the first step
would give below it becomes nothing or the minimum, and the rest is solved again; later steps are decided later. And
the result is projected onto the limits by code that does not trust the solver.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Iterator

import numpy as np

from ems.planning.arrays import Bools, Floats
from ems.planning.ladder import Ladder
from ems.planning.linear_program import Solution, SolverError
from ems.planning.problem import ChargingProblem, Line, line_load
from ems.planning.program import Program, add_line, tangent
from ems.planning.schedule import Schedule

TOLERANCE = 2e-3
"""By which share a phasor sum may exceed its limit before another tangent is added; the projection takes it off."""

ASIDE = math.radians(8.0)
"""A tangent's neighbours come with it, because the next solution slides along it to one side."""

ROUNDS = 12
SETTLED = 1e-5
"""When another round of tangents changes the objective by no more than this share, the projection does the rest."""

MINIMUM_ROUNDS = 3
USEFUL_SHARE = 0.5
"""A first step that asks for less than this share of the minimum current becomes a pause, else the minimum."""

SMALL_A = 1e-6
LOCAL = 3000
"""Columns from which only what a rounding touched is solved again."""

Remaining = Callable[[], float]
"""Seconds that may still be used; infinite when nobody waits."""


def optimise(problem: ChargingProblem, ladder: Ladder, remaining: Remaining = lambda: np.inf) -> Schedule:
    """The schedule that climbs `ladder` best. Raises OutOfTimeError when `remaining` runs out before one is found."""
    if not problem.requests:
        return _without_vehicles(problem, ladder, remaining)
    laid_out = Program.of(problem, ladder)
    for node, line in laid_out.bent:
        _first_tangent(laid_out, node, line)
    lower, upper = laid_out.program.bounds()
    solution = _bent(laid_out, lower, upper, remaining)
    solution = _rounded(laid_out, solution, lower, upper, remaining)
    return _schedule(laid_out, solution)


def _without_vehicles(problem: ChargingProblem, ladder: Ladder, remaining: Remaining) -> Schedule:
    nothing = np.zeros((0, problem.horizon.steps))
    if problem.economy.battery is None or not ladder.looks_at_site:
        return Schedule(problem, nothing, np.zeros(problem.horizon.steps))
    laid_out = Program.of(problem, ladder)
    return _schedule(laid_out, laid_out.program.solve(*laid_out.program.bounds(), remaining()))


# Phasors


def _bent(laid_out: Program, lower: Floats, upper: Floats, remaining: Remaining) -> Solution:
    """Solve, add a tangent wherever a phasor sum is exceeded, and again."""
    solution = laid_out.program.solve(lower, upper, remaining())
    for _ in range(ROUNDS if laid_out.bent else 0):
        if not _add_tangents(laid_out, solution):
            break
        before, solution = solution.objective, laid_out.program.solve(lower, upper, remaining())
        if solution.objective - before <= SETTLED * abs(before):
            break
    return solution


def _first_tangent(laid_out: Program, node: int, line: Line) -> None:
    """In the middle of the directions that a sum can have; the others come where they are needed."""
    carried = laid_out.carried[node]
    present = (carried >= 0).any(axis=1) & (np.abs(line.coefficients) > 0.0)
    angles = np.angle(line.coefficients[present])
    step = np.flatnonzero((carried >= 0).any(axis=0) & np.isfinite(line.capacity))
    plane = tangent(line.coefficients, cmath.rect(1.0, float(angles.min() + angles.max()) / 2.0))
    add_line(laid_out.program, plane, carried[:, step], np.maximum(line.capacity[step], 0.0))


def _add_tangents(laid_out: Program, solution: Solution) -> bool:
    carried = _carried(laid_out, solution)
    added = False
    for node, line in laid_out.bent:
        phasors = line.coefficients @ carried[node]
        capacity = np.maximum(line.capacity, 0.0)
        exceeded = np.abs(phasors) > capacity * (1.0 + TOLERANCE) + SMALL_A
        for step in np.flatnonzero(exceeded).tolist():
            there = cmath.phase(complex(phasors[step]))
            for aside in (-ASIDE, 0.0, ASIDE):
                plane = tangent(line.coefficients, cmath.rect(1.0, there + aside))
                add_line(laid_out.program, plane, laid_out.carried[node][:, [step]], capacity[[step]])
            added = True
    return added


def _carried(laid_out: Program, solution: Solution) -> Floats:
    return laid_out.problem.below(laid_out.amps(solution.values), _charging_w(laid_out, solution))


# The minimum current


def _rounded(laid_out: Program, solution: Solution, lower: Floats, upper: Floats, remaining: Remaining) -> Solution:
    """Nothing between 0 and the minimum current in the first step, solved again as long as there is time."""
    columns = laid_out.charge[:, 0]
    minimum = np.array([request.min_a for request in laid_out.problem.requests])
    reach = np.where(columns >= 0, upper[columns], 0.0)
    for _ in range(MINIMUM_ROUNDS):
        amps = np.where(columns >= 0, solution.values[columns], 0.0)
        small = (amps > SMALL_A) & (amps < minimum - SMALL_A)
        if not small.any():
            return solution
        raised = _raised(laid_out, solution, small & (reach >= minimum) & (amps >= USEFUL_SHARE * minimum), minimum)
        value = np.where(raised, minimum, 0.0)
        lower, upper = lower.copy(), upper.copy()
        lower[columns[small]] = upper[columns[small]] = value[small]
        try:
            solution = _bent(laid_out, *_near(laid_out, solution, small, lower, upper), remaining)
        except SolverError:
            break
    values = solution.values.copy()
    amps = np.where(columns >= 0, values[columns], 0.0)
    values[columns[(amps > SMALL_A) & (amps < minimum - SMALL_A)]] = 0.0
    return Solution(values, solution.objective)


def _raised(laid_out: Program, solution: Solution, candidates: Bools, minimum: Floats) -> Bools:
    """Which of the candidates can have their minimum in the first step beside what the others have."""
    problem = laid_out.problem
    amps = laid_out.amps(solution.values)[:, :1]
    raised = np.zeros(len(candidates), dtype=np.bool_)
    room = {
        (n, line.what): max(float(line.capacity[0]), 0.0) for n, node in enumerate(problem.nodes) for line in node.lines
    }
    carried = _carried(laid_out, solution)[:, :, 0]
    for i in sorted(np.flatnonzero(candidates).tolist(), key=lambda j: -float(amps[j, 0])):
        more = np.zeros(carried.shape[1])
        more[list(problem.requests[i].kinds)] = minimum[i] - amps[i, 0]
        path = list(_path(problem, problem.requests[i].circuit))
        if all(
            abs(complex(line.coefficients @ (carried[n] + more))) <= room[n, line.what] + SMALL_A
            for n in path
            for line in problem.nodes[n].lines
        ):
            carried[path] += more
            raised[i] = True
    return raised


def _near(laid_out: Program, solution: Solution, touched: Bools, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Bounds that leave free what is worth solving again: everything in a small program; in a large one the vehicles
    that were rounded, and all others in the first step.
    """
    if laid_out.program.columns <= LOCAL:
        return lower, upper
    held = laid_out.charge[~touched][:, 1:]
    held = held[held >= 0]
    lower, upper = lower.copy(), upper.copy()
    lower[held] = upper[held] = solution.values[held]
    return lower, upper


# The result


def _schedule(laid_out: Program, solution: Solution) -> Schedule:
    problem = laid_out.problem
    charging_w = _charging_w(laid_out, solution)
    amps = projected(problem, laid_out.amps(solution.values), charging_w)
    if laid_out.battery.size:
        charging_w = charging_w - 1000.0 * solution.values[laid_out.battery[1]]
    return Schedule(problem, amps, charging_w)


def _charging_w(laid_out: Program, solution: Solution) -> Floats:
    if not laid_out.battery.size:
        return np.zeros(laid_out.problem.horizon.steps)
    return np.asarray(1000.0 * solution.values[laid_out.battery[0]])


def projected(problem: ChargingProblem, amps: Floats, charging_w: Floats | None = None) -> Floats:
    """The same currents, lowered where a line is exceeded: everybody below it by the same share, from the leaves up."""
    amps = np.minimum(amps, [[request.max_a] for request in problem.requests]) if problem.requests else amps
    for n in range(len(problem.nodes) - 1, -1, -1):
        for line in problem.nodes[n].lines:
            load = line_load(line, problem.below(amps, charging_w)[n])
            allowed = np.maximum(line.capacity, 0.0)
            over = load > allowed * (1.0 + 1e-9) + 1e-9
            if over.any():
                share = np.where(over, allowed / np.where(load > 0.0, load, 1.0), 1.0)
                under = [i for i, r in enumerate(problem.requests) if n in _path(problem, r.circuit)]
                amps = amps.copy()
                amps[under] *= share
    return amps


def _path(problem: ChargingProblem, circuit: int) -> Iterator[int]:
    while circuit >= 0:
        yield circuit
        circuit = problem.nodes[circuit].parent
