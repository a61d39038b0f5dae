"""The last word: it adds up by itself, lowers what does not fit, and touches nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.control.guard import SLACK_A, SLACK_W, Load, Outlet, guard
from ems.control.network import Spread
from ems.domain.circuit import CircuitTree
from ems.domain.phases import PHASE_PAIRS, Phase, Wiring
from tests.builders import circuit, evse, layout
from tests.control.networks import WIRINGS
from tests.phasors import on_conductors


class Case(NamedTuple):
    """Loads on a tree under bounds, and per load its circuit's id."""

    tree: CircuitTree
    loads: list[Load]
    bounds: list[list[float]]


OPEN = [math.inf] * 4


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Small trees with bounds of any sign, and loads between nothing and far too much."""
    names = [f"c{i}" for i in range(draw(st.integers(1, 4)))]
    circuits = [circuit(n, 100, None if i == 0 else names[draw(st.integers(0, i - 1))]) for i, n in enumerate(names)]
    stations = [
        evse(f"S{j}", draw(st.sampled_from(names)), draw(st.sampled_from(WIRINGS)))
        for j in range(draw(st.integers(0, 5)))
    ]
    site = layout(circuits, stations)
    amps = st.one_of(st.sampled_from([0.0, 6.0, 10.0, 16.0, 32.0]), st.floats(0, 32))
    loads = []
    for v in site.evses:
        minimum = draw(st.sampled_from([6.0, 6.0, 8.0, 0.0]))
        lowest = draw(st.sampled_from([0.0, 0.0, minimum]))
        legs = tuple(draw(st.booleans()) or k == 0 for k in range(len(v.wiring.legs)))
        spread = draw(st.sampled_from(Spread))
        loads.append(Load(Outlet.of(site, v), draw(amps), draw(amps), legs, minimum, lowest, spread))
    bound = st.one_of(st.integers(-5, 90).map(float), st.just(math.inf))
    bounds = [[draw(bound), draw(bound), draw(bound), draw(bound) * 400] for _ in names]
    for row in bounds:
        row.extend([draw(bound) for _ in PHASE_PAIRS] if draw(st.booleans()) else [])
    return Case(site.circuits, loads, bounds)


@given(cases())
def test_it_never_raises_a_setpoint(case: Case) -> None:
    for load, after in zip(case.loads, guard(*case), strict=True):
        assert after <= load.setpoint_a


@given(cases())
def test_no_setpoint_lies_between_lowest_and_minimum(case: Case) -> None:
    """0 or at least the minimum; below it only what cannot be taken away, or what came in lower than that."""
    for load, after in zip(case.loads, guard(*case), strict=True):
        assert after >= load.minimum_a or after == min(load.lowest_a, load.setpoint_a)


@given(cases())
def test_it_fits_whenever_the_lowest_currents_do(case: Case) -> None:
    """Wherever what cannot be taken away fits under a bound, the setpoints fit there afterwards."""
    after, lowest = guard(*case), [load.lowest_a for load in case.loads]
    for place in range(len(case.bounds)):
        if not over(case, place, lowest):
            assert not over(case, place, after)


@given(cases())
def test_no_raise_fits_only_with_a_cut_that_is_not_proven(case: Case) -> None:
    """Where liabilities alone fit, liabilities and raises together fit afterwards."""
    after = guard(*case)
    present = [max(a, load.liable_a) for a, load in zip(after, case.loads, strict=True)]
    lowest = [max(min(load.lowest_a, load.setpoint_a), load.liable_a) for load in case.loads]
    for place in range(len(case.bounds)):
        if not over(case, place, lowest):
            assert not over(case, place, present)


@given(cases())
def test_it_touches_nothing_that_fits(case: Case) -> None:
    """No false correction: useful setpoints that fit together with every liability stay."""
    tidy = [
        load._replace(setpoint_a=0.0 if load.setpoint_a < load.minimum_a else load.setpoint_a) for load in case.loads
    ]
    case = case._replace(loads=tidy)
    present = [max(load.setpoint_a, load.liable_a) for load in tidy]
    if not any(over(case, place, present) for place in range(len(case.bounds))):
        assert guard(*case) == [load.setpoint_a for load in tidy]


@given(cases())
def test_twice_is_once(case: Case) -> None:
    once = guard(*case)
    again = [load._replace(setpoint_a=a) for load, a in zip(case.loads, once, strict=True)]
    assert guard(case.tree, again, case.bounds) == once


ROWS: list[tuple[str, list[tuple[float, float]], float, list[float]]] = [
    ("everything fits", [(16, 16), (16, 16)], 32, [16, 16]),
    ("a raise into room that another still uses waits", [(16, 6), (6, 26)], 32, [6, 6]),
    ("two raises that do not fit both wait", [(16, 6), (16, 6)], 20, [6, 6]),
    ("setpoints that exceed the bound go to the minimum", [(16, 16), (16, 16)], 20, [6, 6]),
    ("the largest first", [(10, 10), (16, 16)], 20, [10, 6]),
    ("then the last in line stops", [(6, 6), (6, 6), (6, 6)], 13, [6, 6, 0]),
    ("no room at all", [(6, 6), (32, 32)], 0, [0, 0]),
    ("less than no room", [(6, 6)], -8, [0]),
    ("a milliampere too much is nothing", [(16, 16), (16.0005, 16)], 32, [16, 16.0005]),
    ("a current that no vehicle accepts", [(4, 4)], 32, [0]),
]


@pytest.mark.parametrize(("name", "loads", "bound", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_one_circuit(name: str, loads: list[tuple[float, float]], bound: float, expected: list[float]) -> None:
    """(setpoint, liability) of three-phase vehicles on one circuit."""
    assert guard(*one_circuit(["L1 L2 L3"] * len(loads), loads, bound)) == expected


def test_it_leaves_the_other_phases_alone() -> None:
    """L1 is too full; a vehicle on L2 cannot help and keeps its current."""
    case = one_circuit(["L1", "L1", "L2"], [(10, 10), (10, 10), (30, 30)], 32)
    case.bounds[0][0] = 16.0
    assert guard(*case) == [10, 6, 30]


def test_it_leaves_the_other_feeders_alone() -> None:
    """Feeder a is too full; feeder b keeps its currents."""
    site = layout(
        [circuit("grid", 100), circuit("a", 100, "grid"), circuit("b", 100, "grid")], [evse("A", "a"), evse("B", "b")]
    )
    loads = [Load(Outlet.of(site, v), 32, 32, (True,) * 3, 6, 0) for v in site.evses]
    bounds = [OPEN, [20.0] * 3 + [math.inf], OPEN]
    assert guard(site.circuits, loads, bounds) == [6, 32]


def one_circuit(phases: Sequence[str], loads: Sequence[tuple[float, float]], bound: float) -> Case:
    site = layout([circuit("grid", 100)], [evse(f"S{j}", "grid", wiring) for j, wiring in enumerate(phases)])
    known = [
        Load(Outlet.of(site, v), setpoint, liable, (True,) * len(v.wiring.legs), 6.0, 0.0)
        for v, (setpoint, liable) in zip(site.evses, loads, strict=True)
    ]
    return Case(site.circuits, known, [[bound] * 3 + [math.inf]])


def over(case: Case, place: int, setpoints: Sequence[float]) -> bool:
    """Whether a circuit carries more than its bound, added up anew for each circuit, phase and load."""
    totals: list[complex] = [0.0] * 10
    for load, a in zip(case.loads, setpoints, strict=True):
        if place not in case.tree.path_of(load.outlet.circuit):
            continue
        for leg, carries in zip(load.outlet.legs, load.legs, strict=True):
            if carries:
                totals[3] += a * load.outlet.watts_per_leg
                for phase, amps in enumerate(on_conductors(Wiring((tuple(map(Phase, leg)),)), (a,))):
                    totals[phase] += amps
        carrying = [leg for leg, carries in zip(load.outlet.legs, load.legs, strict=True) if carries]
        for k, (more, less) in enumerate(PHASE_PAIRS):
            own = [leg for leg in carrying if more in leg and less not in leg]
            relieved = load.spread == Spread.EVEN and any(less in leg for leg in carrying)
            if own and not relieved and load.spread != Spread.NOTHING:
                totals[4 + k] += a
    bound = [max(b, 0.0) for b in case.bounds[place]]
    slack = [SLACK_A] * 3 + [SLACK_W] + [SLACK_A] * 6
    return any(abs(t) > b + s + 1e-9 for t, b, s in zip(totals, bound, slack, strict=False))


def test_what_one_phase_may_carry_more_than_another_is_added_up_too() -> None:
    """Three ampere too many on L1 over L2; the vehicle on L2 stays, and so does the one that draws evenly."""
    case = one_circuit(["L1", "L1", "L2", "L1 L2 L3"], [(10, 10), (13, 13), (20, 20), (32, 32)], 100)
    case.bounds[0].extend([20.0] * len(PHASE_PAIRS))
    assert guard(*case) == [10, 6, 20, 32]
