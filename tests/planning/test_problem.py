"""What is no charging problem is refused where it is made, with a name."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from ems.planning.conductors import KINDS, volts
from ems.planning.horizon import Horizon
from ems.planning.problem import (
    Battery,
    ChargingProblem,
    DemandCharge,
    Economy,
    Line,
    Node,
    demand_windows,
    line_load,
    reachable_wh,
)
from tests.planning.sites import MIDNIGHT, THREE, VOLTAGE_V, economy, hours, phases, problem, vehicle

HOURS = hours(2)
NAN = math.nan


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"need_wh": NAN}, "need, presence and currents must be finite"),
        ({"need_wh": math.inf}, "need, presence and currents must be finite"),
        ({"max_a": NAN}, "need, presence and currents must be finite"),
        ({"guaranteed_wh": NAN}, "need, presence and currents must be finite"),
        ({"available": np.array([1.0, NAN])}, "need, presence and currents must be finite"),
        ({"limit_a": np.array([NAN, 6.0])}, "need, presence and currents must be finite"),
        ({"available": np.ones(3)}, "shares for 2 steps"),
        ({"limit_a": np.ones(1)}, "limits for 2 steps"),
        ({"weight": 0.0}, "a weight lies in 0.1 … 10"),
        ({"weight": -1.0}, "a weight lies in 0.1 … 10"),
        ({"weight": NAN}, "a weight lies in 0.1 … 10"),
        ({"weight": 100.0}, "a weight lies in 0.1 … 10"),
    ],
)
def test_a_vehicle_that_cannot_be_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    """So that a plan never carries it on."""
    with pytest.raises(ValueError, match="a: .*" + says):
        problem(HOURS, [vehicle(HOURS, 5.0)._replace(**changes)], 32.0)


@pytest.mark.parametrize("name", ["base_w", "generation_w", "import_per_kwh", "feed_in_per_kwh"])
@pytest.mark.parametrize("value", [NAN, math.inf])
def test_a_series_that_is_not_finite_is_refused_by_name(name: str, value: float) -> None:
    """A forecast that failed, a price that is missing."""
    series: dict[str, Any] = {name: np.array([0.0, value])}
    broken = economy(HOURS)._replace(**series)
    with pytest.raises(ValueError, match=f"{name} must be finite"):
        problem(HOURS, [], 32.0, broken)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"efficiency": 0.0}, "efficiency of the battery"),
        ({"efficiency": 1.1}, "efficiency of the battery"),
        ({"efficiency": NAN}, "efficiency of the battery"),
        ({"charge_w": -1.0}, "energy and power of the battery"),
        ({"stored_wh": NAN}, "energy and power of the battery"),
    ],
)
def test_a_battery_that_cannot_be_is_refused(changes: dict[str, Any], says: str) -> None:
    """A model that reads its registers wrongly."""
    broken = Battery(0, 5000.0, 10000.0, 5000.0, 5000.0)._replace(**changes)
    with pytest.raises(ValueError, match=says):
        problem(HOURS, [], 32.0, economy(HOURS, battery=broken))


@pytest.mark.parametrize(
    "charge",
    [
        DemandCharge(NAN, 900.0, np.ones(2)),
        DemandCharge(5.0, 0.0, np.ones(2)),
        DemandCharge(5.0, 900.0, np.ones(2), NAN),
        DemandCharge(5.0, 900.0, np.ones(3)),
    ],
)
def test_a_demand_charge_that_cannot_be_is_refused(charge: DemandCharge) -> None:
    """Without a price, a window or a peak."""
    with pytest.raises(ValueError, match="a demand charge"):
        problem(HOURS, [], 32.0, economy(HOURS, demand=(charge,)))


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([Node("grid", -1, phases([32.0, NAN], 2))], "grid L1: a capacity for every step"),
        ([Node("grid", -1, phases(32.0, 3))], "grid L1: a capacity for every step"),
        ([Node("grid", -1, ()), Node("row", 1, ())], "row: circuits must come parents first"),
        ([Node("grid", -1, ()), Node("row", -1, ())], "row: circuits must come parents first"),
        ([Node("grid", 0, ())], "grid: circuits must come parents first"),
    ],
)
def test_circuits_that_are_no_tree_are_refused(nodes: list[Node], says: str) -> None:
    """The grid connection first."""
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(problem(HOURS, []), nodes=tuple(nodes))


def test_currents_add_up_towards_the_grid_connection() -> None:
    """What a row carries, its parent carries too; the battery charges on three phases evenly."""
    nodes = [Node("row", 0, phases(32.0, 2)), Node("end", 1, phases(32.0, 2))]
    pair = [vehicle(HOURS, 5.0, circuit=2, session="a"), vehicle(HOURS, 5.0, circuit=1, kinds=THREE, session="b")]
    site = problem(HOURS, pair, 32.0, nodes=nodes)
    carried = site.below(np.array([[10.0, 0.0], [6.0, 8.0]]))
    loads = [[line_load(line, carried[n]).tolist() for line in site.nodes[n].lines] for n in range(3)]
    assert loads[2] == [[10.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert loads[1] == loads[0] == [[16.0, 8.0], [6.0, pytest.approx(8.0)], [6.0, pytest.approx(8.0)]]
    assert site.path(2) == (2, 1, 0)


def test_what_is_within_reach_is_full_current_for_the_whole_stay() -> None:
    """One hour of two at 32 A, of which the outlet allows 16 A."""
    asked = vehicle(HOURS, 99.0, until=1)
    assert reachable_wh([asked], HOURS.hours).tolist() == [7360.0]
    assert reachable_wh([asked._replace(limit_a=np.full(2, 16.0))], HOURS.hours).tolist() == [3680.0]


@pytest.mark.parametrize(
    ("window_s", "counts", "steps", "windows"),
    [
        (900.0, [1.0] * 6, [0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 1, 2]),
        (1800.0, [1.0] * 6, [0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 1]),
        (900.0, [0.0, 1.0, 0.0, 1.0, 0.0, 0.0], [1, 3], [0, 1]),
        (900.0, [0.0] * 6, [], []),
    ],
)
def test_steps_fall_into_the_windows_of_a_demand_charge(
    window_s: float, counts: list[float], steps: list[int], windows: list[int]
) -> None:
    """Five steps of five minutes from midnight, then an hour: a step longer than a window is one of its own."""
    horizon = Horizon(MIDNIGHT, (0.0, 300.0, 600.0, 900.0, 1200.0, 1500.0))
    horizon = Horizon(MIDNIGHT, (*horizon.edges_s, 1500.0 + 3600.0))
    at, window, *_ = demand_windows(horizon, DemandCharge(1.0, window_s, np.array(counts)))
    assert (at.tolist(), window.tolist()) == (steps, windows)


def test_a_problem_may_have_no_circuit_that_limits_anything() -> None:
    """A site whose only node has no lines."""
    site = ChargingProblem(HOURS, (Node("grid", -1, ()),), (), Economy.indifferent(HOURS), volts(VOLTAGE_V))
    assert site.below(np.zeros((0, 2))).shape == (1, KINDS, 2)


def test_a_line_adds_phasors() -> None:
    """Whatever its coefficients are."""
    assert line_load(Line("x", np.array([3.0, 4.0j]), np.ones(1)), np.array([[1.0], [1.0]])).tolist() == [5.0]
