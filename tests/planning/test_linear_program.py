"""A small program, block by block, and what is said when there is no solution."""

from __future__ import annotations

import numpy as np
import pytest

from ems.planning.linear_program import LARGE, LinearProgram, OutOfTimeError, SolverError


def diet(lowest: float = 0.0) -> LinearProgram:
    """Two columns of 3 and 2 that cost 1 and 2 and add up to 4; a third one doubles the first, up to 5."""
    program = LinearProgram()
    first = program.add_columns(np.array([3.0, 2.0]), np.array([1.0, 2.0]), lowest)
    (third,) = program.add_columns(np.array([np.inf]))
    zeros = np.zeros(2, dtype=np.intp)
    program.equal(zeros, first, np.ones(2), np.array([4.0]))
    program.equal(zeros, np.array([first[0], third]), np.array([2.0, -1.0]), np.zeros(1))
    program.at_most(zeros[:1], np.array([third]), np.ones(1), np.array([5.0]))
    return program


def test_blocks_of_rows_are_counted_on() -> None:
    """2.5 of the cheap one, because its double is limited."""
    program = diet()
    found = program.solve(*program.bounds(), 10.0)
    assert found.values.tolist() == pytest.approx([2.5, 1.5, 5.0])
    assert found.objective == pytest.approx(5.5)


def test_bounds_may_be_narrowed_without_laying_it_out_again() -> None:
    """The program itself stays as it is."""
    program = diet()
    lower, upper = program.bounds()
    upper[0] = 2.0
    assert program.solve(lower, upper, 10.0).values.tolist() == pytest.approx([2.0, 2.0, 4.0])
    assert program.solve(*program.bounds(), 10.0).values[0] == pytest.approx(2.5)


def test_what_has_no_solution_is_an_error_and_no_time_another() -> None:
    """The caller tells them apart."""
    program = diet()
    lower, upper = program.bounds()
    with pytest.raises(SolverError, match="gave up"):
        program.solve(lower, np.minimum(upper, 1.0), 10.0)
    with pytest.raises(OutOfTimeError):
        program.solve(lower, upper, 0.0)


def test_a_large_program_is_solved_by_another_method_to_the_same_end() -> None:
    """A corner of it, too: what a smeared solution would not give."""
    program, count = LinearProgram(), LARGE + 1
    columns = program.add_columns(np.ones(count), np.linspace(1.0, 2.0, count))
    program.equal(np.zeros(count, dtype=np.intp), columns, np.ones(count), np.array([100.0]))
    values = program.solve(*program.bounds(), 60.0).values
    assert values[:100].tolist() == pytest.approx([1.0] * 100)
    assert not values[100:].any()
