"""What flows say of a site, beside what linear programs find."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ems.domain.strategy import Ladder
from ems.planning.flow import deliverable, is_exact, is_feasible, minimum_peak_w
from ems.planning.optimiser import optimise
from ems.planning.problem import ChargingProblem, Node
from tests.planning.oracle import least_missing_wh
from tests.planning.sites import ONE, THREE, economy, hours, phases, power, problem, problems, vehicle

EXACT = st.sampled_from(["single-phase", "three-phase"])
NEAR_WH = 1.0


@given(EXACT.flatmap(lambda loads: problems(loads, minimum=False, equals=True, priced=False)))
def test_flows_are_exact_where_no_two_kinds_share_a_conductor(site: ChargingProblem) -> None:
    """Single-phase vehicles alone, three-phase vehicles alone."""
    assume(site.requests)
    found = deliverable(site)
    assert found.exact
    assert found.need_wh - found.energy_wh == pytest.approx(least_missing_wh(site)[0], abs=NEAR_WH)


@given(
    st.sampled_from(["wye", "line-to-line", "all"]).flatmap(lambda loads: problems(loads, minimum=False, equals=True))
)
def test_flows_are_never_below_what_can_be_delivered(site: ChargingProblem) -> None:
    """A bound for every mix, so that 'not feasible' is certain."""
    assume(site.requests)
    found = deliverable(site)
    missing = least_missing_wh(site)[0]
    assert found.energy_wh >= found.need_wh - missing - NEAR_WH
    assert is_feasible(site) == found.feasible
    assert found.feasible or missing > 0.0


@given(
    EXACT.flatmap(lambda loads: problems(loads, minimum=False, equals=True, priced=False)), st.sampled_from([0.0, 4.0])
)
def test_the_lowest_peak_is_that_of_the_program(site: ChargingProblem, base_kw: float) -> None:
    """With a building beside the vehicles, and as much delivered as at any power."""
    assume(site.requests)
    site = dataclasses.replace(site, economy=economy(site.horizon, base_kw=base_kw))
    flattest = optimise(site, Ladder(peak=1.0, early=0.0))
    assert minimum_peak_w(site) == pytest.approx(flattest.site_w.max(), rel=1e-4, abs=1.0)


@pytest.mark.parametrize(
    ("amps", "kwh", "feasible", "delivered_kwh", "peak_kw"),
    [
        (32.0, 14.0, True, 14.0, 7.0),
        (20.0, 14.0, False, 9.2, 4.6),
        (0.0, 14.0, False, 0.0, 0.0),
        (-5.0, 14.0, False, 0.0, 0.0),
        (np.inf, 0.0, True, 0.0, 0.0),
    ],
)
def test_one_vehicle_for_two_hours(
    amps: float, kwh: float, feasible: bool, delivered_kwh: float, peak_kw: float
) -> None:
    """By hand."""
    horizon = hours(2)
    site = problem(horizon, [vehicle(horizon, kwh)], amps)
    found = deliverable(site)
    assert (found.feasible, is_feasible(site)) == (feasible, feasible)
    assert found.energy_wh / 1000.0 == pytest.approx(delivered_kwh, abs=1e-3)
    assert minimum_peak_w(site) / 1000.0 == pytest.approx(peak_kw, abs=1e-3)


def test_without_vehicles_the_peak_is_that_of_the_building() -> None:
    """Less what is generated."""
    horizon = hours(2)
    site = problem(horizon, [], 32.0, economy(horizon, base_kw=[3.0, 5.0], generation_kw=[0.0, 4.0]))
    assert minimum_peak_w(site) == pytest.approx(3000.0)
    assert deliverable(site).feasible


def test_a_limit_of_power_at_the_grid_connection_counts() -> None:
    """11 kW for three vehicles on three phases."""
    horizon = hours(1)
    grid = Node("grid", -1, (*phases(32.0, 1), power(11.0, 1)))
    site = dataclasses.replace(
        problem(horizon, [vehicle(horizon, 7.0, session=str(k)) for k in range(3)]), nodes=(grid,)
    )
    assert deliverable(site).energy_wh == pytest.approx(7000.0 + 360.0)  # all on L1
    balanced = tuple(r._replace(kinds=(kind,)) for r, kind in zip(site.requests, THREE, strict=True))
    assert deliverable(dataclasses.replace(site, requests=balanced)).energy_wh == pytest.approx(11000.0)


def test_mixed_kinds_are_said_to_be_a_bound() -> None:
    """A single-phase and a three-phase vehicle share L1."""
    horizon = hours(1)
    pair = [vehicle(horizon, 7.0, kinds=kinds, session=str(kinds)) for kinds in (ONE, THREE)]
    assert not is_exact(problem(horizon, pair, 32.0))
    assert not deliverable(problem(horizon, pair, 32.0)).exact
