"""What every circuit can carry for vehicles at every step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pytest

from ems.domain.limit import Limit, LimitWindow
from ems.domain.site import Site
from ems.planning.horizon import Horizon
from ems.planning.installation import connection_w, limit_course, nodes_of
from ems.planning.problem import Node
from tests.control.installations import circuit, evse, layout

NOON = datetime(2026, 6, 3, 10, 0, tzinfo=UTC)
HOURS = Horizon.uniform(NOON, 6, 3600.0)
"""Noon in Berlin, a Wednesday."""

SITE = layout(
    [circuit("grid", 100, margin=3), circuit("row", 40, "grid"), circuit("lamp", (16, 0, 0), "row")],
    [evse("A", "row")],
)
NOTHING = np.zeros((3, 3, HOURS.steps))
AFTERNOON = LimitWindow("grid", "evening peak", frozenset({2}), time(14, 30), time(16), max_w=20_000.0)


def capacity(node: Node, what: str) -> list[float]:
    """What a line of a node carries, step by step."""
    (line,) = [line for line in node.lines if line.what == what]
    return [float(value) for value in line.capacity]


def test_a_circuit_has_what_rating_margin_and_other_load_leave_on_the_phases_that_it_has() -> None:
    base = NOTHING.copy()
    base[0, 1, 2:] = 30.0
    grid, row, lamp = nodes_of(SITE, HOURS, (), base)
    assert (grid.parent, row.parent, lamp.parent) == (-1, 0, 1)
    assert capacity(grid, "L1") == [97.0] * 6
    assert capacity(grid, "L2") == [97.0] * 2 + [67.0] * 4
    assert [line.what for line in lamp.lines] == ["L1"]
    assert capacity(lamp, "L1") == [16.0] * 6


def test_an_overloaded_circuit_has_less_than_nothing_which_is_no_error() -> None:
    base = NOTHING.copy()
    base[1] = 60.0
    assert capacity(nodes_of(SITE, HOURS, (), base)[1], "L1") == [-20.0] * 6


def test_a_limit_on_power_is_a_line_of_its_own_less_other_load() -> None:
    base = NOTHING.copy()
    base[0] = 10.0
    limit = Limit("grid", "DSO", max_w=30_000.0)
    (grid, *_) = nodes_of(SITE, HOURS, (limit,), base)
    assert capacity(grid, "power") == pytest.approx([30_000.0 - 3 * 10 * 230.0] * 6)


@pytest.mark.parametrize(
    ("what", "limits", "amps", "kw"),
    [
        ("none", (), None, [None] * 6),
        ("a window of the site touches two steps", (), AFTERNOON, [None, None, 20, 20, None, None]),
        ("one for ever", (Limit("grid", "a", max_w=9e3),), None, [9] * 6),
        ("one that begins later", (Limit("grid", "a", max_w=9e3, starts=NOON + timedelta(hours=4)),), None,
         [None] * 4 + [9] * 2),
        ("one that ends within a step", (Limit("grid", "a", max_w=9e3, ends=NOON + timedelta(minutes=90)),), None,
         [9, 9] + [None] * 4),
        ("the tighter of two", (Limit("grid", "a", max_w=9e3), Limit("grid", "b", max_w=30e3)), AFTERNOON, [9] * 6),
        ("one on something else", (Limit("row", "a", max_w=9e3),), None, [None] * 6),
    ],
)  # fmt: skip
def test_limits_hold_at_every_step_that_they_touch(
    what: str, limits: tuple[Limit, ...], amps: LimitWindow | None, kw: list[float | None]
) -> None:
    site: Site = SITE if amps is None else replace(SITE, limits=(amps,))
    course_a, course_w = limit_course(site, "grid", HOURS, limits)
    assert course_w.tolist() == [np.inf if value is None else 1000.0 * value for value in kw], what
    assert np.isinf(course_a).all()


def test_the_grid_connection_bears_its_fuse_or_the_tightest_limit() -> None:
    limit = Limit("grid", "DSO", max_a=20.0, ends=NOON + timedelta(hours=2))
    assert connection_w(SITE, HOURS, (limit,)).tolist() == pytest.approx([13_800.0] * 2 + [69_000.0] * 4)
