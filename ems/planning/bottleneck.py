"""Where a schedule fills a circuit: which of its lines are at their limit, and what is left on the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ems.planning.arrays import Bools, Floats
from ems.planning.problem import ChargingProblem, Line, Request, line_load
from ems.planning.schedule import Schedule

FULL_SHARE = 0.99
"""A line that carries this share of its capacity is full: phasors are planned on a polygon inside their circle."""


class Filled(NamedTuple):
    """One line of the circuit at position `node`, with what it carries at every step and whether it is full."""

    node: int
    circuit: str
    line: Line
    load: Floats
    full: Bools

    @property
    def room(self) -> Floats:
        """What it could carry besides."""
        return np.maximum(self.line.capacity - self.load, 0.0)

    def per_amp(self, request: Request) -> float:
        """What an ampere of this request puts on it; 0 when the request does not flow through it."""
        return abs(complex(self.line.coefficients[list(request.kinds)].sum()))


def filled(schedule: Schedule) -> tuple[Filled, ...]:
    """All lines that limit anything, grid connection first."""
    problem = schedule.problem
    carried = problem.below(schedule.amps, np.maximum(schedule.battery_w, 0.0))
    return tuple(
        Filled(n, node.circuit, line, load, load >= FULL_SHARE * np.maximum(line.capacity, 0.0))
        for n, node in enumerate(problem.nodes)
        for line in node.lines
        if np.isfinite(line.capacity).any()
        for load in (line_load(line, carried[n]),)
    )


def above(problem: ChargingProblem, lines: tuple[Filled, ...], request: Request) -> tuple[Filled, ...]:
    """The lines through which a request flows, its own circuit first."""
    path = problem.path(request.circuit)
    through = (line for line in lines if line.node in path and line.per_amp(request) > 0.0)
    return tuple(sorted(through, key=lambda line: -line.node))
