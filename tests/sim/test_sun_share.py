"""What vehicles have from the sun, at once or through a battery."""

from __future__ import annotations

import numpy as np
import pytest

from ems.sim.sun_share import sun_share

ROWS = [
    ("at once", [4, 4], [2, 8], [0, 0], 0.75),
    ("nothing where the building takes it", [4, 4], [-2, -8], [0, 0], 0.0),
    ("what was stored, later", [0, 4], [4, 0], [4, -4], 1.0),
    ("but not what came from the grid", [0, 4], [0, 0], [4, -4], 0.0),
    ("nor what the battery held at the begin", [4, 4], [0, 0], [-4, -4], 0.0),
    ("vehicles have the sun before the battery", [3, 4], [4, 0], [4, -4], 4.0 / 7.0),
    ("the building has its part of what is given", [0, 4], [4, -4], [4, -4], 0.5),
    ("the sun is given first", [0, 2, 2], [2, 0, 0], [4, -2, -2], 0.5),
]


@pytest.mark.parametrize(("name", "evses", "sun", "battery", "share"), ROWS, ids=[row[0] for row in ROWS])
def test_the_share_of_the_sun(
    name: str, evses: list[float], sun: list[float], battery: list[float], share: float
) -> None:
    assert sun_share(np.array(evses), np.array(sun), np.array(battery)) == pytest.approx(share), name


def test_losses_are_taken_off_both_ways() -> None:
    """Of 4 kWh taken 3.24 are given; a vehicle wants 4."""
    found = sun_share(np.array([0.0, 4.0]), np.array([4.0, 0.0]), np.array([4.0, -3.24]), efficiency=0.9)
    assert found == pytest.approx(0.81)


def test_a_share_does_not_depend_on_the_length_of_bins() -> None:
    evses, sun, battery = np.array([0.0, 4.0]), np.array([4.0, 0.0]), np.array([4.0, -3.0])
    shares = [sun_share(evses, sun, battery, hours=hours) for hours in (1.0 / 12.0, 1.0)]
    assert shares == pytest.approx([0.75, 0.75])


def test_without_vehicles_there_is_no_share() -> None:
    assert sun_share(np.zeros(2), np.ones(2), np.zeros(2)) == 0.0
