"""Who has got the energy that was paid for gets no more, and the room goes to the others."""

from __future__ import annotations

from ems.domain.decision import Binding
from ems.domain.events import EnergyCapped
from tests.builders import site


def test_a_vehicle_is_paused_at_its_cap_and_told_why() -> None:
    scene = site("two_feeders").car("A1").after(60)
    scene.tell(EnergyCapped("A1/1", 8000.0)).after(30)
    assert scene.setpoint("A1").amps > 6.0
    scene.after(1800)
    assert scene.known("A1").session is not None
    assert scene.setpoint("A1").amps == 0.0
    reason = scene.setpoint("A1").reason
    assert (reason.binding, "8.0 kWh that were paid for" in reason.subject) == (Binding.LIMIT, True)
    assert scene.draws("A1") == 0.0


def test_what_a_capped_vehicle_leaves_goes_to_the_others() -> None:
    scene = site("two_feeders").car("A1").car("A2").tell(EnergyCapped("A1/1", 0.0)).after(120)
    assert scene.setpoint("A1").amps == 0.0
    assert scene.setpoint("A2").amps > 6.0


def test_without_a_cap_it_charges_on() -> None:
    scene = site("two_feeders").car("A1").tell(EnergyCapped("A1/1", 0.0)).after(60)
    scene.tell(EnergyCapped("A1/1", None)).after(120)
    assert scene.setpoint("A1").amps > 6.0
