"""A linear program under construction: columns and rows are added in blocks, then HiGHS solves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from ems.planning.arrays import Floats, Ints

LARGE = 6000
"""Free columns and rows from which on an interior point with crossover is faster and steadier than dual simplex."""

METHODS = ("highs-ds", "highs-ipm")
"""If one of them gives up for numerical reasons, the other is asked."""

OPTIMAL, OUT_OF_TIME, INFEASIBLE = 0, 1, 2

NONE = -1
"""Where an array of columns has none."""


class Solution(NamedTuple):
    """Values of all columns and the objective."""

    values: Floats
    objective: float


class SolverError(RuntimeError):
    """HiGHS found no solution of a program that has one."""


class OutOfTimeError(SolverError):
    """The time was over before a solution was found."""


@dataclass(slots=True)
class _Rows:
    rows: list[Ints] = field(default_factory=list)
    columns: list[Ints] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    bounds: list[Floats] = field(default_factory=list)
    count: int = 0

    def matrix(self, columns: int) -> tuple[csr_array | None, Floats | None]:
        if not self.count:
            return None, None
        entries = (np.concatenate(self.values), (np.concatenate(self.rows), np.concatenate(self.columns)))
        return csr_array(entries, shape=(self.count, columns)), np.concatenate(self.bounds)


@dataclass(slots=True)
class LinearProgram:
    """Minimise cost · x with lower ≤ x ≤ upper, some sums equal to and some at most a bound."""

    _lower: list[Floats] = field(default_factory=list)
    _upper: list[Floats] = field(default_factory=list)
    _cost: list[Floats] = field(default_factory=list)
    _equal: _Rows = field(default_factory=_Rows)
    _at_most: _Rows = field(default_factory=_Rows)
    columns: int = 0

    def add_columns(self, upper: Floats, cost: Floats | float = 0.0, lower: Floats | float = 0.0) -> Ints:
        """New columns, as many as `upper` is long; their positions."""
        count = upper.size
        self._upper.append(np.asarray(upper, dtype=np.float64))
        self._cost.append(np.broadcast_to(np.asarray(cost, dtype=np.float64), (count,)))
        self._lower.append(np.broadcast_to(np.asarray(lower, dtype=np.float64), (count,)))
        first, self.columns = self.columns, self.columns + count
        return np.arange(first, self.columns)

    def equal(self, rows: Ints, columns: Ints, values: Floats, bounds: Floats) -> None:
        """New rows, as many as `bounds` is long, with entries at (row within the block, column)."""
        _add(self._equal, rows, columns, values, bounds)

    def at_most(self, rows: Ints, columns: Ints, values: Floats, bounds: Floats) -> None:
        """The same for rows that may stay below their bound."""
        _add(self._at_most, rows, columns, values, bounds)

    def bounds(self) -> tuple[Floats, Floats]:
        """Lower and upper bound of every column; copies."""
        return np.concatenate(self._lower), np.concatenate(self._upper)

    def solve(self, lower: Floats, upper: Floats, time_limit_s: float) -> Solution:
        """Solve within other bounds of the columns than they were added with. Raises OutOfTimeError and SolverError."""
        if time_limit_s <= 0.0:
            raise OutOfTimeError("no time was left to plan")
        equal, equal_to = self._equal.matrix(self.columns)
        at_most, at_most_to = self._at_most.matrix(self.columns)
        size = int(np.count_nonzero(upper > lower)) + self._equal.count + self._at_most.count
        gave_up = ""
        for method in METHODS if size <= LARGE else reversed(METHODS):
            found = linprog(
                np.concatenate(self._cost), A_ub=at_most, b_ub=at_most_to, A_eq=equal, b_eq=equal_to,
                bounds=np.column_stack((lower, upper)), method=method, options={"time_limit": time_limit_s},
            )  # fmt: skip
            if found.status == OUT_OF_TIME:
                raise OutOfTimeError("planning took too long")
            if found.status == OPTIMAL and found.x is not None:
                return Solution(np.clip(found.x, lower, upper), float(found.fun))
            gave_up = str(found.message)
            if found.status == INFEASIBLE:
                break
        raise SolverError(f"the solver gave up: {gave_up}")


def _add(block: _Rows, rows: Ints, columns: Ints, values: Floats, bounds: Floats) -> None:
    block.rows.append(rows + block.count)
    block.columns.append(columns)
    block.values.append(np.asarray(values, dtype=np.float64))
    block.bounds.append(np.asarray(bounds, dtype=np.float64))
    block.count += bounds.size
