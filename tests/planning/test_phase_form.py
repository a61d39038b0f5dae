"""A plan for outlets that can switch: as little as one phase takes, said as a share of three."""

from __future__ import annotations

import pytest

from ems.domain.strategy import LADDERS, Strategy
from ems.planning.optimiser import optimise
from ems.planning.outlook import Stay, outlook_of
from tests.builders import Scenario
from tests.control.test_phase_form import roof, sun
from tests.planning.sites import THREE, economy, hours, problem, vehicle


def stay(scene: Scenario) -> Stay:
    (found,) = outlook_of(scene.state, scene.last, scene.memory.setpoints.appetite_a.tolist()).stays
    return found


def test_an_outlet_that_can_switch_may_have_a_third_of_the_minimum_on_each_phase() -> None:
    scene = roof().after(60)
    assert (stay(scene).legs, stay(scene).min_a) == ((True,) * 3, 2.0)


def test_on_one_phase_it_is_still_planned_on_three() -> None:
    scene = sun(roof(), 2.0, 300)
    assert scene.plug("A1").drawn_a == (6, 0, 0)
    assert (stay(scene).legs, stay(scene).min_a) == ((True,) * 3, 2.0)


def test_a_one_phase_vehicle_and_one_that_was_told_in_vain_are_planned_as_ever() -> None:
    one = roof()
    one.unplug("A1").after(5).car("A1", legs=1).after(90)
    assert (stay(one).legs, stay(one).min_a) == ((True, False, False), 6.0)


@pytest.mark.parametrize(("min_a", "amps"), [(6.0, 0.0), (2.0, 1500.0 / 690.0)])
def test_a_little_sun_is_planned_where_it_can_be_used(min_a: float, amps: float) -> None:
    """1.5 kW for three hours: less than three phases take, and enough for one."""
    horizon = hours(3)
    asked = vehicle(horizon, 30.0, kinds=THREE, min_a=min_a)
    site = problem(horizon, [asked], 63.0, economy(horizon, 0.30, 0.0, 1.5, 0.08))
    first = optimise(site, LADDERS[Strategy.SOLAR]).amps[0, 0]
    assert first == pytest.approx(amps, abs=1e-3)
