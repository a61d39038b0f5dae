"""Legs between two phases: what a conductor carries of them is less than their sum, and as much more may be given."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.control.network import Network
from ems.control.phasors import SIDES, angle_deg, parts
from ems.domain.decision import Binding
from ems.domain.phases import Phase, Wiring
from tests.builders import Scenario, circuit, evse, layout, site
from tests.phasors import on_conductors, total_a

PAIRS = ("L1-L2", "L2-L3", "L3-L1")
GIVEN_AWAY = 1.0 / math.cos(math.radians(30.0 / SIDES))
AMPS = st.floats(0.0, 400.0)


def behind(rating: float, *wirings: str) -> Scenario:
    """Stations A, B and so on behind one fuse."""
    evses = [evse(name, "grid", phases, fallback=0) for name, phases in zip("ABCDEF", wirings, strict=False)]
    return site(layout([circuit("grid", rating)], evses))


@pytest.mark.parametrize(
    ("leg", "phase", "degrees"),
    [
        ("L1", Phase.L1, 0.0),
        ("L1-L2", Phase.L1, 30.0),
        ("L1-L2", Phase.L2, -30.0),
        ("L3-L1", Phase.L1, -30.0),
        ("L2-L3", Phase.L2, 30.0),
        ("L1-L3", Phase.L3, 30.0),
    ],
)
def test_a_leg_is_ahead_of_the_phase_it_starts_at_and_behind_the_next(leg: str, phase: Phase, degrees: float) -> None:
    (wires,) = Wiring.parse(leg).legs
    assert angle_deg(wires, phase) == degrees
    amps = on_conductors(Wiring.parse(leg), (1.0,))[phase]
    assert math.degrees(math.atan2(amps.imag, amps.real)) == pytest.approx(degrees)


@given(ahead=AMPS, behind=AMPS, between=AMPS)
def test_the_polygon_lies_within_the_circle_and_close_to_it(ahead: float, behind: float, between: float) -> None:
    legs = [
        (wiring.legs[0], amps)
        for wiring, amps in zip(map(Wiring.parse, ("L1-L2", "L3-L1", "L1")), (ahead, behind, between), strict=True)
    ]
    held = max(sum(amps * parts(leg, Phase.L1)[k] for leg, amps in legs) for k in range(SIDES))
    carried = total_a(on_conductors(Wiring((leg,)), (amps,)) for leg, amps in legs)[Phase.L1]
    assert carried <= held + 1e-9
    assert held <= carried * GIVEN_AWAY + 1e-9


@given(amps=st.lists(AMPS, min_size=3, max_size=3))
def test_what_a_network_adds_up_is_what_its_conductors_carry(amps: list[float]) -> None:
    network = Network.of(layout([circuit("grid", 400)], [evse(f"S{k}", "grid", v) for k, v in enumerate(PAIRS)]))
    legs, spread = np.array([[True, False, False]] * 3), np.zeros(3, dtype=np.intp)
    load = network.carried(network.polygons(legs, spread), np.array(amps))
    carried = total_a(on_conductors(Wiring.parse(v), (a,)) for v, a in zip(PAIRS, amps, strict=True))
    for phase in Phase:
        assert carried[phase] <= load[phase] + 1e-9
        assert load[phase] <= carried[phase] * GIVEN_AWAY + 1e-9


def test_three_vehicles_between_three_phases_get_more_than_half_the_fuse_each() -> None:
    """20 A each if currents simply added up, and 40 A / sqrt(3) as they do."""
    scene = behind(40, *PAIRS).car("A").car("B").car("C").after(120)
    scene.expect(A=(22.5, 23.1), B=(22.5, 23.1), C=(22.5, 23.1), binding=Binding.CIRCUIT, cause="grid L")
    assert max(scene.flow("grid")) <= 40
    assert max(scene.flow("grid")) > 39


def test_vehicles_between_the_same_two_phases_add_up() -> None:
    behind(40, "L1-L2", "L1-L2").car("A").car("B").after(90).expect(A=20, B=20, cause="(40 A) is full")


def test_what_one_gives_up_the_others_have_and_no_conductor_carries_more() -> None:
    scene = behind(40, *PAIRS).car("A").car("B").car("C").after(120)
    scene.unplug("A").after(60).expect(B=(22.9, 23.2), C=(22.9, 23.2))
    assert scene.most_over_a <= 0


def test_a_station_that_is_lost_keeps_its_current_on_both_its_phases() -> None:
    scene = behind(40, *PAIRS).car("A").car("B").car("C").after(120).drop("A").after(120)
    assert max(scene.flow("grid")) <= 40
    assert scene.most_over_a <= 0
