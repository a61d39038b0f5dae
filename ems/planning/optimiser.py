"""From a charging problem to a schedule: solve, round to what vehicles and batteries can do, check.

Two things a linear program cannot say are added by fixing columns and solving again. The 6 A minimum: what the first
step would give below it becomes nothing or the minimum; later steps are decided later. And a battery does not charge
and discharge at once, although that would burn energy that has a negative price. The result is projected onto the
limits by code that does not trust the solver.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ems.domain.strategy import Ladder
from ems.planning.arrays import Bools, Complexes, Floats
from ems.planning.linear_program import Solution, SolverError
from ems.planning.problem import ChargingProblem, Line, line_load
from ems.planning.program import Program
from ems.planning.schedule import Schedule

FACET_DEG = 10.0
"""Between two facets of a line's circle: 0.4 % of its capacity is lost where two of them meet."""

ROUNDS = 3
USEFUL_SHARE = 0.5
"""A first step that asks for less than this share of the minimum current becomes a pause, else the minimum."""

SMALL_A = 1e-6
SMALL_KW = 1e-6
LOCAL = 3000
"""Columns from which only what a rounding touched is solved again."""

Remaining = Callable[[], float]
"""Seconds that may still be used; infinite when nobody waits."""


def optimise(
    problem: ChargingProblem, ladder: Ladder, remaining: Remaining = lambda: np.inf, facet_deg: float = FACET_DEG
) -> Schedule:
    """The schedule that climbs `ladder` best. Raises OutOfTimeError when `remaining` runs out before one is found."""
    if not problem.requests and (problem.economy.battery is None or not ladder.looks_at_site):
        steps = problem.horizon.steps
        return Schedule(problem, np.zeros((0, steps)), np.zeros(steps))
    laid_out = Program.of(problem, ladder, facet_deg)
    lower, upper = laid_out.program.bounds()
    solution = laid_out.program.solve(lower, upper, remaining())
    if laid_out.battery is not None:
        solution, lower, upper = _one_way(laid_out, solution, lower, upper, remaining)
    solution = _rounded(laid_out, solution, lower, upper, remaining)
    return _schedule(laid_out, solution)


# The battery


def _one_way(
    laid_out: Program, solution: Solution, lower: Floats, upper: Floats, remaining: Remaining
) -> tuple[Solution, Floats, Floats]:
    """Either charging or discharging, whichever the first solution does more of where it does both."""
    battery = laid_out.battery
    assert battery is not None
    for _ in range(ROUNDS):
        into, out = solution.values[battery.charge], solution.values[battery.discharge]
        both = (into > SMALL_KW) & (out > SMALL_KW)
        if not both.any():
            break
        lower, upper = lower.copy(), upper.copy()
        upper[np.where(into >= out, battery.discharge, battery.charge)[both]] = 0.0
        try:
            solution = laid_out.program.solve(lower, upper, remaining())
        except SolverError:
            break
    return solution, lower, upper


# The minimum current


def _rounded(laid_out: Program, solution: Solution, lower: Floats, upper: Floats, remaining: Remaining) -> Solution:
    """Nothing between 0 and the minimum current in the first step, solved again as long as there is time."""
    columns, minimum = laid_out.charge[:, 0], first_minimum_a(laid_out.problem)
    reach = np.where(columns >= 0, upper[columns], 0.0)
    for _ in range(ROUNDS):
        amps = np.where(columns >= 0, solution.values[columns], 0.0)
        small = _small(amps, minimum)
        if not small.any():
            return solution
        worth_it = small & (reach >= minimum) & (amps >= USEFUL_SHARE * minimum)
        raised = _raised(laid_out, solution, worth_it, minimum)
        lower, upper = lower.copy(), upper.copy()
        # What fits the circle may not fit the polygon inside it: then all of them pause.
        for value in (np.where(raised, minimum, 0.0), np.zeros_like(minimum)):
            lower[columns[small]] = upper[columns[small]] = value[small]
            try:
                solution = laid_out.program.solve(*_near(laid_out, solution, small, lower, upper), remaining())
                break
            except SolverError:
                continue
        else:
            break
    values = solution.values.copy()
    amps = np.where(columns >= 0, values[columns], 0.0)
    values[columns[_small(amps, minimum)]] = 0.0
    return Solution(values, solution.objective)


def first_minimum_a(problem: ChargingProblem) -> Floats:
    """The least that each request can have in the first step other than nothing, as a mean over it: its minimum current
    while it is there, or less when its need is met sooner.
    """
    hours = float(problem.horizon.hours[0])
    return np.array(
        [
            min(min(r.min_a, r.max_a) * float(r.available[0]), r.need_wh / (r.watts_per_a * hours))
            for r in problem.requests
        ]
    )


def _small(amps: Floats, minimum: Floats) -> Bools:
    return np.asarray((amps > SMALL_A) & (amps < minimum - SMALL_A))


def _raised(laid_out: Program, solution: Solution, candidates: Bools, minimum: Floats) -> Bools:
    """Which of the candidates can have their minimum in the first step beside what the others have."""
    problem = laid_out.problem
    amps = laid_out.amps(solution.values)[:, 0]
    raised = np.zeros(len(candidates), dtype=np.bool_)
    carried = problem.below(laid_out.amps(solution.values), laid_out.charging_w(solution.values))[:, :, 0]
    for i in sorted(np.flatnonzero(candidates).tolist(), key=lambda j: -float(amps[j])):
        more = np.zeros(carried.shape[1])
        more[list(problem.requests[i].kinds)] = minimum[i] - amps[i]
        path = problem.path(problem.requests[i].circuit)
        if all(
            abs(complex(line.coefficients @ (carried[n] + more))) <= max(float(line.capacity[0]), 0.0) + SMALL_A
            for n in path
            for line in problem.nodes[n].lines
        ):
            carried[list(path)] += more
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
    charging_w = laid_out.charging_w(solution.values)
    amps = projected(laid_out.problem, laid_out.amps(solution.values), charging_w)
    return Schedule(laid_out.problem, amps, charging_w - laid_out.discharging_w(solution.values))


def projected(problem: ChargingProblem, amps: Floats, charging_w: Floats | None = None) -> Floats:
    """The same currents, lowered where a line is exceeded: everybody below it by the same share, from the leaves up.
    What charges the battery stays; it has its own limits in the controller.
    """
    if not problem.requests:
        return amps
    amps = np.minimum(amps, np.stack([request.upper_a for request in problem.requests]))
    beside = problem.below(0.0 * amps, charging_w)
    for n in range(len(problem.nodes) - 1, -1, -1):
        for line in problem.nodes[n].lines:
            load = line_load(line, problem.below(amps, charging_w)[n])
            over = load > np.maximum(line.capacity, 0.0) * (1.0 + 1e-9) + 1e-9
            if over.any():
                fixed = line.coefficients @ beside[n]
                share = np.where(over, _share(line, fixed, problem.below(amps)[n]), 1.0)
                amps = amps.copy()
                amps[[i for i, r in enumerate(problem.requests) if n in problem.path(r.circuit)]] *= share
    return amps


def _share(line: Line, fixed: Complexes, carried: Floats) -> Floats:
    """The largest share of what vehicles draw with which |fixed + share · vehicles| ≤ capacity, by the square of it."""
    vehicles = line.coefficients @ carried
    allowed = np.maximum(line.capacity, 0.0)
    square = np.maximum(np.abs(vehicles) ** 2, SMALL_A**2)
    along = np.real(np.conj(fixed) * vehicles)
    root = np.sqrt(np.maximum(along**2 + square * (allowed**2 - np.abs(fixed) ** 2), 0.0))
    return np.asarray(np.where(np.abs(fixed) > allowed, 0.0, np.clip((root - along) / square, 0.0, 1.0)))
