"""A station has an outlet that the site does not describe: whoever plugs in there draws what nobody limits."""

from __future__ import annotations

from ems.domain.outlet import OutletSeen
from tests.builders import Scenario, circuit, evse, layout, site


def pair() -> Scenario:
    return site(layout([circuit("grid", 40, meter="main")], [evse("A1", "grid"), evse("A2", "grid")])).after(1)


def test_it_is_an_alarm_that_names_the_outlet_and_what_to_do() -> None:
    told = pair().tell(OutletSeen("A1", 3, True), OutletSeen("A1", 2, True)).after(1).alarm("outlet:A1")
    assert told is not None
    assert told.text == "A1 has outlets that the site does not describe (2, 3): nobody limits what they draw"
    assert "One outlet more" in told.remedy


def test_it_is_over_when_nobody_can_charge_there() -> None:
    s = pair().tell(OutletSeen("A1", 2, True)).after(1).expect(alarm="outlet:A1")
    assert s.tell(OutletSeen("A1", 2, False)).after(1).alarm("outlet") is None


def test_what_flows_there_is_base_load_for_the_others() -> None:
    s = pair().tell(OutletSeen("A1", 2, True)).car("A2").after(60).expect(A2=32)
    s.meter("main", 20, 20, 20).after(20).expect(A2=(6, 20))
