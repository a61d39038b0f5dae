"""What currents put on conductors, by hand and by phasors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.phases import Phase, Wiring
from ems.planning.arrays import Complexes, Floats
from ems.planning.conductors import KINDS, Kind, facets, in_phase, kind_of, on_line, on_primary, volts

L1, L2, L3 = Phase.L1, Phase.L2, Phase.L3
TURNS = 4.0


def currents(**amps: float) -> Floats:
    """Ampere by kind."""
    found = np.zeros(KINDS)
    for name, value in amps.items():
        found[Kind[name]] = value
    return found


@pytest.mark.parametrize(
    ("amps", "on_l1", "on_l2", "on_l3"),
    [
        ({"L1": 10.0}, 10.0, 0.0, 0.0),
        ({"L1": 10.0, "L2": 10.0, "L3": 10.0}, 10.0, 10.0, 10.0),
        ({"L1_L2": 20.0}, 20.0, 20.0, 0.0),
        ({"L1_L2": 20.0, "L3_L1": 10.0}, math.sqrt(20.0**2 + 10.0**2 + 20.0 * 10.0), 20.0, 10.0),
        ({"L1_L2": 10.0, "L2_L3": 10.0, "L3_L1": 10.0}, *[10.0 * math.sqrt(3.0)] * 3),
        ({"L1": 10.0, "L1_L2": 10.0}, 20.0 * math.cos(math.radians(15.0)), 10.0, 0.0),
    ],
)
def test_currents_add_up_on_a_conductor_as_phasors(
    amps: dict[str, float], on_l1: float, on_l2: float, on_l3: float
) -> None:
    """|I| = sqrt(x² + y² + xy) for two legs, √3 x for three equal ones."""
    found = [abs(complex(on_line(phase) @ currents(**amps))) for phase in Phase]
    assert found == pytest.approx([on_l1, on_l2, on_l3], abs=1e-9)


@given(st.lists(st.floats(0.0, 500.0), min_size=3, max_size=3))
def test_a_delta_wye_transformer_takes_what_two_legs_less_twice_the_third_put_on_it(legs: list[float]) -> None:
    """I_A = (I_AB + I_BC - 2 I_CA) / turns and cyclic: section III of the published network, in components."""
    angles = np.exp(1j * np.radians([30.0, -90.0, 150.0]))
    ab, bc, ca = np.array(legs) * angles
    expected = [(ab + bc - 2 * ca) / TURNS, (bc + ca - 2 * ab) / TURNS, (ca + ab - 2 * bc) / TURNS]
    found = [complex(on_primary(p, TURNS) @ currents(L1_L2=legs[0], L2_L3=legs[1], L3_L1=legs[2])) for p in Phase]
    assert np.abs(np.array(found) - expected).max() < 1e-9


def test_the_published_garage_binds_where_it_was_published_to() -> None:
    """150 kW: balanced legs of 240.6 A reach the secondary's 416.7 A; one leg alone 361 A the primary's 180.5 A."""
    balanced = abs(complex(on_line(L1) @ currents(L1_L2=240.6, L2_L3=240.6, L3_L1=240.6)))
    assert balanced == pytest.approx(416.7, abs=0.1)
    assert max(abs(complex(on_primary(p, TURNS) @ currents(L1_L2=361.0))) for p in Phase) == pytest.approx(180.5)


@pytest.mark.parametrize(
    ("wiring", "kinds"),
    [
        ("L2", [Kind.L2]),
        ("L2 L3 L1", [Kind.L2, Kind.L3, Kind.L1]),
        ("L1-L2", [Kind.L1_L2]),
        ("L2-L1", [Kind.L1_L2]),
        ("L1-L3", [Kind.L3_L1]),
    ],
)
def test_every_leg_is_a_kind_of_current(wiring: str, kinds: list[Kind]) -> None:
    """The order of its two ends does not matter."""
    assert [kind_of(leg) for leg in Wiring.parse(wiring).legs] == kinds


def test_a_leg_between_phases_is_driven_by_more() -> None:
    """√3 times the voltage to neutral: 208 V of 120 V."""
    assert volts(120.0).tolist() == pytest.approx([120.0] * 3 + [207.846] * 3 + [0.0] * 6, abs=1e-3)


def test_only_currents_of_one_direction_are_in_phase() -> None:
    """Whichever that is."""
    assert in_phase(on_line(L2)[:3])
    assert in_phase(np.zeros(KINDS, dtype=np.complex128))
    assert not in_phase(on_line(L1))


@pytest.mark.parametrize("every_deg", [5.0, 10.0, 30.0])
@pytest.mark.parametrize("coefficients", [*map(on_line, Phase), *(on_primary(p, TURNS) for p in Phase)])
@given(st.lists(st.floats(0.0, 100.0), min_size=KINDS, max_size=KINDS))
def test_a_polygon_lies_inside_its_circle_and_close_to_it(
    coefficients: Complexes, every_deg: float, amps: list[float]
) -> None:
    """Nothing within it exceeds the circle; nothing beyond it lies deeper than a facet cuts."""
    load = abs(complex(coefficients @ np.array(amps)))
    used = max(float(plane @ np.array(amps)) / share for plane, share in facets(coefficients, every_deg))
    assert load <= used + 1e-9
    assert used * math.cos(math.radians(every_deg / 2.0)) <= load + 1e-9


def test_currents_in_phase_need_one_facet_and_lose_nothing() -> None:
    """A power, or one phase alone."""
    (plane, share), *more = facets(volts(230.0).astype(np.complex128), 10.0)
    assert not more
    assert share == 1.0
    assert plane.tolist() == pytest.approx(volts(230.0).tolist())
