"""A stationary battery as an asset of the site, and what is learned of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ems.domain.apply import apply
from ems.domain.battery import Battery
from ems.domain.events import BatteryAnswered, Event, MeterFailed, MeterRead
from ems.domain.meter import Meter, MeterReading, MeterRole
from ems.domain.phases import Phase
from ems.domain.site import Site
from ems.domain.state import BatteryState, SiteState
from tests.builders import circuit, evse, layout

STORE = Battery("store", "grid", 100_000.0, 46_000.0, 46_000.0, meter="bat", steered=True)
BARE = layout([circuit("grid", 63, meter="main")], [evse("A1", "grid")])
SITE = replace(BARE, meters=(*BARE.meters, Meter("bat", role=MeterRole.BATTERY, circuit="grid")), batteries=(STORE,))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"capacity_wh": -1.0}, "capacity_wh of battery store"),
        ({"charge_w": float("nan")}, "charge_w of battery store"),
        ({"efficiency": 0.0}, "efficiency of battery store"),
        ({"efficiency": 1.1}, "efficiency of battery store"),
        ({"lowest": 0.8, "highest": 0.2}, "states of charge of battery store"),
        ({"reserve": 20.0}, "states of charge of battery store"),
        ({"phases": ()}, "battery store needs phases"),
    ],
)
def test_what_no_battery_can_be_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(STORE, **change)


def test_a_battery_hangs_on_a_circuit_and_a_meter_of_the_site() -> None:
    with pytest.raises(ValueError, match="battery store hangs on an unknown circuit attic"):
        replace(SITE, batteries=(replace(STORE, circuit="attic"),))
    with pytest.raises(ValueError, match="unknown meter lost"):
        replace(SITE, batteries=(replace(STORE, meter="lost"),))
    with pytest.raises(ValueError, match="battery ids repeat"):
        replace(SITE, batteries=(STORE, STORE))


def test_its_power_is_spread_over_its_phases_and_charging_is_a_load() -> None:
    assert STORE.amps(6900.0, 230.0) == pytest.approx((10.0, 10.0, 10.0))
    assert replace(STORE, phases=(Phase.L2,)).amps(-2300.0, 230.0) == pytest.approx((0.0, -10.0, 0.0))


def test_the_reserve_lifts_the_floor() -> None:
    assert (replace(STORE, lowest=0.1).floor, replace(STORE, lowest=0.1, reserve=0.3).floor) == (0.1, 0.3)


def told(*events: Event, site: Site = SITE) -> BatteryState:
    state = SiteState.initial(site)
    for event in events:
        state = apply(state, event)
    return state.batteries[0]


def test_its_meter_tells_state_of_charge_and_power() -> None:
    reading = MeterReading(5.0, (10.0, 10.0, 10.0), power_w=6900.0, soc=0.4)
    assert told(MeterRead("bat", reading)) == BatteryState(0.4, 6900.0, 5.0)
    assert told(MeterRead("main", reading)) == BatteryState()


def test_behind_an_inverter_with_pv_only_what_flows_into_the_battery_counts() -> None:
    reading = MeterReading(5.0, (-10.0, -10.0, -10.0), power_w=-6900.0, soc=0.4, storage_w=2000.0)
    assert told(MeterRead("bat", reading)).power_w == 2000.0


def test_a_meter_that_states_no_power_is_taken_at_its_currents() -> None:
    assert told(MeterRead("bat", MeterReading(5.0, (10.0, 10.0, 10.0)))).power_w == pytest.approx(6900.0)


def test_a_state_of_charge_that_is_not_told_any_more_is_unknown() -> None:
    with_soc = MeterRead("bat", MeterReading(5.0, (0.0, 0.0, 0.0), soc=0.4))
    without = MeterRead("bat", MeterReading(6.0, (0.0, 0.0, 0.0)))
    assert told(with_soc, without).soc is None
    assert told(with_soc, MeterFailed("bat", 6.0, "silent")).soc == 0.4


def test_what_it_was_told_is_known_until_it_is_told_something_else() -> None:
    held = BatteryAnswered("store", 7.0, 3000.0)
    assert told(held).told_w == 3000.0
    refused = told(held, BatteryAnswered("store", 8.0, None, "refuses"))
    assert (refused.told_w, refused.fault) == (3000.0, "refuses")
    assert told(held, BatteryAnswered("store", 8.0, None, "refuses"), BatteryAnswered("store", 9.0, None)).fault == ""
    assert told(BatteryAnswered("attic", 7.0, 3000.0)) == BatteryState()


def test_one_battery_is_steered() -> None:
    assert (SITE.steered_battery, BARE.steered_battery) == (0, None)
    assert SITE.battery_index("attic") is None
