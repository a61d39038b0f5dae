"""What a vehicle can take at an EVSE."""

from __future__ import annotations

import pytest

from ems.domain.phases import Wiring
from ems.domain.station import Evse
from ems.domain.vehicle import Vehicle

THREE, ONE, LINK = (Evse("A", 1, "grid", Wiring.parse(text), 32, 6) for text in ("L1 L2 L3", "L2", "L1-L2"))
DC = Evse("D", 1, "grid", Wiring.parse("L1 L2 L3"), 250, 0, dc_efficiency=0.92)


@pytest.mark.parametrize(
    ("vehicle", "evse", "most_a", "least_a", "legs"),
    [
        (Vehicle("v"), THREE, 32, 6, 3),
        (Vehicle("v", max_a=16, legs=3), THREE, 16, 6, 3),
        (Vehicle("v", max_a=64, legs=1, min_a=8), THREE, 32, 8, 1),
        (Vehicle("v", max_a=16, legs=3), ONE, 16, 6, 1),
        (Vehicle("v", legs=1), LINK, 32, 6, 1),
        (Vehicle("v", max_w=150e3), THREE, 32, 6, 3),  # its DC side says nothing at an AC outlet
        (Vehicle("v", max_w=92e3), DC, 100e3 / 690, 6, 3),
        (Vehicle("v", max_w=500e3), DC, 250, 6, 3),
        (Vehicle("v", max_a=16, min_a=8, legs=1), DC, 250, 6, 3),
    ],
)
def test_what_it_can_take_at_an_evse(vehicle: Vehicle, evse: Evse, most_a: float, least_a: float, legs: int) -> None:
    assert vehicle.most_a(evse, 230.0) == pytest.approx(most_a)
    assert (vehicle.least_a(evse), vehicle.legs_at(evse)) == (least_a, legs)


def test_a_battery_takes_less_than_is_metered() -> None:
    assert Vehicle("v", battery_wh=90e3).most_wh == pytest.approx(100e3)
    assert Vehicle("v").most_wh is None
